"""How a decision came about, in a sentence or two that a person understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Bench

    from codeconductor_consensus_majority._decision import Decision
    from codeconductor_consensus_majority._votes import Ballot

_SAME = {
    "code": ("wrote the same program", "program"),
    "answer": ("gave the same answer", "answer"),
    "calls": ("asked for the same calls", "reply"),
    "text": ("said the same", "text"),
    "plan": ("agree on the approach", "approach"),
}


def explain(decision: Decision, ballot: Ballot) -> str:
    """Who stands behind the decision, and what decided where nobody has the most votes."""
    return " ".join([_who(decision, ballot), *_besides(decision, ballot)])


def explain_best(weights: Mapping[str, float], decision: Decision, own: Ballot, backers: Sequence[str]) -> str:
    """Which model decided, why it, and which others say the same."""
    best, noun = own.answers[0].model.id, _SAME[decision.subject][1]
    others = [name for name in backers if name != best]
    if len(weights) == 1:
        why = f"{best} is the only model with a usable answer."
    elif len(set(weights.values())) == 1:
        why = f"All weights are equal, so {best}, the first by name of {len(weights)} models, decides."
    else:
        why = f"{best} has the highest weight ({weights[best]:g}) of {len(weights)} models and decides alone."
    parts = [why]
    if len(own.answers) > 1:
        parts.append(_who(decision, own))
    if len(weights) == 2:
        parts.append(f"The other model came to {'the same' if others else 'another'} {noun}.")
    elif len(weights) > 2:
        parts.append(f"{_some(len(others), len(weights) - 1, 'other model')} came to the same {noun}.")
    return " ".join([*parts, *_besides(decision, own)])


def learned(bench: Bench) -> str:
    """Where the weights come from; empty where a user or a plugin gave them."""
    record = bench.record
    if not record.weights or any(bench.weights.get(model) != weight for model, weight in record.weights.items()):
        return ""
    if not record.tasks:
        return "Models of one family have little more than one vote together."
    how = {
        "uniform": "speak for one vote each, where the better ones decide ties and a family has little more",
        "log-odds": "speak for weights by how often each was right",
        "alone": "speak for the best model alone",
    }[record.rule]
    return f"{record.tasks} earlier {'task' if record.tasks == 1 else 'tasks'} {how}."


def _who(decision: Decision, ballot: Ballot) -> str:
    did, noun = _SAME[decision.subject]
    models = ballot.models(range(len(ballot.answers)))
    if len(ballot.answers) == 1:
        return f"The only usable answer is that of {models[0]}."
    one_each = len(models) == len(ballot.answers)
    unit = "model" if one_each else f"sample of {models[0]}" if len(models) == 1 else "answer"
    if decision.groups == 0:
        return "The plans name no approach."
    if decision.largest > len(decision.backers) == 1:
        name = ballot.answers[decision.choice].model.id
        if decision.level > 1:
            start = f"{decision.level} {_plural(noun)} have as many votes"
            return f"{start}: that of {name} was taken, which is most like all the others."
        return f"The {noun} of {name} was taken, which has the most votes ({_percent(decision, ballot)})."
    if len(decision.backers) == 1:
        taken = f"that of {ballot.answers[decision.choice].model.id}" if len(models) > 1 else "the one"
        start = f"No two of {len(ballot.answers)} {_plural(unit)} {did}"
        if decision.level > 1:
            return f"{start}: {taken} was taken, which is most like all the others."
        if decision.groups > 1:
            return f"{start}: {taken} was taken, which has the most votes ({_percent(decision, ballot)})."
        return f"{start}."
    text = f"{_some(len(decision.backers), len(ballot.answers), unit)} {did}"
    if len(models) > 1 and not one_each:
        text += f" ({_some(len(ballot.models(decision.backers)), len(models), 'model').lower()})"
    if len(set(ballot.weights.values())) > 1:
        text += f", {_percent(decision, ballot)} of the votes by weight"
    if decision.level > 1:
        text += f"; of {decision.level} {_plural(noun)} with as many votes, the one most like all the others was taken"
    return f"{text}."


def _percent(decision: Decision, ballot: Ballot) -> str:
    return f"{100 * ballot.share(decision.backers):.0f} %"


def _besides(decision: Decision, ballot: Ballot) -> list[str]:
    parts = []
    total = len(ballot.answers)
    if decision.subject == "code" and 0 < len(decision.planned) < total:
        parts.append(f"{len(decision.planned)} of {total} answers had a plan.")
    if decision.broken:
        verb = "does" if len(decision.broken) == 1 else "do"
        parts.append(f"{_some(len(decision.broken), total, 'program')} {verb} not parse or ended too early.")
    return parts


def _some(some: int, total: int, noun: str) -> str:
    if total == 1:
        return f"The {noun}"
    if some == total:
        return f"{'Both' if total == 2 else f'All {total}'} {_plural(noun)}"
    return f"{some or 'None'} of {total} {_plural(noun)}"


def _plural(noun: str) -> str:
    head, of, rest = noun.partition(" of ")
    return f"{head}{'e' if head.endswith('ch') else ''}s{of}{rest}".replace("replys", "replies")
