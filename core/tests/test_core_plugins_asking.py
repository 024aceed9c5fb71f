"""A model is asked of the plugin that discovered it, through the wrappers of others, and whoever fails is named."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Chunk, Model, ProviderError, hookimpl
from codeconductor.errors import PluginError
from codeconductor.testing import MakeSession, a_model, a_query, new_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator
    from pathlib import Path

    from codeconductor import Query
    from codeconductor.session import Session


class Parrot:
    """A provider that repeats the question."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [a_model()]

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
        return self.parrot(query) if model.provider == "acme" else None

    async def parrot(self, query: Query) -> AsyncIterator[Chunk]:
        yield Chunk(text=query.messages[-1].content)


async def said(session: Session, model: Model) -> str:
    stream = session.plugins.query_model(session, model, a_query("Hello"))
    return "".join([chunk.text async for chunk in stream])


MINE = a_model(plugin="parrot")


def test_a_model_is_asked_of_the_plugin_that_discovered_it(make_session: MakeSession) -> None:
    """Another plugin that answers for everything is not called."""

    class Greedy:
        @hookimpl(tryfirst=True)
        def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
            raise AssertionError("asked for a model of somebody else")

    session = make_session(greedy=Greedy(), parrot=Parrot())
    assert asyncio.run(said(session, MINE)) == "Hello"


def test_a_cache_wraps_every_query(make_session: MakeSession) -> None:
    """A third party's wrapper may answer in place of the plugin, and must expect None."""

    class Cache:
        def __init__(self) -> None:
            self.stored: dict[tuple[str, str], list[Chunk]] = {}
            self.asked = 0

        @hookimpl(wrapper=True)
        def conductor_query_model(self, model: Model, query: Query) -> Any:
            stream = yield
            return None if stream is None else self.played(model.id, query, stream)

        async def played(self, name: str, query: Query, stream: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
            key = (name, query.messages[-1].content)
            if key not in self.stored:
                self.asked += 1
                self.stored[key] = [chunk async for chunk in stream]
            for chunk in self.stored[key]:
                yield chunk

    cache = Cache()
    session = make_session(cache=cache, parrot=Parrot())
    assert [asyncio.run(said(session, MINE)) for _ in range(2)] == ["Hello", "Hello"]
    assert cache.asked == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_wrapper_that_raises_is_the_one_that_is_named(
    install: Callable[..., None], project_folder: Path, when: str
) -> None:
    """Not the owner of the model, who did nothing wrong."""
    source = "from codeconductor import hookimpl\n@hookimpl(wrapper=True)\ndef conductor_query_model(model):\n"
    source += "    1 / 0\n    return (yield)\n" if when == "before" else "    yield\n    1 / 0\n"
    install("acme", "", plug_wrapper=source)
    import plug_wrapper  # type: ignore[import-not-found]

    session = new_session(project_folder, wrapper=plug_wrapper, parrot=Parrot())
    with pytest.raises(PluginError, match="plugin 'wrapper'") as caught:
        session.plugins.query_model(session, MINE, a_query())
    assert "ZeroDivisionError" in caught.value.message


def test_a_wrapper_that_raises_in_discovery_is_the_one_that_is_named(
    install: Callable[..., None], project_folder: Path
) -> None:
    """Whichever plugin it was called around."""
    source = "from codeconductor import hookimpl\n@hookimpl(wrapper=True)\ndef conductor_discover_models(session):\n"
    install("acme", "", plug_around=source + "    1 / 0\n    return (yield)\n")
    import plug_around  # type: ignore[import-not-found]

    session = new_session(project_folder, around=plug_around, parrot=Parrot())
    assert session.plugins.discover_models(session) == []
    assert [fault.plugin for fault in session.plugins.faults] == ["around"]


@pytest.mark.parametrize(
    ("result", "told"),
    [(None, "declined acme/parrot, a model of its own"), ("text", "gave str for acme/parrot, not an async iterator")],
)
def test_an_owner_that_does_not_answer_is_told(make_session: MakeSession, result: object, told: str) -> None:
    """It declines its own model, or gives something else than chunks."""

    class Owner:
        @hookimpl
        def conductor_query_model(self) -> object:
            return result

    session = make_session(parrot=Owner())
    with pytest.raises(PluginError, match=told):
        session.plugins.query_model(session, MINE, a_query())


def test_a_wrapper_that_may_have_taken_an_answer_away_is_told(make_session: MakeSession) -> None:
    """Its owner alone is not to blame."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def conductor_query_model(self) -> Generator[None, object, None]:
            yield

    session = make_session(parrot=Parrot(), cache=Wrapper())
    with pytest.raises(PluginError, match=r"declined acme/parrot.*, or a wrapper took its answer away \(cache\)"):
        session.plugins.query_model(session, MINE, a_query())


def test_an_owner_may_say_no_in_its_own_words(make_session: MakeSession) -> None:
    """A `ProviderError` is passed on as it is; anything else is a fault of the plugin."""

    class Owner:
        def __init__(self, error: Exception) -> None:
            self.error = error

        @hookimpl
        def conductor_query_model(self) -> object:
            raise self.error

    session = make_session(parrot=Owner(ProviderError("full", kind="overloaded")))
    with pytest.raises(ProviderError, match="full"):
        session.plugins.query_model(session, MINE, a_query())
    session = make_session(parrot=Owner(ValueError("bad")))
    with pytest.raises(PluginError, match=r"plugin 'parrot' \(codeconductor-parrot\) failed .* ValueError: bad"):
        session.plugins.query_model(session, MINE, a_query())


def test_a_model_without_its_plugin_cannot_be_asked(make_session: MakeSession) -> None:
    """As of a recorded run whose plugin was uninstalled."""
    session = make_session()
    for model in (MINE, a_model()):
        with pytest.raises(PluginError, match="is not loaded"):
            session.plugins.query_model(session, model, a_query())
