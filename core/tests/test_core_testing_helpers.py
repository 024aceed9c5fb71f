"""What authors of plugins test with: sessions, values, events, cassettes, and a clock that jumps."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor import Message, config_folder, data_folder, hookimpl
from codeconductor.events import Warned
from codeconductor.http import open_client
from codeconductor.testing import (
    MakeSession,
    a_bench,
    a_model,
    a_query,
    a_task,
    an_answer,
    play_cassette,
    record_events,
    run_at_once,
)
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from codeconductor import Session


# Sessions


def test_a_session_has_the_plugins_of_the_test_alone(make_session: MakeSession) -> None:
    """Whatever is installed; their names are those of the arguments."""

    class Plugin:
        @hookimpl
        def conductor_run_finished(self) -> None: ...

    assert make_session().plugins.infos == {}
    assert list(make_session(mine=Plugin()).plugins.infos) == ["mine"]


def test_a_plugin_that_breaks_the_contract_stops_the_test(make_session: MakeSession) -> None:
    """With the reason, and not as a warning that nobody reads."""

    class Misspelt:
        @hookimpl
        def conductor_run_finish(self) -> None: ...

    with pytest.raises(AssertionError, match="plugin 'mine': unknown hook 'conductor_run_finish'"):
        make_session(mine=Misspelt())


def test_the_place_of_a_test_is_its_own(
    project_folder: Path, tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Project, home, configuration and data are below its folder."""
    assert Path.cwd() == project_folder == session.root
    for folder in (config_folder(), data_folder(), Path.home()):
        assert folder.is_relative_to(tmp_path)
    assert session.sources.layers[1].tree == {}


def test_the_environment_of_a_test_has_no_settings(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """What the developer has set for himself does not count."""
    for name in ("CONDUCTOR_RUN__TIMEOUT", "OLLAMA_HOST", "HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    request.getfixturevalue("project_folder")
    left = {name for name in os.environ if name.startswith(("CONDUCTOR_", "OLLAMA_")) or "proxy" in name.lower()}
    assert left == {"CONDUCTOR_HOME"}


def test_settings_may_be_given(make_session: MakeSession) -> None:
    """They are as strong as the command line's."""
    from codeconductor import RunSettings

    assert make_session({"run": {"quorum": 3}}).settings("run", RunSettings).quorum == 3


def test_events_are_recorded(session: Session) -> None:
    """From the call on, in order, and by kind."""
    session.warn("before")
    log = record_events(session)
    session.warn("after")
    assert log == [Warned("after")]
    assert log.of(Warned) == [Warned("after")]


# Values


def test_values_are_valid_as_they_stand() -> None:
    """And take any field."""
    assert a_model(loaded=True).id == "acme/parrot"
    assert a_query("Hi", seed=3).messages == (Message("user", "Hi"),)
    assert a_task(kind="class").kind == "class"
    answer = an_answer('<think>hm</think>```json\n{"approach": "x"}\n```\n```python\ny\n```', model="two", sample=4)
    assert (answer.model.id, answer.sample, answer.reasoning, answer.data) == ("acme/two", 4, "hm", {"approach": "x"})
    assert (len(answer.code), answer.is_usable) == (1, True)
    failed = an_answer("half", error="timeout")
    assert (failed.is_usable, failed.error and failed.error.kind) == (False, "timeout")


def test_a_bench_says_what_it_was_told_to() -> None:
    """Weights of 1, models that answer from a table or fail, and no sandbox."""
    answers = [an_answer(model="one"), an_answer(model="two")]
    bench = a_bench(answers, weights={"acme/two": 2.0}, replies={"acme/one": "yes"})
    assert bench.weights == {"acme/one": 1.0, "acme/two": 2.0}
    replies = [asyncio.run(bench.ask(answer.model, [Message("user", "sure?")])) for answer in answers]
    assert [reply.text for reply in replies] == ["yes", ""]
    assert [reply.is_usable for reply in replies] == [True, False]
    assert bench.asked == ["acme/one", "acme/two"]
    assert not bench.can_run
    with pytest.raises(RuntimeError, match="can_run"):
        asyncio.run(bench.run([], [], "f"))


# Time


def test_a_clock_that_jumps_waits_for_nothing() -> None:
    """Timers go off in their order and at their time, and hours take no time."""
    order: list[tuple[str, float]] = []

    async def waits(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((name, asyncio.get_running_loop().time()))

    async def all_of_them() -> str:
        await asyncio.gather(waits("day", 86_400), waits("hour", 3_600), waits("now", 0))
        try:
            async with asyncio.timeout(60):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "timed out"
        return "never"

    start = time.monotonic()
    assert run_at_once(all_of_them()) == "timed out"
    assert order == [("now", 0.0), ("hour", 3_600.0), ("day", 86_400.0)]
    assert time.monotonic() - start < 60


def test_a_timer_that_was_cancelled_does_not_move_the_clock() -> None:
    """A limit that was kept is as if it had never been."""

    async def quick() -> float:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        await asyncio.sleep(30)
        return asyncio.get_running_loop().time()

    assert run_at_once(quick()) == 30.0


# Cassettes


def ask(host: str, model: str, seed: int = 1) -> str:
    async def send() -> str:
        async with open_client(host, headers={"authorization": "Bearer secret"}) as client:
            body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "options": {"seed": seed}}
            return (await client.post("/api/chat", json=body)).text

    return asyncio.run(send())


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """What a server said to two models, recorded."""
    path = tmp_path / "chat-ollama-0.30.yaml"
    with ScriptedOllama("one", "two") as server, play_cassette(path, record=True):
        ask(server.host, "one")
        ask(server.host, "two")
    return path


def test_a_recording_is_played_without_its_server(cassette: Path) -> None:
    """By what was asked, not by whose turn it is: host, order and seed do not matter, and no key is in the file."""
    assert "secret" not in cassette.read_text()
    with play_cassette(cassette):
        two, one = (ask("http://127.0.0.1:9", model, seed=99) for model in ("two", "one"))
    assert ('"model":"one"' in one, '"model":"two"' in two) == (True, True)


def test_what_was_recorded_must_be_asked_for(cassette: Path) -> None:
    """A recording that is half used proves less than it seems to."""
    with pytest.raises(AssertionError, match="recorded and never asked for: POST /api/chat"), play_cassette(cassette):
        ask("http://127.0.0.1:9", "one")


def test_what_is_asked_for_must_be_recorded(cassette: Path) -> None:
    """Though whoever asks takes the exception for a failure of the model."""

    def play() -> None:
        with play_cassette(cassette):
            for model in ("one", "two", "three"):
                with suppress(Exception):
                    ask("http://127.0.0.1:9", model)

    with pytest.raises(AssertionError, match="asked for and not recorded: POST /api/chat"):
        play()


def test_an_exchange_is_played_once_unless_told(cassette: Path) -> None:
    """Two samples are two exchanges."""
    with play_cassette(cassette, repeats=True):
        assert len({ask("http://127.0.0.1:9", "one") for _ in range(2)} | {ask("http://127.0.0.1:9", "two")}) == 2


def test_a_recording_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """And not taken for an empty one."""
    with pytest.raises(AssertionError, match="no recording at"), play_cassette(tmp_path / "missing.yaml"):
        pass
