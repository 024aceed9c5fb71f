"""Scripted model servers on loopback, with faults: what a recording cannot show, such as time, order and cut streams.

    with ScriptedOllama(ScriptedModel(name="qwen3:8b", reply="Hello.")) as ollama:
        ...  # ask ollama.host
        assert ollama.most_at_once("/api/chat") == 1

Each runs in a thread of its own, on a free port, until it is left. `python -m codeconductor.testing.servers` runs one
as a program. Nothing here needs pytest.
"""

from __future__ import annotations

from codeconductor.testing.servers.faults import (
    FAULTS,
    answered_by,
    broken_gzip,
    broken_json,
    broken_utf8,
    chunked,
    combined,
    cut,
    dies,
    dies_idle,
    empty,
    endless,
    error_frame,
    failed,
    gzip_bomb,
    gzipped,
    held_until,
    huge_frame,
    no_final,
    only_first,
    only_reasoning,
    overflowed,
    overloaded,
    rechunked,
    redirected,
    refusing_host,
    removed,
    reset,
    silence,
    status,
    unloaded,
    with_length,
)
from codeconductor.testing.servers.generic import ScriptedOpenAI
from codeconductor.testing.servers.lmstudio import ScriptedLMStudio
from codeconductor.testing.servers.memory import Load
from codeconductor.testing.servers.ollama import ScriptedOllama
from codeconductor.testing.servers.script import DEFAULT_REPLY, Said, ScriptedModel
from codeconductor.testing.servers.server import ScriptedServer
from codeconductor.testing.servers.wire import Exchange, Fault, Frame, Request

__all__ = [
    "DEFAULT_REPLY",
    "FAULTS",
    "Exchange",
    "Fault",
    "Frame",
    "Load",
    "Request",
    "Said",
    "ScriptedLMStudio",
    "ScriptedModel",
    "ScriptedOllama",
    "ScriptedOpenAI",
    "ScriptedServer",
    "answered_by",
    "broken_gzip",
    "broken_json",
    "broken_utf8",
    "chunked",
    "combined",
    "cut",
    "dies",
    "dies_idle",
    "empty",
    "endless",
    "error_frame",
    "failed",
    "gzip_bomb",
    "gzipped",
    "held_until",
    "huge_frame",
    "no_final",
    "only_first",
    "only_reasoning",
    "overflowed",
    "overloaded",
    "rechunked",
    "redirected",
    "refusing_host",
    "removed",
    "reset",
    "silence",
    "status",
    "unloaded",
    "with_length",
]
