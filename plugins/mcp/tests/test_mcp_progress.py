"""Progress of a call, and what becomes of a call that is cancelled or cut short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI
from codeconductor.testing.servers.faults import silence
from codeconductor_mcp._progress import reporting
from mcp import Client

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = "/v1/chat/completions"


async def until(server: ScriptedOpenAI, condition: Callable[[], bool]) -> None:
    """Wait for what is to happen on a scripted server."""
    await asyncio.to_thread(server.wait_until, condition)


# Progress


@pytest.mark.anyio
async def test_progress_tells_who_answered(world: Any, way: tuple[str, str]) -> None:
    """It grows with each notification, and ends with the decision."""
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    with ScriptedOpenAI(ScriptedModel(name="one", reply="a"), ScriptedModel(name="two", reply="b")) as server:
        world.ask(server, "one", "two")
        async with world.client(*way) as client:
            result = await client.call_tool("consensus", {"task": "Add"}, progress_callback=note)
    assert not result.is_error
    progress = [one[0] for one in told]
    assert progress == sorted(set(progress))
    messages = [message or "" for _, _, message in told]
    assert messages[:2] == ["looking for models", "asking acme/one, acme/two"]
    assert sorted(messages[2:-1]) == ["acme/one answered", "acme/two answered"]
    assert messages[-1] == "decided by longest"
    assert [total for _, total, _ in told] == [None, *[4.0] * 4]
    assert told[-1][0] == 4.0


@pytest.mark.anyio
async def test_a_silent_call_gives_signs_of_life_that_grow() -> None:
    """Clients cut off a tool that says nothing; a sign of life never amounts to a step."""
    told: list[float] = []
    enough = asyncio.Event()

    class Client:
        async def report_progress(
            self, progress: float, total: float | None = None, message: str | None = None
        ) -> None:
            told.append(progress)
            if len(told) == 5:
                enough.set()

    async with reporting(Client(), "working", silence=0.001) as steps:
        await enough.wait()
        enough.clear()
        told.clear()
        steps.step("one is done")
        await enough.wait()
    assert told == sorted(set(told))
    assert all(step < 2 for step in told)


@pytest.mark.anyio
async def test_every_step_is_told_though_the_client_is_slow() -> None:
    """In their order, also those that come at once and more of them than were expected; the total stays."""
    told: list[tuple[float, float | None, str | None]] = []

    class Slow:
        async def report_progress(
            self, progress: float, total: float | None = None, message: str | None = None
        ) -> None:
            await asyncio.sleep(0)
            told.append((progress, total, message))

    async with reporting(Slow(), "working") as steps:
        steps.total = 3.0
        for number in range(6):
            steps.step(str(number))
        steps.step("decided", is_last=True)
    assert [message for _, _, message in told] == ["working", *"012345", "decided"]
    progress = [done for done, _, _ in told]
    assert progress == sorted(set(progress))
    assert progress[-1] == 3.0
    assert {total for _, total, _ in told[1:]} == {3.0}


@pytest.mark.anyio
async def test_a_call_that_fails_ends_its_reports() -> None:
    """Whatever the client does with them."""

    class Gone:
        async def report_progress(
            self, progress: float, total: float | None = None, message: str | None = None
        ) -> None:
            raise ConnectionError("gone")

    async with reporting(Gone(), "working") as steps:
        steps.step("one")
    with pytest.raises(ValueError, match="broken"):
        async with reporting(Gone(), "working"):
            raise ValueError("broken")


# Cancellation


@pytest.mark.anyio
async def test_a_cancelled_call_cancels_the_requests_to_the_models(world: Any, way: tuple[str, str]) -> None:
    """The server goes on with other calls, and the run is in the history as interrupted."""
    with ScriptedOpenAI(ScriptedModel(name="parrot"), faults={ASKED: silence()}) as server:
        world.ask(server, "parrot")
        async with world.client(*way) as client:
            calling = asyncio.create_task(client.call_tool("consensus", {"task": "Add"}))
            await until(server, lambda: len(server.asked(ASKED)) > 0)
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            await until(server, lambda: len(server.cancelled(ASKED)) == len(server.asked(ASKED)))
            runs = (await client.call_tool("history", {})).structured_content["runs"]
    assert [run["status"] for run in runs] == ["interrupted"]


@pytest.mark.anyio
async def test_over_http_a_signal_says_where_to_find_what_was_recorded(world: Any) -> None:
    """In the midst of a call, whose run is in the history as interrupted."""
    with ScriptedOpenAI(ScriptedModel(name="parrot"), faults={ASKED: silence()}) as server:
        world.ask(server, "parrot")
        with world.start("--http", "--port", "0") as process:
            assert process.stderr is not None
            url = process.stderr.readline().split()[-1]
            async with Client(url) as client:
                calling = asyncio.create_task(client.call_tool("consensus", {"task": "Add"}))
                await until(server, lambda: len(server.asked(ASKED)) > 0)
                process.terminate()
                err = await asyncio.to_thread(process.stderr.read)
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)
    assert process.returncode == 130
    assert "Hint: `conductor history` lists what was recorded" in err
    assert "nothing was recorded" not in err
