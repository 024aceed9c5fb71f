"""Asks every plugin, and every host of a plugin, at once."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING

import attrs

from codeconductor.discovery.choosing import offered, with_ids
from codeconductor.discovery.steps import Blocked, Interrupt, bounded_steps, discard, within
from codeconductor.discovery.values import Discovery, Model, Problem
from codeconductor.errors import ConductorError, in_words, is_fault
from codeconductor.events import Discovered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from codeconductor.session import Session

HOST_TIMEOUT = 5.0
"""Seconds that one host may take to list its models."""

PLUGIN_TIMEOUT = HOST_TIMEOUT + 0.5
"""Seconds that one plugin may take for all of its hosts, which it asks at once."""

_HOST_GRACE = 1.0
"""Seconds beyond its hosts' that a plugin gets which has `discover_hosts` end them: on a busy machine one host that
hangs must not cost the models of the others."""


@attrs.define(eq=False)
class _Patience:
    """With one plugin: until when it is waited for, by the event loop's clock, where its hosts are bounded."""

    until: float = 0.0


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)


async def discover(session: Session) -> Discovery:
    """Ask every plugin at once for its models.

    A plugin that raises, hangs or gives something else costs only itself and becomes a `Problem`.
    """
    earlier = len(session.plugins.faults)
    asked = session.plugins.discover_models(session)
    faults = session.plugins.faults[earlier:]
    try:
        async with bounded_steps():
            found = await asyncio.gather(*(_models_of(plugin, models) for plugin, models in asked))
    finally:
        for _, awaitable in asked:
            discard(awaitable)
    models: list[Model] = []
    problems = [Problem(provider=fault.plugin, error=fault.error, hint=fault.hint) for fault in faults]
    for items in found:
        for item in items:
            if isinstance(item, Model):
                models.append(item)
            else:
                problems.append(item)
    problems = [_blanked(problem, session) for problem in problems]
    discovery = Discovery(with_ids(offered(models, models, session), session), offered(problems, models, session))
    session.events.emit(Discovered(discovery.models, discovery.problems))
    return discovery


async def _models_of(plugin: str, models: Awaitable[Iterable[object]]) -> list[Model | Problem]:
    async def listed() -> list[object]:
        return [item for item in await models]  # noqa: C416 - `list` would not let an endless iterator be interrupted

    patience = _Patience()
    _patience.set(patience)  # of this task, and of those that the plugin makes
    try:
        items = await within(PLUGIN_TIMEOUT, listed(), lambda: patience.until)
    except Blocked as exc:
        return [Problem(provider=plugin, error=str(exc), hint=_report(plugin))]
    except TimeoutError:
        error = f"did not list its models within {PLUGIN_TIMEOUT:g} s"
        return [Problem(provider=plugin, error=error, hint=_report(plugin))]
    except ConductorError as exc:
        return [Problem(provider=plugin, error=exc.message, hint=exc.hint)]
    except BaseException as exc:  # whatever a plugin raises costs only itself
        if isinstance(exc, Interrupt) or not is_fault(exc):
            raise
        return [_fault(plugin, None, exc)]
    wrong = [item for item in items if not isinstance(item, Model | Problem)]
    if wrong:
        error = f"gave {type(wrong[0]).__name__} in place of a Model"
        return [Problem(provider=plugin, error=error, hint=_report(plugin))]
    return [attrs.evolve(item, plugin=plugin) if isinstance(item, Model) else item for item in items]  # type: ignore[misc]


def _blanked(problem: Problem, session: Session) -> Problem:
    """LM Studio's refusal of a token repeats the beginning of it."""
    hint = session.blanked(problem.hint) if problem.hint else None
    return attrs.evolve(problem, error=session.blanked(problem.error), hint=hint)


def _fault(plugin: str, host: str | None, exc: BaseException) -> Problem:
    error = in_words(exc)
    return Problem(provider=plugin, host=host, error=error, hint=_report(plugin))


def _report(plugin: str) -> str:
    return f"this is a fault of the plugin: report it, or put {plugin!r} into [plugins] disabled"


async def discover_hosts(
    provider: str,
    hosts: Sequence[str],
    probe: Callable[[str], Awaitable[Iterable[Model]]],
) -> list[Model | Problem]:
    """Ask all hosts of a provider at once; for the use of plugins.

    Args:
        provider: Named in problems.
        hosts: Base addresses.
        probe: Lists one host's models. Whatever it raises, or 5 s without an answer, makes a `Problem` of that host
            and leaves the others alone.

    Returns:
        Models and problems, in the order of the hosts.
    """

    patience = _patience.get()
    if patience is not None:
        patience.until = asyncio.get_running_loop().time() + HOST_TIMEOUT + _HOST_GRACE

    async def ask(host: str) -> list[Model | Problem]:
        try:
            return list(await within(HOST_TIMEOUT, probe(host)))
        except TimeoutError:
            error = f"{host} did not list its models within {HOST_TIMEOUT:g} s"
            return [Problem(provider=provider, host=host, error=error, hint="is it busy, or another program?")]
        except ConductorError as exc:
            return [Problem(provider=provider, host=host, error=exc.message, hint=exc.hint)]
        except Blocked as exc:
            return [Problem(provider=provider, host=host, error=str(exc), hint=_report(provider))]
        except Exception as exc:  # noqa: BLE001 - such as a host's name that no resolver takes
            return [_fault(provider, host, exc)]

    return [item for items in await asyncio.gather(*map(ask, hosts)) for item in items]
