"""The strategy `judge`: a model decides between the two largest groups of answers, asked in both orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from codeconductor import consensus_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Consensus, Model, Task


class _Verdict(NamedTuple):
    """Which of two groups a judge prefers, 0 or 1 (None: there is no verdict), and how that is told."""

    group: int | None
    told: str


class Judge:
    """A model decides between the two largest groups of answers that say the same, and nothing else.

    Models that judge favour what stands first, so both orders are asked and a verdict that changes with them is none
    (Zheng et al. 2023, "Judging LLM-as-a-Judge"; Wang et al. 2023). They favour what they wrote themselves, too
    (Panickssery et al. 2024), which no order shows: a judge that is not of the team is better. Where there is no
    verdict, for whatever reason, the larger group stays, and the explanation says why.
    """

    name = "judge"
    decides = "code"
    asks = True

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Group the answers, and ask a model about the two largest groups."""
        from codeconductor_consensus_judge._groups import groups_of  # when it is asked: every run lists the strategy

        ordered = sorted(answers, key=lambda answer: (answer.model.id, answer.sample, answer.text))
        groups = await groups_of(task, ordered, bench)
        speakers = [_speaker(group, ordered, bench) for group in groups[:2]]
        if len(groups) == 1:
            verdict = _Verdict(None, "There is nothing to judge: all that can be compared say the same.")
        else:
            verdict = await _judged(task, [ordered[it] for it in speakers], ordered, bench)
            sizes = f"{len(groups[0])} and {len(groups[1])} of {len(ordered)} answers"
            end = f": the larger group stays ({sizes})." if verdict.group is None else f" in both orders ({sizes})."
            verdict = verdict._replace(told=verdict.told + end)
        return consensus_on(
            ordered,
            groups,
            speakers[verdict.group or 0],
            bench,
            explanation=verdict.told,
            signals={"judged": float(verdict.group is not None)},
        )

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name: it costs two more questions."""


def _speaker(group: Sequence[int], answers: Sequence[Answer], bench: Bench) -> int:
    """The answer that stands for a group: of the heaviest model, then the shortest."""

    def rank(place: int) -> tuple[float, int, int]:
        answer = answers[place]
        return -bench.weights.get(answer.model.id, 1.0), sum(len(it.text) for it in answer.code or [answer]), place

    return min(group, key=rank)


async def _judged(task: Task, speakers: Sequence[Answer], answers: Sequence[Answer], bench: Bench) -> _Verdict:
    """Ask in both orders; the second only where the first gave a verdict."""
    from codeconductor_consensus_judge._choice import judge_of
    from codeconductor_consensus_judge._question import SCHEMA, messages_for, verdict_in

    judge = judge_of(answers, bench)
    if isinstance(judge, str):
        return _Verdict(None, f"Nobody judged, as {judge}")
    preferred = []
    for places in ((0, 1), (1, 0)):
        messages = messages_for(task, speakers[places[0]], speakers[places[1]], judge)
        if messages is None:
            return _Verdict(None, f"Nobody judged, as the two are too long for the context of {judge.id}")
        reply = await bench.ask(judge, messages, SCHEMA)
        side = verdict_in(reply) if reply.error is None else None
        if side is None:
            return _Verdict(None, f"Warning: {_failure(judge, reply)}")
        preferred.append(places["AB".index(side)])
    if preferred[0] != preferred[1]:
        return _Verdict(None, f"{judge.id} preferred whatever stood {_place(preferred[0])}, which is no verdict")
    better, other = speakers[preferred[0]].model.id, speakers[1 - preferred[0]].model.id
    return _Verdict(preferred[0], f"{judge.id} preferred the answer of {better} to that of {other}")


def _place(preferred: int) -> str:
    return "first" if preferred == 0 else "second"


def _failure(judge: Model, reply: Answer) -> str:
    if reply.error is None:
        return f"{judge.id} gave no verdict that can be read"
    return f"{judge.id} could not judge ({reply.error.kind}: {reply.error.message})"
