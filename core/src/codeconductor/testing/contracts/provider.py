"""What the dispatcher relies on in a plugin that discovers and asks models."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from codeconductor.discovery import Model, Problem
from codeconductor.dispatch import Chunk, Query
from codeconductor.errors import ERROR_KINDS, ProviderError
from codeconductor.testing.contracts.base import Contract, must_override
from codeconductor.testing.values import a_model, a_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor.session import Session
    from codeconductor.testing.sessions import MakeSession

PATIENCE = 20.0
"""Seconds in which anything that the kit waits for must have happened."""

_HEAVY = ("httpx", "httpx2", "jinja2", "rich", "cattrs", "rapidfuzz", "json_repair", "requests", "torch", "numpy")


class ProviderContract(Contract):
    """Override `provider`, and `settings` where it needs some to find a model that may be asked in a test.

    With `unreachable_settings` its behaviour towards a dead host is tested too.
    """

    @pytest.fixture
    def provider(self) -> Any:
        """The plugin: the module that your entry point names."""
        raise must_override("provider", "give the module that your entry point names")

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Settings with which it finds at least one chat model, such as ``{"acme": {"hosts": [server.host]}}``."""
        return {}

    @pytest.fixture
    def unreachable_settings(self) -> Mapping[str, Any] | None:
        """Settings that point it at hosts that refuse connections, see `refusing_host`; None: it has no hosts."""
        return None

    @pytest.fixture
    def query(self) -> Query:
        """What its models are asked."""
        return a_query()

    # Being a plugin

    def test_it_can_be_registered(self, provider: Any, make_session: MakeSession) -> None:
        """Every hookimpl has a name and arguments of the hook reference; the message says which has not."""
        make_session(plugin=provider)
        for hook in ("conductor_discover_models", "conductor_query_model"):
            assert hasattr(provider, hook), f"a provider implements {hook}, marked with @hookimpl"

    def test_importing_it_is_cheap(self, provider: Any) -> None:
        """The module is imported on every command: import what is heavy inside the hooks."""
        if not isinstance(provider, ModuleType):
            pytest.skip("the plugin is no module")
        code = (
            "import sys\n"
            "before = set(sys.modules)\n"
            f"import {provider.__name__}\n"
            f"print(*[name for name in {_HEAVY!r} if name in set(sys.modules) - before])\n"
        )
        # the code is ours, and runs the interpreter that runs the test
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr
        assert not done.stdout.split(), "import these inside the hook functions, not at the top of a module"

    def test_its_settings_have_defaults(self, provider: Any) -> None:
        """A settings class is an attrs class that can be made without arguments: nobody has to configure anything."""
        hook = getattr(provider, "conductor_settings", None)
        if hook is None:
            pytest.skip("the plugin has no settings")
        given = hook()
        for name, cls in [given] if isinstance(given[0], str) else given:
            assert isinstance(name, str), "give pairs of the table's name and its class"
            assert attrs.has(cls), f"{cls!r}: describe the table {name!r} by an attrs class"
            cls()

    # conductor_discover_models

    def test_discovery_is_a_coroutine_function(self, provider: Any) -> None:
        """Every plugin is asked at once, so discovery must wait without blocking."""
        assert inspect.iscoroutinefunction(provider.conductor_discover_models), "write `async def`"

    def test_it_gives_models_and_problems_alone(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession
    ) -> None:
        """Discovery gives an iterable of `Model` and `Problem`."""
        for item in _discovered(make_session(settings, plugin=provider), provider):
            assert isinstance(item, Model | Problem), f"{item!r}: give Model and Problem objects"

    def test_it_finds_a_chat_model(self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession) -> None:
        """With `settings` there is a model to ask; without one nothing else here can be tested."""
        found = _discovered(make_session(settings, plugin=provider), provider)
        assert _chat_models(found), f"no chat model was found, but {found!r}: override `settings`"

    def test_a_model_is_listed_once_a_host(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession
    ) -> None:
        """Provider, name and host tell models apart."""
        found = _discovered(make_session(settings, plugin=provider), provider)
        keys = [(item.provider, item.name, item.host) for item in found if isinstance(item, Model)]
        assert len(keys) == len(set(keys)), f"a model is listed twice: {sorted(keys)}"

    def test_it_leaves_the_id_to_core(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession
    ) -> None:
        """A model's id is `provider/name`, and core adds the host where it must: leave `id` and `plugin` out."""
        for item in _discovered(make_session(settings, plugin=provider), provider):
            if isinstance(item, Model):
                assert item.id == f"{item.provider}/{item.name}", "do not give an `id`"
                assert item.plugin is None, "do not give a `plugin`"

    def test_a_dead_host_is_a_problem(
        self, provider: Any, unreachable_settings: Mapping[str, Any] | None, make_session: MakeSession
    ) -> None:
        """A host that cannot be asked becomes a `Problem` that names it, or a `ProviderError`; nothing else."""
        if unreachable_settings is None:
            pytest.skip("override `unreachable_settings` where the plugin asks hosts")
        try:
            found = _discovered(make_session(unreachable_settings, plugin=provider), provider)
        except ProviderError:
            return
        problems = [item for item in found if isinstance(item, Problem)]
        assert problems, f"give a Problem for a host that refuses connections, not {found!r}"
        for problem in problems:
            assert problem.host, "name the host in the problem"
            assert problem.error, "say what happened in the problem"

    # conductor_query_model

    def test_it_declines_models_of_others(self, provider: Any, make_session: MakeSession) -> None:
        """A model of another provider is declined with None, from a plain `def`."""
        foreign = a_model(provider="somebody-else")
        given = provider.conductor_query_model(**_arguments(provider, make_session(), foreign, a_query()))
        if inspect.iscoroutine(given):
            given.close()
        assert given is None, "give None from a plain `def` for a model whose provider is not yours"

    def test_it_streams_chunks(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession, query: Query
    ) -> None:
        """A model of its own is answered by an async iterator of `Chunk`, whose end is the end of the answer."""
        chunks = asyncio.run(_asked(make_session(settings, plugin=provider), provider, query, times=1))[0]
        for chunk in chunks:
            assert isinstance(chunk, Chunk), f"{chunk!r}: yield Chunk objects"
        assert "".join(c.text for c in chunks).strip() or any(c.tool_calls for c in chunks), "the answer is empty"

    def test_it_is_asked_several_times_at_once(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession, query: Query
    ) -> None:
        """Every call has a stream of its own: several samples of one model are asked in parallel."""
        streams = asyncio.run(_asked(make_session(settings, plugin=provider), provider, query, times=3))
        for chunks in streams:
            assert any(c.text or c.reasoning or c.tool_calls for c in chunks), "a stream beside others was empty"

    def test_a_stream_can_be_left(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession, query: Query
    ) -> None:
        """Whoever has heard enough closes the stream after any chunk, and it ends without an exception."""

        async def leave() -> None:
            async with make_session(settings, plugin=provider) as session, asyncio.timeout(PATIENCE):
                model = await _model_of(session, provider)
                stream = provider.conductor_query_model(**_arguments(provider, session, model, query))
                async for _ in stream:
                    break
                close = getattr(stream, "aclose", None)
                if close is not None:
                    await close()

        asyncio.run(leave())

    def test_trouble_is_a_provider_error(
        self, provider: Any, settings: Mapping[str, Any], make_session: MakeSession, query: Query
    ) -> None:
        """What goes wrong while a model is asked, here that it is gone, is a `ProviderError` from the stream."""

        async def ask() -> ProviderError | None:
            async with make_session(settings, plugin=provider) as session, asyncio.timeout(PATIENCE):
                model = attrs.evolve(await _model_of(session, provider), name="a-model-that-is-gone")
                stream = provider.conductor_query_model(**_arguments(provider, session, model, query))
                try:
                    async for _ in stream:
                        pass
                except ProviderError as exc:
                    return exc
            return None  # it answers by any name, as some servers do

        error = asyncio.run(ask())
        if error is not None:
            assert error.kind in ERROR_KINDS - {"plugin"}, "give one of the contract's kinds: refused, server …"


def _arguments(provider: Any, session: Session, model: Model, query: Query) -> dict[str, object]:
    """The arguments that the plugin's `conductor_query_model` takes of those that it may take."""
    given = {"session": session, "model": model, "query": query}
    taken = inspect.signature(provider.conductor_query_model).parameters
    return {name: value for name, value in given.items() if name in taken}


async def _discover(session: Session, provider: Any) -> list[object]:
    takes_session = inspect.signature(provider.conductor_discover_models).parameters
    return list(await provider.conductor_discover_models(**({"session": session} if takes_session else {})))


def _discovered(session: Session, provider: Any) -> list[object]:
    async def discover() -> list[object]:
        async with session, asyncio.timeout(PATIENCE):
            return await _discover(session, provider)

    return asyncio.run(discover())


def _chat_models(found: list[object]) -> list[Model]:
    return [item for item in found if isinstance(item, Model) and item.kind == "chat" and not item.remote]


async def _model_of(session: Session, provider: Any) -> Model:
    found = await _discover(session, provider)
    models = _chat_models(found)
    assert models, f"no chat model was found, but {found!r}: override `settings`"
    return models[0]


async def _asked(session: Session, provider: Any, query: Query, *, times: int) -> list[list[Chunk]]:
    async with session, asyncio.timeout(PATIENCE):
        model = await _model_of(session, provider)
        streams = [provider.conductor_query_model(**_arguments(provider, session, model, query)) for _ in range(times)]
        for stream in streams:
            assert hasattr(stream, "__aiter__"), f"{stream!r}: give an async iterator, from a plain `def`"
        return list(await asyncio.gather(*map(_collected, streams)))


async def _collected(stream: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in stream]
