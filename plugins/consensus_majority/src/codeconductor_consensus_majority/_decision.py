"""What a ballot decides: the program, answer, calls or text with the most votes, and the plan that was agreed on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import attrs
from codeconductor import Disagreement, FieldConsensus, Option, frozen

from codeconductor_consensus_majority._calls import Call, key_of
from codeconductor_consensus_majority._central import centrality, medoid
from codeconductor_consensus_majority._proposals import MAX_OPTIONS, Agreed, agree
from codeconductor_consensus_majority._reading import (
    answers_of,
    calls_in,
    is_question,
    may_say,
    plans_of,
    programs_of,
    same_prose,
    wants_calls,
)

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from codeconductor import Answer, Task

    from codeconductor_consensus_majority._programs import Program
    from codeconductor_consensus_majority._signals import Sides
    from codeconductor_consensus_majority._votes import Ballot

Subject = Literal["code", "answer", "calls", "text", "plan"]


@frozen(kw_only=True)
class Decision:
    """What was decided, and by whom.

    Attributes:
        subject: What the votes were counted on.
        outcome: As in a `Consensus`.
        fields: As in a `Consensus`.
        disagreements: As in a `Consensus`.
        agreement: Share of the votes behind the outcome.
        choice: The answer that the outcome was taken from.
        backers: The answers that say the same as the choice; for a plan those that back its approach.
        groups: Different programs, answers, calls, texts or approaches that there are.
        largest: Answers in the group with the most answers, which is not always the one with the most votes.
        level: Groups with as many votes as the one that was taken.
        sides: Where values were compared, the answers that gave the same one, for each value.
        planned: Answers with a plan.
        broken: Answers whose program does not parse or was cut.
    """

    subject: Subject
    outcome: Mapping[str, Any]
    fields: tuple[FieldConsensus, ...]
    disagreements: tuple[Disagreement, ...]
    agreement: float
    choice: int
    backers: tuple[int, ...]
    groups: int
    largest: int
    level: int
    sides: Sides = ()
    planned: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()


def decide(task: Task, ballot: Ballot) -> Decision:
    """Count the votes: on what the task wants, as far as the answers have it.

    A question is decided by its answers; another task by the code, else by function calls, else by the plans, else by
    the texts.
    """
    if is_question(task):
        return _on_answers(task, ballot)
    calls = {i: calls_in(task, a) for i, a in enumerate(ballot.answers)}
    calls = {i: found for i, found in calls.items() if found}
    if calls and (wants_calls(task) or not any(answer.code for answer in ballot.answers)):
        return _on_calls(calls, ballot, is_optional=wants_calls(task) and may_say(task))
    plans = plans_of(ballot)
    agreed = agree(plans, ballot)
    programs = programs_of(task, ballot)
    if programs:
        return _on_code(programs, agreed, tuple(sorted(plans)), ballot)
    if plans:
        return _on_plans(agreed, tuple(sorted(plans)), ballot)
    if any(_has_answer(answer) for answer in ballot.answers):
        return _on_answers(task, ballot)
    return _on_texts(ballot)


def _has_answer(answer: Answer) -> bool:
    return answer.data is not None and "answer" in answer.data


def _on_code(programs: Mapping[int, Program], agreed: Agreed, planned: tuple[int, ...], ballot: Ballot) -> Decision:
    """The program that most votes are behind; those that are whole go before those that are not."""
    whole = {i: program for i, program in programs.items() if program.whole}
    running = whole or programs
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for i, program in running.items():
        groups.setdefault(program.shape, []).append(i)
    most = max(ballot.share(backers) for backers in groups.values())
    level = [backers for backers in groups.values() if ballot.share(backers) == most]
    texts = {i: program.text for i, program in running.items()}
    rated = centrality(_votes(texts, ballot), [texts[i] for backers in level for i in backers])
    # between equals the most central text decides, then the alphabet: never the order of arrival
    backers = min(level, key=lambda group: min((-rated[texts[i]], texts[i]) for i in group))
    near = agreed.closeness
    choice = min(backers, key=lambda i: (-near.get(i, 0.0), -rated[texts[i]], texts[i], i))
    code = programs[choice].blocks
    agreement = ballot.share(backers)
    field = FieldConsensus(name="code", value=code, support=agreement, models=ballot.models(backers))
    return Decision(
        subject="code",
        outcome={**agreed.outcome, "code": code},
        fields=(*agreed.fields, field),
        disagreements=agreed.disagreements,
        agreement=agreement,
        choice=choice,
        backers=tuple(backers),
        groups=len(groups),
        largest=max(map(len, groups.values())),
        level=len(level),
        planned=planned,
        broken=tuple(i for i, program in programs.items() if not program.whole),
    )


def _votes(texts: Mapping[int, str], ballot: Ballot) -> dict[str, float]:
    backers: dict[str, list[int]] = {}
    for i, text in texts.items():
        backers.setdefault(text, []).append(i)
    return {text: ballot.weight(who) for text, who in backers.items()}


def _on_plans(agreed: Agreed, planned: tuple[int, ...], ballot: Ballot) -> Decision:
    """No code at all: the plan that is nearest to what was agreed on.

    The agreement is the mean support of what was agreed on; where that is nothing, the best support of any option.
    """
    texts = {i: ballot.answers[i].text for i in planned}
    rated = centrality(_votes(texts, ballot))
    choice = min(planned, key=lambda i: (-agreed.closeness[i], -rated[texts[i]], texts[i], i))
    supports = [field.support for field in agreed.fields]
    best = max((option.support for d in agreed.disagreements for option in d.options), default=0.0)
    backed = agreed.approaches[0] if agreed.approaches else planned
    return Decision(
        subject="plan",
        outcome=agreed.outcome,
        fields=agreed.fields,
        disagreements=agreed.disagreements,
        agreement=round(math.fsum(supports) / len(supports), 12) if supports else best,
        choice=choice,
        backers=tuple(sorted(backed)),
        groups=len(agreed.approaches),
        largest=max(map(len, agreed.approaches), default=0),
        level=sum(ballot.share(backers) == ballot.share(backed) for backers in agreed.approaches),
        planned=planned,
    )


def _on_calls(calls: Mapping[int, tuple[Call, ...]], ballot: Ballot, *, is_optional: bool) -> Decision:
    """The calls with the most votes; where they are optional, that none is made is one more group: all the texts."""
    groups: dict[str, list[int]] = {}
    for i, found in calls.items():
        groups.setdefault(key_of(found), []).append(i)
    texts = {i: key for key, backers in groups.items() for i in backers}
    plain = {i: [{"name": c.name, "arguments": c.arguments} for c in found] for i, found in calls.items()}
    sides = list(groups.values())
    spoken = (
        {i: answer.text.strip() for i, answer in enumerate(ballot.answers) if i not in calls} if is_optional else {}
    )
    together = [*sides, list(spoken)] if spoken else sides
    decision = _on_groups("calls", together, texts | spoken, {**plain, **spoken}, ballot, late=spoken, sides=sides)
    if decision.choice not in spoken:
        return decision
    return attrs.evolve(decision, outcome={"text": spoken[decision.choice]})


def _on_answers(task: Task, ballot: Ballot) -> Decision:
    said, groups, prose = answers_of(task, ballot)
    if not said:
        return _on_texts(ballot)
    return _on_groups("answer", [*groups, *same_prose(prose, ballot)], said, said, ballot, late=prose, sides=groups)


def _on_texts(ballot: Ballot) -> Decision:
    texts = {i: answer.text.strip() for i, answer in enumerate(ballot.answers)}
    return _on_groups("text", same_prose(texts, ballot), texts, texts, ballot)


def _on_groups(
    subject: Subject,
    groups: Sequence[Sequence[int]],
    texts: Mapping[int, str],
    values: Mapping[int, Any],
    ballot: Ballot,
    *,
    late: Container[int] = (),
    sides: Sequence[Sequence[int]] = (),
) -> Decision:
    """The group with the most votes, between equals the one most like all others; its value is its medoid's.

    Groups of answers in `late` come after their equals: prose after a value. `sides` are those groups that have one.
    """
    rated = centrality(_votes(texts, ballot))

    def rank(group: Sequence[int]) -> tuple[float, bool, tuple[float, str, int]]:
        return -ballot.share(group), group[0] in late, min((-rated[texts[i]], texts[i], i) for i in group)

    ranked = sorted(groups, key=rank)
    backers = ranked[0]
    speakers = [_speaker(group, texts, ballot) for group in ranked[:MAX_OPTIONS]]
    choice = speakers[0]
    agreement = ballot.share(backers)
    options = [
        Option(value=values[i], support=ballot.share(group), models=ballot.models(group))
        for i, group in zip(speakers, ranked, strict=False)
    ]
    field = FieldConsensus(name=subject, value=values[choice], support=agreement, models=ballot.models(backers))
    return Decision(
        subject=subject,
        outcome={subject: values[choice]},
        fields=(field,),
        disagreements=(Disagreement(field=subject, options=options),) if len(ranked) > 1 and subject != "text" else (),
        agreement=agreement,
        choice=choice,
        backers=tuple(backers),
        groups=len(ranked),
        largest=max(map(len, ranked)),
        level=sum(ballot.share(group) == agreement for group in ranked),
        sides=tuple(map(tuple, sides)),
    )


def _speaker(group: Sequence[int], texts: Mapping[int, str], ballot: Ballot) -> int:
    """The first answer of a group that words it most centrally."""
    said = medoid(_votes({i: texts[i] for i in group}, ballot))
    return min(i for i in group if texts[i] == said)
