"""Many calls at once: how many are worked on, how many wait, and what those are told that may not."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI
from codeconductor.testing.servers.faults import silence

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT = "/v1/chat/completions"
AT_ONCE = 60
PATIENCE = 60.0
"""Seconds after which what must happen has not happened."""


def last_line(text: str) -> str:
    """Of a text."""
    return text.splitlines()[-1]


def echo(body: Mapping[str, Any]) -> str:
    """The task, which the question begins with."""
    return str(body["messages"][-1]["content"]).splitlines()[0]


@attrs.define
class Gate:
    """A model that says its task once it may."""

    opened: threading.Event = attrs.field(factory=threading.Event)

    def __call__(self, body: Mapping[str, Any]) -> str:
        self.opened.wait(PATIENCE)
        return echo(body)


@attrs.define
class Notes:
    """What a call is told of its progress."""

    told: list[str | None] = attrs.field(factory=list)
    waits: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append(message)
        if message is not None and message.startswith("waiting"):
            self.waits.set()

    async def until_it_waits(self) -> None:
        """That it is in the queue."""
        async with asyncio.timeout(PATIENCE):
            await self.waits.wait()


@pytest.mark.anyio
async def test_many_calls_at_once_are_neither_lost_nor_mixed_up(world: Any, way: tuple[str, str]) -> None:
    """All are answered, each with its own, though most have to wait."""
    world.environment.update(CONDUCTOR_MCP__PARALLEL="3", CONDUCTOR_RUN__SAMPLES="1")

    async def ask(client: Any, number: int) -> str:
        if number % 3 == 0:
            result = await client.call_tool("choose", {"task": "Add", "answers": ["a", f"number {number}"]})
            return str(result.structured_content["answer"])
        result = await client.call_tool("consensus", {"task": f"number {number}"})
        return last_line(result.structured_content["prompt"]["text"])

    with ScriptedOpenAI(ScriptedModel(name="parrot", reply=echo)) as server:
        world.ask(server, "parrot")
        async with world.client(*way) as client:
            answers = await asyncio.gather(*(ask(client, number) for number in range(AT_ONCE)))
    assert answers == [f"number {number}" for number in range(AT_ONCE)]


@pytest.mark.anyio
async def test_a_call_beyond_the_queue_is_an_error_that_says_so(world: Any, way: tuple[str, str]) -> None:
    """One works, one waits and is told so, and the third is refused; those two are answered all the same."""
    world.environment.update(CONDUCTOR_MCP__PARALLEL="1", CONDUCTOR_MCP__QUEUE="1", CONDUCTOR_RUN__SAMPLES="1")
    model, notes = Gate(), Notes()
    with ScriptedOpenAI(ScriptedModel(name="parrot", reply=model)) as server:
        world.ask(server, "parrot")
        async with world.client(*way) as client:
            first = asyncio.create_task(client.call_tool("consensus", {"task": "one"}))
            await asyncio.to_thread(server.wait_until, lambda: len(server.asked(CHAT)) == 1)
            second = asyncio.create_task(client.call_tool("consensus", {"task": "two"}, progress_callback=notes))
            await notes.until_it_waits()
            refused = await client.call_tool("models", {})
            history = await client.call_tool("history", {})
            model.opened.set()
            results = [await first, await second]
    assert refused.is_error
    assert "too many calls at once: 2 are worked on or wait\nHint: call again when" in refused.content[0].text
    assert not history.is_error
    assert notes.told[:2] == ["looking for models", "waiting for a place; calls before this one: 1"]
    assert [last_line(result.structured_content["prompt"]["text"]) for result in results] == ["one", "two"]


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place(world: Any) -> None:
    """Another one may wait in its stead."""
    world.environment.update(CONDUCTOR_MCP__PARALLEL="1", CONDUCTOR_MCP__QUEUE="1", CONDUCTOR_RUN__SAMPLES="1")
    model = Gate()
    with ScriptedOpenAI(ScriptedModel(name="parrot", reply=model)) as server:
        world.ask(server, "parrot")
        async with world.client() as client:
            first = asyncio.create_task(client.call_tool("consensus", {"task": "one"}))
            await asyncio.to_thread(server.wait_until, lambda: len(server.asked(CHAT)) == 1)
            for _ in range(3):
                notes = Notes()
                waiting = asyncio.create_task(client.call_tool("models", {}, progress_callback=notes))
                await notes.until_it_waits()
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                await client.call_tool("history", {})  # answered after the cancellation was read
            last = asyncio.create_task(client.call_tool("models", {}))
            await client.call_tool("history", {})
            model.opened.set()
            assert not (await first).is_error
            assert not (await last).is_error


@pytest.mark.anyio
@pytest.mark.parametrize(("transport", "mode"), [("stdio", "auto"), ("stdio", "legacy"), ("http", "legacy")])
async def test_of_several_calls_one_is_cancelled_alone(world: Any, transport: str, mode: str) -> None:
    """Only so many are worked on; one that is cancelled makes room for the next, and no other is touched."""
    world.environment.update(CONDUCTOR_MCP__PARALLEL="3", CONDUCTOR_RUN__SAMPLES="1")
    with ScriptedOpenAI(ScriptedModel(name="parrot"), faults={CHAT: silence()}) as server:
        world.ask(server, "parrot")

        def asked() -> list[str]:
            return [echo(request.body) for request in server.asked(CHAT)]

        async with world.client(transport, mode) as client:
            calls = []
            for number in range(3):
                calls.append(asyncio.create_task(client.call_tool("consensus", {"task": f"number {number}"})))
                await asyncio.to_thread(server.wait_until, lambda: len(asked()) == len(calls))
            notes = Notes()
            call = client.call_tool("consensus", {"task": "number 3"}, progress_callback=notes)
            calls.append(asyncio.create_task(call))
            await notes.until_it_waits()
            assert asked() == ["number 0", "number 1", "number 2"]
            calls[1].cancel()
            # the server may take the next request in before it sees that the connection of this one has ended
            await asyncio.to_thread(server.wait_until, lambda: len(asked()) == 4 and bool(server.cancelled(CHAT)))
            assert [echo(request.body) for request in server.cancelled(CHAT)] == ["number 1"]
            assert asked()[3] == "number 3"
            assert [call.done() for call in calls] == [False, True, False, False]
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize(("name", "value"), [("PARALLEL", "0"), ("QUEUE", "-1"), ("PARALLEL", "many")])
def test_a_limit_that_is_none_is_refused_at_the_start(world: Any, name: str, value: str) -> None:
    """Exit 2, and the setting is named."""
    world.environment[f"CONDUCTOR_MCP__{name}"] = value
    done = world.run()
    assert done.returncode == 2
    assert name.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
