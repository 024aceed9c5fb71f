"""Calls the hooks of plugins.

Each plugin is called on its own, so that one that raises costs only itself: its failure becomes a `PluginFault`, and
the others go on. Wrappers stay around every single call.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ConductorError, InputError, PluginError, in_words, is_fault, unknown_name
from codeconductor.plugins.checks import checked_settings
from codeconductor.plugins.loading import Loaded
from codeconductor.plugins.metadata import CORE, PluginInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence

    from codeconductor.consensus import ConsensusStrategy
    from codeconductor.discovery import Model
    from codeconductor.dispatch import Chunk, Query
    from codeconductor.handover import ApprovalRequest, Coder
    from codeconductor.pipeline import Run
    from codeconductor.prompting import PromptRenderer
    from codeconductor.sandbox import Sandbox
    from codeconductor.session import Session
    from codeconductor.task import Task
    from codeconductor.verification import TestRunner


_BROUGHT = {
    "conductor_consensus_strategies": ("strategy", "decide"),
    "conductor_prompt_renderers": ("renderer", "render"),
    "conductor_sandboxes": ("sandbox", "command"),
    "conductor_coders": ("coder", "write"),
    "conductor_test_runners": ("runner", "run_tests"),
}
"""What the hooks bring that give things with a name, and the verb that these need."""


class Plugins(Loaded):
    """Calls the hooks of the plugins that were loaded: one typed method a hook."""

    def _implementers(self, hook: str) -> list[Any]:
        return [i for i in getattr(self._manager.hook, hook).get_hookimpls() if not (i.wrapper or i.hookwrapper)]

    def _wrappers(self, hook: str) -> list[Any]:
        return [i for i in getattr(self._manager.hook, hook).get_hookimpls() if i.wrapper or i.hookwrapper]

    def _alone(self, hook: str, plugin: object, arguments: Mapping[str, object]) -> Any:
        """Call one plugin's hookimpl inside all wrappers."""
        others = [other.plugin for other in self._implementers(hook) if other.plugin is not plugin]
        return self._manager.subset_hook_caller(hook, others)(**arguments)

    def _each(self, hook: str, *, core_last: bool = False, **arguments: object) -> Iterator[tuple[str, Any]]:
        """Every plugin's own result with the plugin's name, sorted by it; one that raises becomes a fault."""

        for mine in self._in_order(hook, core_last=core_last):
            try:
                results = self._alone(hook, mine.plugin, arguments)
            except BaseException as exc:  # whatever a plugin raises is what this is for
                if not is_fault(exc):
                    raise
                self.blame(self._guilty(exc, mine.plugin_name), hook, exc)
            else:
                for result in results or ():
                    if inspect.iscoroutine(result) and hook != "conductor_discover_models":
                        result.close()  # or Python would warn of it
                        self.blame(mine.plugin_name, hook, "gave a coroutine, which nobody awaits here")
                    else:
                        yield mine.plugin_name, result

    def _in_order(self, hook: str, *, core_last: bool) -> list[Any]:
        def place(implementation: Any) -> tuple[bool, str]:
            name = str(implementation.plugin_name)
            return core_last and self.infos[name].distribution == CORE, name

        return sorted(self._implementers(hook), key=place)

    def settings(self) -> Iterator[tuple[str, str, type]]:
        """(plugin, full name of its table, class) of every settings table that plugins declare."""
        for plugin, result in self._each("conductor_settings"):
            pairs = (
                [result] if isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], str) else result
            )
            try:
                tables = [(name, checked_settings(name, cls)) for name, cls in pairs]
            except BaseException as exc:  # as in `_each`
                if not is_fault(exc):
                    raise
                self.blame(plugin, "conductor_settings", exc)
            else:
                for name, cls in tables:
                    yield plugin, self._full_name(plugin, name), cls

    def _full_name(self, plugin: str, name: str) -> str:
        discovers = "conductor_discover_models" in self.infos[plugin].hooks
        return f"providers.{name}" if discovers and "." not in name else name

    def discover_models(self, session: Session) -> list[tuple[str, Awaitable[Iterable[object]]]]:
        """(plugin, coroutine that gives its models) of every plugin; nothing runs before it is awaited."""
        found = []
        for plugin, result in self._each("conductor_discover_models", session=session):
            if inspect.isawaitable(result):
                found.append((plugin, result))
            else:
                self.blame(plugin, "conductor_discover_models", f"gave {type(result).__name__}, not a coroutine")
        return found

    def query_model(self, session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
        """The chunks of the plugin that discovered the model, inside all wrappers.

        Raises:
            PluginError: The plugin is gone, declines its own model, or raised before it streamed.
        """
        hook = "conductor_query_model"
        owner = self._manager.get_plugin(model.plugin) if model.plugin else None
        if owner is None:
            raise PluginError(f"no plugin to ask {model.id}: {model.plugin!r} is not loaded")
        info = self.infos[model.plugin or ""]
        try:
            stream = self._alone(hook, owner, {"session": session, "model": model, "query": query})
        except ConductorError:
            raise
        except BaseException as exc:
            if not is_fault(exc):
                raise
            guilty = self.infos[self._guilty(exc, info.name)]
            raise PluginError(f"plugin {guilty.name!r} ({guilty.source}) failed in {hook}: {in_words(exc)}") from exc
        if stream is None:
            around = sorted(str(each.plugin_name) for each in self._wrappers(hook))
            or_wrapper = f", or a wrapper took its answer away ({', '.join(around)})" if around else ""
            raise PluginError(
                f"plugin {info.name!r} ({info.source}) declined {model.id}, a model of its own{or_wrapper}"
            )
        if inspect.iscoroutine(stream):
            stream.close()
        if not hasattr(stream, "__aiter__"):
            raise PluginError(
                f"plugin {info.name!r} ({info.source}) gave {type(stream).__name__} for {model.id}, "
                "not an async iterator",
                hint="return an async generator from a plain `def`",
            )
        return stream  # type: ignore[no-any-return]  # checked above as far as Python can

    def _guilty(self, exc: BaseException, called: str) -> str:
        """The plugin that raised: a wrapper may stand between us and the one that is called; the traceback tells."""
        files = set()
        trace = exc.__traceback__
        while trace is not None:
            files.add(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        for name, plugin in self._manager.list_name_plugin():
            if name != called and name in self.infos and getattr(plugin, "__file__", None) in files:
                return name
        return called

    def consensus_strategies(self) -> dict[str, tuple[str, ConsensusStrategy]]:
        """(plugin, strategy) by the strategy's name."""
        return self._named("conductor_consensus_strategies")

    def prompt_renderers(self) -> dict[str, tuple[str, PromptRenderer]]:
        """(plugin, renderer) by the renderer's name."""
        return self._named("conductor_prompt_renderers")

    def sandboxes(self) -> dict[str, tuple[str, Sandbox]]:
        """(plugin, sandbox) by the sandbox's name."""
        return self._named("conductor_sandboxes")

    def coders(self, session: Session) -> dict[str, tuple[str, Coder]]:
        """(plugin, coder) by the coder's name."""
        return self._named("conductor_coders", session=session)

    def approve(self, session: Session, request: ApprovalRequest) -> Iterator[tuple[str, Awaitable[object]]]:
        """(plugin, what gives its decision) of every plugin that may ask somebody, core's own last."""
        hook = "conductor_approve"
        for mine in self._in_order(hook, core_last=True):
            try:
                result = self._alone(hook, mine.plugin, {"session": session, "request": request})
            except (Exception, SystemExit) as exc:  # noqa: BLE001 - as in `_each`
                self.blame(mine.plugin_name, hook, exc)
                continue
            for one in result if isinstance(result, list) else [result]:  # pluggy gathers them
                if inspect.isawaitable(one):
                    yield mine.plugin_name, one
                elif one is not None:
                    self.blame(mine.plugin_name, hook, f"gave {type(one).__name__}, nothing to wait for")

    def test_runners(self) -> dict[str, tuple[str, TestRunner]]:
        """(plugin, runner) by the runner's name."""
        return self._named("conductor_test_runners")

    def names_by_plugin(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Names of the strategies, and of the renderers, by the plugin that brings them; clashing ones too."""
        return self._names("conductor_consensus_strategies"), self._names("conductor_prompt_renderers")

    def runners_by_plugin(self) -> dict[str, list[str]]:
        """Names of the test runners by the plugin that brings them; clashing ones too."""
        return self._names("conductor_test_runners")

    def coders_by_plugin(self, session: Session) -> dict[str, list[str]]:
        """Names of the coders by the plugin that brings them; clashing ones too."""
        return self._names("conductor_coders", session=session)

    def _names(self, hook: str, **arguments: object) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for plugin, name, _ in self._brought(hook, **arguments):
            names.setdefault(plugin, []).append(name)
        return {plugin: sorted(brought) for plugin, brought in names.items()}

    def _brought(self, hook: str, **arguments: object) -> Iterator[tuple[str, str, Any]]:
        """(plugin, name, thing) of what plugins bring; what is no such thing is blamed on its plugin."""
        what, verb = _BROUGHT[hook]
        for plugin, results in self._each(hook, core_last=False, **arguments):
            try:
                brought = [(getattr(item, "name", None), item) for item in results]  # a generator may raise only here
            except BaseException as exc:  # as in `_each`
                if not is_fault(exc):
                    raise
                self.blame(plugin, hook, exc)
                continue
            for name, item in brought:
                if isinstance(name, str) and callable(getattr(item, verb, None)):
                    yield plugin, name, item
                else:
                    self.blame(plugin, hook, f"{type(item).__name__} is no {what}: it needs a `name` and `{verb}`")

    def _named(self, hook: str, **arguments: object) -> dict[str, tuple[str, Any]]:
        named: dict[str, tuple[str, Any]] = {}
        for plugin, name, item in self._brought(hook, **arguments):
            if name in named:
                self._refuse_clash(_BROUGHT[hook][0], name, named[name][0], plugin)
            named[name] = (plugin, item)
        return named

    def _refuse_clash(self, what: str, name: str, first: str, second: str) -> None:
        one, other = self.infos[first], self.infos[second]
        raise InputError(
            f"two plugins bring the {what} {name!r}: {first!r} ({one.source}) and {second!r} ({other.source})",
            hint=f"disable one of them: [plugins] disabled = [{second!r}]",
        )

    def model_weights(self, session: Session, task: Task, models: Sequence[Model]) -> Iterator[tuple[str, object]]:
        """(plugin, weights by model id) of every plugin that has an opinion."""
        yield from self._each("conductor_model_weights", session=session, task=task, models=models)

    def run_finished(self, session: Session, run: Run) -> None:
        """Tell every plugin that a run has ended: the history last, so that what others do wrong is recorded too."""
        for _ in self._each("conductor_run_finished", core_last=True, session=session, run=run):
            pass

    def pick(self, what: str, name: str, named: Mapping[str, tuple[str, Any]], package: str) -> tuple[PluginInfo, Any]:
        """The strategy or renderer of that name, and the plugin that brings it.

        Raises:
            InputError: There is none; the hint has the nearest name, or the package to install.
        """
        if not named:
            raise InputError(f"no {what} is installed", hint=f"install one: pip install {package}")
        if name not in named:
            raise unknown_name(what, name, named)
        plugin, item = named[name]
        return self.infos[plugin], item
