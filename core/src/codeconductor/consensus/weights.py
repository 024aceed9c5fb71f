"""What a model's vote weighs: asked of the plugins, before anything is decided."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.consensus.record import TrackRecord
    from codeconductor.discovery import Model
    from codeconductor.session import Session
    from codeconductor.task import Task


def collect_weights(session: Session, task: Task, models: Sequence[Model], record: TrackRecord) -> dict[str, float]:
    """Weight by model id: the first plugin's that knows it, else 1; the record's where no plugin knows any.

    What is no weight is warned about.
    """
    weights: dict[str, float] = {}
    for plugin, given in session.plugins.model_weights(session, task, models):
        if not isinstance(given, Mapping):
            session.warn(f"plugin {plugin!r} gave {type(given).__name__} in place of weights by model id: not used")
            continue
        for model in models:
            weight = given.get(model.id)
            if weight is None or model.id in weights:
                continue
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= sys.float_info.max:
                session.warn(f"plugin {plugin!r} gave {weight!r} as the weight of {model.id}: it is not used")
                continue
            weights[model.id] = float(weight)
    if not weights:
        return {model.id: record.weights[model.id] for model in models}
    return {model.id: weights.get(model.id, 1.0) for model in models}
