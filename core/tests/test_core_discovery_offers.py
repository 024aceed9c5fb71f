"""A fallback, and that it cannot be asked, show up just where it would be asked."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Discovery, Model, Problem, Session, discover, hookimpl
from codeconductor.discovery import choose, is_too_large, memory_in_words, to_ask
from codeconductor.plugins import PluginInfo, Plugins
from codeconductor.settings import read_settings, trust

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor.testing import MakeSession

MODEL = Model(provider="spare", name="wheel", host="embedded:", offer="fallback")
PROBLEM = Problem(provider="spare", error="no weights", hint="fetch them", offer="fallback")
SERVED = Model(provider="acme", name="parrot", host="http://127.0.0.1:1")


class Provider:
    def __init__(self, *items: Model | Problem) -> None:
        self.items = items

    @hookimpl
    async def conductor_discover_models(self) -> tuple[Model | Problem, ...]:
        return self.items


def found(folder: Path, *items: Model | Problem, **run: Any) -> Discovery:
    plugins = Plugins()
    plugins.register(Provider(*items), PluginInfo("test"))

    async def ask() -> Discovery:
        async with Session(read_settings(folder, overrides={"run": run}), plugins) as session:
            return await discover(session)

    return asyncio.run(ask())


@pytest.mark.parametrize("item", [MODEL, PROBLEM])
def test_a_fallback_is_silent_where_a_chat_model_is_reachable(tmp_path: Path, item: Model | Problem) -> None:
    """Who has a server is not told about weights that nobody needs."""
    discovery = found(tmp_path, SERVED, item)
    assert [model.name for model in discovery.models] == ["parrot"]
    assert not discovery.problems


@pytest.mark.parametrize("others", [(), (Model(provider="acme", name="vectors", host="h", kind="embedding"),)])
def test_a_fallback_counts_where_nothing_else_can_write(tmp_path: Path, others: tuple[Model, ...]) -> None:
    """Without a chat model the fallback is listed, and so is the reason why there is none."""
    discovery = found(tmp_path, *others, MODEL, PROBLEM)
    assert "wheel" in [model.name for model in discovery.models]
    assert discovery.problems == (PROBLEM,)


@pytest.mark.parametrize("run", [{"providers": ["spare"]}, {"models": ["spare/*"]}])
def test_a_fallback_counts_where_it_is_named(tmp_path: Path, run: dict[str, Any]) -> None:
    """Who names the provider hears of it, servers or not."""
    discovery = found(tmp_path, SERVED, MODEL, PROBLEM, **run)
    assert "wheel" in [model.name for model in discovery.models]
    assert discovery.problems == (PROBLEM,)


def chat(name: str, **facts: Any) -> Model:
    return Model(provider="ollama", name=name, host="http://127.0.0.1:11434", **facts)


@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        ("ollama/gpt-oss:120b-cloud", ["gpt-oss:120b-cloud"]),
        ("GPT-OSS:120b-cloud", ["gpt-oss:120b-cloud"]),
        ("*-cloud", ["gpt-oss:120b-cloud"]),
        ("gpt-oss*", ["gpt-oss:20b"]),
        ("ollama/*", ["gpt-oss:20b"]),
        ("*", ["gpt-oss:20b"]),
    ],
)
def test_a_remote_model_is_asked_only_when_it_is_named(pattern: str, asked: list[str]) -> None:
    """A glob that also matches models of this machine means those: no prompt leaves by accident."""
    models = [chat("gpt-oss:20b"), chat("gpt-oss:120b-cloud", remote=True)]
    assert [model.name for model in choose(models, patterns=[pattern])] == asked


@pytest.mark.parametrize("pattern", ["*:*", "?*:*-*"])
def test_signs_alone_name_no_remote_model(pattern: str) -> None:
    """However few models of this machine a glob matches that spells nothing."""
    assert choose([chat("qwen3"), chat("gpt-oss:120b-cloud", remote=True)], patterns=[pattern]) == []


def test_a_project_names_no_remote_model_until_it_is_trusted(make_session: MakeSession, project_folder: Path) -> None:
    """A cloned repository does not send prompts away; its user does, on the command line or by trusting it."""
    file = project_folder / "conductor.toml"
    file.write_text('[run]\nmodels = ["gpt-oss*cloud", "gpt-oss:20b"]\n')
    models = [chat("gpt-oss:20b"), chat("gpt-oss:120b-cloud", remote=True)]
    session = make_session()
    assert [model.name for model in to_ask(session, models)] == ["gpt-oss:20b"]
    assert [warning for warning in session.warnings if "ollama/gpt-oss:120b-cloud" in warning]
    named = make_session({"run": {"models": ["gpt-oss:120b-cloud"]}})
    assert [model.name for model in to_ask(named, models)] == ["gpt-oss:120b-cloud"]
    trust(file)
    assert len(to_ask(make_session(), models)) == 2


def test_two_names_of_one_model_are_one_voice_unless_they_are_chosen() -> None:
    """A copy has no second vote, and is asked all the same by somebody who names it."""
    models = [chat("qwen3:latest", digest="d"), chat("qwen3:8b", digest="d"), chat("other:1b", digest="e")]
    assert [model.name for model in choose(models)] == ["other:1b", "qwen3:8b"]
    assert [model.name for model in choose(models, patterns=["qwen3:latest"])] == ["qwen3:latest"]


HUGE = 10**16
"""Bytes: more than any machine has memory."""

tells_memory = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system does not tell its memory")


@tells_memory
def test_a_model_that_is_too_large_is_left_out_with_a_warning(make_session: MakeSession) -> None:
    """Its load would fail in every run; the warning says how it is asked all the same."""
    session = make_session()
    models = [chat("giant:405b", size=HUGE, loaded=False), chat("qwen3:8b", size=1, loaded=False)]
    assert [model.name for model in to_ask(session, models)] == ["qwen3:8b"]
    (warning,) = session.warnings
    assert warning.startswith("ollama/giant:405b is larger than this machine's memory of ")
    assert "--model" in warning


@tells_memory
@pytest.mark.parametrize("pattern", ["giant:405b", "giant*", "*"])
def test_a_model_that_is_too_large_is_asked_when_it_is_named(make_session: MakeSession, pattern: str) -> None:
    """Who names it knows the machine."""
    session = make_session({"run": {"models": [pattern]}})
    models = [chat("giant:405b", size=HUGE, loaded=False), chat("qwen3:8b", size=1, loaded=False)]
    assert "giant:405b" in [model.name for model in to_ask(session, models)]
    assert session.warnings == []


@tells_memory
@pytest.mark.parametrize(
    "facts",
    [
        {"loaded": True},
        {"loaded": None},
        {"loaded": False, "host": "http://192.168.1.20:11434"},
        {"loaded": False, "size": None},
        {"loaded": False, "size": 1},
    ],
    ids=["loaded", "unknown", "elsewhere", "no-size", "small"],
)
def test_a_model_that_may_fit_is_asked(make_session: MakeSession, facts: dict[str, Any]) -> None:
    """Another machine's memory is not known, and a model that is loaded has shown that it fits."""
    given: dict[str, Any] = {"host": "http://127.0.0.1:11434", "size": HUGE}
    giant = Model(provider="ollama", name="giant:405b", **given | facts)
    assert not is_too_large(giant)
    assert len(to_ask(make_session(), [giant, chat("qwen3:8b", loaded=False)])) == 2


@tells_memory
def test_a_model_that_is_too_large_is_asked_where_there_is_no_other(make_session: MakeSession) -> None:
    """It may fit after all, such as into a graphics card; and its failure says more than that there is no model."""
    session = make_session()
    assert len(to_ask(session, [chat("giant:405b", size=HUGE, loaded=False)])) == 1
    assert session.warnings == []


def test_nothing_is_too_large_where_the_system_does_not_tell_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, and where a container hides it."""
    giant = chat("giant:405b", size=HUGE, loaded=False)
    monkeypatch.setattr(os, "sysconf", lambda _name: -1, raising=False)
    assert not is_too_large(giant)
    monkeypatch.delattr(os, "sysconf")
    assert not is_too_large(giant)
    assert memory_in_words() is None


def test_memory_is_told_as_people_speak_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of it is taken before any program counts: it is rounded."""
    counts = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4_100_000}
    monkeypatch.setattr(os, "sysconf", counts.__getitem__, raising=False)
    assert memory_in_words() == "16 GiB"
