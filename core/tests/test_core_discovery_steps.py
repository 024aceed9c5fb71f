"""A plugin that blocks where it should wait is interrupted, and costs only itself."""

from __future__ import annotations

import asyncio
import gc
import itertools
import signal
import threading
import time
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Model, Problem, discover, discover_hosts, hookimpl
from codeconductor.discovery import steps
from codeconductor.testing import MakeSession, a_model, make_session, project_folder, run_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Discovery

__all__ = ["make_session", "project_folder"]

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")

FOREVER = 60.0


def rings_soon() -> None:
    """Have the timer that runs ring at once: who blocks is interrupted soon, and who is only slow is not."""
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    signal.setitimer(signal.ITIMER_REAL, 0.001)


class Blocking:
    """Sleeps where it should wait."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        try:
            rings_soon()
            time.sleep(FOREVER)  # noqa: ASYNC251 - what this is about
        except Exception:
            raise AssertionError("an interrupted plugin does not get to see it as an ordinary exception") from None
        return [a_model("never")]


class BlockingProbe:
    """Sleeps while it asks a host, in a task of its own."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        async def probe(host: str) -> list[Model]:
            await asyncio.sleep(0)
            if host == "blocks:":
                rings_soon()
                time.sleep(FOREVER)  # noqa: ASYNC251 - what this is about
            return [a_model(host=host)]

        return await discover_hosts("acme", ["blocks:", "waits:"], probe)  # type: ignore[return-value]


class Waiting:
    """Waits as it should, in several steps and with a cancellation inside."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        for _ in range(3):
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return [a_model("patient")]
        raise AssertionError("the timeout did not reach the plugin")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, only who makes the timer ring is interrupted."""
    monkeypatch.setattr(steps, "STEP_TIMEOUT", FOREVER)


def found(make_session: MakeSession, **plugins: object) -> Discovery:
    async def ask() -> Discovery:
        async with make_session(**plugins) as session:
            return await discover(session)

    return asyncio.run(ask())


@pytest.mark.usefixtures("patient")
def test_a_plugin_that_blocks_is_a_problem_and_the_others_are_listed(make_session: MakeSession) -> None:
    """Its name and what it did are told; who waits as it should is not disturbed."""
    discovery = found(make_session, first=Waiting(), second=Blocking(), third=Waiting())
    assert [model.name for model in discovery.models] == ["patient"]
    assert [(p.provider, p.error) for p in discovery.problems] == [("second", "blocked for 60 s where it should wait")]
    assert "disabled" in (discovery.problems[0].hint or "")


@pytest.mark.usefixtures("patient")
def test_models_without_an_end_are_a_problem_as_well(make_session: MakeSession) -> None:
    """Reading what a plugin gives is a step like any other."""

    class Endless:
        @hookimpl
        async def conductor_discover_models(self) -> Iterator[Model]:
            def models() -> Iterator[Model]:
                rings_soon()
                yield from itertools.repeat(a_model())

            return models()

    discovery = found(make_session, endless=Endless(), waiting=Waiting())
    assert [model.name for model in discovery.models] == ["patient"]
    assert [problem.provider for problem in discovery.problems] == ["endless"]


@pytest.mark.usefixtures("patient")
def test_a_probe_that_blocks_costs_its_host(make_session: MakeSession) -> None:
    """What a plugin runs through `discover_hosts` is bounded as well, though it runs in other tasks."""
    discovery = found(make_session, probing=BlockingProbe(), waiting=Waiting())
    assert [(problem.provider, problem.host) for problem in discovery.problems] == [("acme", "blocks:")]
    assert [(model.name, model.host) for model in discovery.models] == [("parrot", "waits:"), ("patient", "memory:")]


@pytest.mark.usefixtures("patient")
def test_a_task_of_a_plugins_own_that_blocks_is_interrupted_too(make_session: MakeSession) -> None:
    """A plugin may ask its servers in a group of tasks; what they raise it sees as an ordinary exception."""

    class Grouping:
        @hookimpl
        async def conductor_discover_models(self) -> list[Model]:
            async def block() -> list[Model]:
                rings_soon()
                time.sleep(FOREVER)  # noqa: ASYNC251 - what this is about
                return []

            (models,) = await asyncio.gather(block())
            return models

    discovery = found(make_session, grouping=Grouping(), waiting=Waiting())
    assert [model.name for model in discovery.models] == ["patient"]
    assert [problem.error for problem in discovery.problems] == ["blocked for 60 s where it should wait"]


def test_a_plugin_that_swallows_its_cancellation_is_left_behind(make_session: MakeSession) -> None:
    """The others are listed, and whoever looked for models goes on."""
    ended = asyncio.Event()

    async def stays() -> list[Model]:
        while not ended.is_set():
            with suppress(asyncio.CancelledError):
                await ended.wait()
        return [a_model("late")]

    class Staying:
        @hookimpl
        async def conductor_discover_models(self) -> list[Model]:
            return await stays()

    class Probing:
        @hookimpl
        async def conductor_discover_models(self) -> list[Model | Problem]:
            async def probe(host: str) -> list[Model]:
                return await stays() if host == "stays:" else [a_model(host=host)]

            return await discover_hosts("probing", ["stays:", "waits:"], probe)

    async def ask() -> Discovery:
        async with make_session(staying=Staying(), probing=Probing(), waiting=Waiting()) as session:
            try:
                return await discover(session)
            finally:
                ended.set()

    discovery = run_at_once(ask())
    assert [(model.name, model.host) for model in discovery.models] == [("parrot", "waits:"), ("patient", "memory:")]
    assert [(problem.provider, problem.host) for problem in discovery.problems] == [
        ("probing", "stays:"),
        ("staying", None),
    ]
    assert all("did not list its models within" in problem.error for problem in discovery.problems)


def test_a_program_may_have_tasks_of_its_own_kind(make_session: MakeSession) -> None:
    """Its task factory makes those of discovery too, and is there again when discovery is over."""
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **named)

    async def ask() -> Discovery:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        async with make_session(waiting=Waiting()) as session:
            discovery = await discover(session)
        assert loop.get_task_factory() is factory
        return discovery

    assert [model.name for model in asyncio.run(ask()).models] == ["patient"]
    assert made


def test_the_timer_is_left_as_it_was_found(make_session: MakeSession) -> None:
    """After discovery nothing rings, and SIGALRM does again what it did."""
    found(make_session, waiting=Waiting())
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_that_somebody_uses_is_left_alone(make_session: MakeSession) -> None:
    """A program that has the timer for itself keeps it, and plugins are not bounded."""
    mine = signal.signal(signal.SIGALRM, lambda *_: None)
    handler = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, FOREVER)
    try:
        assert [model.name for model in found(make_session, waiting=Waiting()).models] == ["patient"]
        assert signal.getsignal(signal.SIGALRM) is handler
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, mine)


def test_beside_the_main_thread_discovery_works_without_the_bound(make_session: MakeSession) -> None:
    """Signals belong to the main thread; elsewhere discovery does without them."""
    names: list[str] = []
    thread = threading.Thread(
        target=lambda: names.extend(model.name for model in found(make_session, waiting=Waiting()).models)
    )
    thread.start()
    thread.join()
    assert names == ["patient"]


def test_cancelling_discovery_reaches_the_plugin(make_session: MakeSession) -> None:
    """Ctrl-C or a limit of the caller ends a plugin where it waits."""
    seen: list[str] = []
    begun = asyncio.Event()

    class Endless:
        @hookimpl
        async def conductor_discover_models(self) -> list[Model]:
            begun.set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            return []

    async def cancel() -> None:
        async with make_session(endless=Endless()) as session:
            task = asyncio.ensure_future(discover(session))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancel())
    assert seen == ["cancelled"]


@pytest.mark.parametrize("later", range(6))
def test_an_interrupt_at_the_very_beginning_leaves_no_warning_of_pythons(make_session: MakeSession, later: int) -> None:
    """Ctrl-C within the first moments told of coroutines that were never awaited: of plugins', and of ours."""
    session = make_session(acme=Waiting())

    async def main() -> None:
        looking = asyncio.create_task(discover(session))
        for _ in range(later):
            await asyncio.sleep(0)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert [str(warning.message) for warning in told] == []
