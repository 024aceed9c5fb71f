"""`[judge]`, and which model judges: the one that is named, else the best by track record, else the largest loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import frozen, is_small, matches, setting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Model

TABLE = "judge"


@frozen(kw_only=True)
class JudgeSettings:
    """`[judge]`."""

    model: str | None = setting(
        None,
        help="model that decides between the two largest groups, by id, name or glob; "
        "none: the best by track record, else the largest that is loaded",
    )


def judge_of(answers: Sequence[Answer], bench: Bench) -> Model | str:
    """The model that judges; or, in words, why there is none.

    A model that answered is in memory, whatever discovery saw before. Without a track record, one that is known to be
    small does not judge.
    """
    if not bench.models:
        return "no model is in reach"
    wanted = bench.settings(TABLE, JudgeSettings).model
    if wanted is not None:
        named = [model for model in bench.models if matches(model, wanted)]
        return min(named, key=_rank) if named else f"no model in reach matches {wanted!r}, which [judge] model names"
    answered = {answer.model.id for answer in answers}
    ready = [model for model in bench.models if model.id in answered or model.loaded is not False]
    record = bench.record
    known = [model for model in ready if record.tallies.get(model.id) is not None] if record.tasks else []
    if known:
        return min(known, key=lambda model: (-record.rates.get(model.id, 0.0), *_rank(model)))
    able = [model for model in ready if not is_small(model)]
    return min(able, key=_rank) if able else "no model that is loaded is large enough to judge; [judge] model names one"


def _rank(model: Model) -> tuple[int, int, str]:
    """The largest first; what a server does not tell counts as nothing."""
    return -(model.parameters or 0), -(model.size or 0), model.id
