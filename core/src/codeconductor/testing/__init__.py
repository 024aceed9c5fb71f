"""For authors of plugins: scripted servers, values and sessions to test with, and the conformance kit.

Needs the extra `testing` (`codeconductor-core[testing]`); `codeconductor.testing.servers` alone does not. Fixtures are
imported into a conftest: nothing is registered with pytest by itself, so that it never loads in the projects whose
tests CodeConductor runs. Names are resolved when they are first used (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor.testing.cassettes import play_cassette
    from codeconductor.testing.clock import run_at_once
    from codeconductor.testing.contracts import (
        CoderContract,
        ProviderContract,
        RendererContract,
        RunnerContract,
        StrategyContract,
    )
    from codeconductor.testing.sessions import (
        EventLog,
        MakeSession,
        make_session,
        new_session,
        project_folder,
        record_events,
        session,
    )
    from codeconductor.testing.values import ScriptedBench, a_bench, a_model, a_query, a_task, an_answer

_HOMES = {
    "codeconductor.testing.cassettes": ("play_cassette",),
    "codeconductor.testing.clock": ("run_at_once",),
    "codeconductor.testing.contracts": (
        "CoderContract",
        "ProviderContract",
        "RendererContract",
        "RunnerContract",
        "StrategyContract",
    ),
    "codeconductor.testing.sessions": (
        "EventLog",
        "MakeSession",
        "make_session",
        "new_session",
        "project_folder",
        "record_events",
        "session",
    ),
    "codeconductor.testing.values": ("ScriptedBench", "a_bench", "a_model", "a_query", "a_task", "an_answer"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CoderContract",
    "EventLog",
    "MakeSession",
    "ProviderContract",
    "RendererContract",
    "RunnerContract",
    "ScriptedBench",
    "StrategyContract",
    "a_bench",
    "a_model",
    "a_query",
    "a_task",
    "an_answer",
    "make_session",
    "new_session",
    "play_cassette",
    "project_folder",
    "record_events",
    "run_at_once",
    "session",
]


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
