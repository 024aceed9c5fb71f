"""Finds the strongest sandbox that works here; each is attacked once in a process, and the outcome kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from codeconductor.sandbox.tiers import BUILTIN
from codeconductor.sandbox.trial import Trial, attack
from codeconductor.sandbox.values import Limits, Strength
from codeconductor.settings import RunSettings, SandboxSettings
from codeconductor.settings.tables import size_in_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.sandbox.payload import Sandbox
    from codeconductor.session import Session

_ORDER: tuple[Strength, ...] = ("none", "partial", "strong")

_trials: dict[tuple[type, str], Trial] = {}
_lock = threading.Lock()


def trial_of(sandbox: Sandbox) -> Trial:
    """What came of attacking it, now or earlier in this process."""
    key = (type(sandbox), sandbox.name)  # plugins may make theirs anew each time
    with _lock:
        if key not in _trials:
            _trials[key] = attack(sandbox)
        return _trials[key]


def sandboxes(session: Session) -> Sequence[Sandbox]:
    """The built-in ones, the strongest first, then those that plugins bring, by name."""
    ours = {sandbox.name for sandbox in BUILTIN}
    brought = session.plugins.sandboxes()
    for name in ours & brought.keys():
        session.warn(f"the sandbox {name!r} of plugin {brought[name][0]!r} is not used: it has the name of core's own")
    return [*BUILTIN, *(brought[name][1] for name in sorted(brought.keys() - ours))]


def strongest(candidates: Sequence[Sandbox]) -> Sandbox | None:
    """The strongest that works, the first among equals; None where none does. What cannot be stronger is not tried."""
    best: Sandbox | None = None
    for candidate in candidates:
        if best is not None and _ORDER.index(candidate.strength) <= _ORDER.index(best.strength):
            continue
        found = trial_of(candidate).sandbox
        if found is not None and (best is None or _ORDER.index(found.strength) > _ORDER.index(best.strength)):
            best = found
    return best


def find_sandbox(session: Session) -> Sandbox | None:
    """The strongest sandbox that works here and is strong enough by ``[sandbox] minimum``; None: no code is run."""
    minimum = session.settings("sandbox", SandboxSettings).minimum
    best = strongest(sandboxes(session))
    return best if best is not None and _ORDER.index(best.strength) >= _ORDER.index(minimum) else None


def may_execute(session: Session) -> bool:
    """Whether candidates may be run at all by ``run.execute``."""
    return session.settings("run", RunSettings).execute


def limits_for(session: Session, seconds: float) -> Limits:
    """The limits of ``[sandbox]`` for something that may take so many seconds of wall clock."""
    table = session.settings("sandbox", SandboxSettings)
    return Limits(
        seconds=seconds,
        memory=size_in_bytes(table.memory),
        file_size=size_in_bytes(table.file_size),
        processes=table.processes,
    )
