"""The work of each tool: a session a call, one function of core, its document as the result."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeconductor import (
    ConductorError,
    InputError,
    conduct,
    data_folder,
    decide_given,
    decision_document,
    discover,
    list_runs,
    load_run,
    make_task,
    models_document,
    open_session,
    run_document,
    verification_document,
    verify,
)
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError

from codeconductor_mcp._approval import folder_of
from codeconductor_mcp._places import Places
from codeconductor_mcp._progress import Reporter, Steps, reporting
from codeconductor_mcp._words import hint_of, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from codeconductor import Session

    from codeconductor_mcp._settings import McpSettings


class Calls:
    """The calls of one server.

    Attributes:
        log_file: Path of `--log-file`.
        working: The tasks of the calls that are not done.
    """

    def __init__(self, settings: McpSettings, log_file: str | None = None) -> None:
        self.log_file = log_file
        self._places = Places(settings)
        self.working: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def _session(self, steps: Steps, *, records: bool = False, **run: object) -> AsyncIterator[Session]:
        """A session of a call, once there is a place for it; what core refuses becomes the tool's error.

        A call that is cancelled cancels what is going on in it, such as requests to models.
        """
        task = asyncio.current_task()
        assert task is not None
        self.working.add(task)
        overrides = {"run": {name: value for name, value in run.items() if value is not None}}
        try:
            async with (
                self._places.taken(steps.step),
                open_session(overrides=overrides, log_file=self.log_file, records=records) as session,
            ):
                yield session
        except ConductorError as exc:
            raise ToolError(told(exc)) from exc
        finally:
            self.working.discard(task)

    async def consensus(
        self,
        to: Reporter,
        task: str,
        *,
        kind: str,
        language: str | None,
        strategy: str | None,
        context_paths: Sequence[str],
    ) -> dict[str, Any]:
        """Ask the models, and give the run without the words of the answers."""
        chosen = {"kind": None if kind == "auto" else kind, "language": language, "strategy": strategy}
        async with (
            reporting(to, "looking for models") as steps,
            self._session(steps, records=True, **chosen) as session,
        ):
            steps.follow(session)
            paths = [_within(session.root, path) for path in context_paths]
            run = await conduct(session, await asyncio.to_thread(make_task, session, task, paths), command="mcp")
            if run.error is not None and run.prompt is None:
                raise run.error
            document = run_document(run)
            recorded = await asyncio.to_thread(_is_recorded, run.id)
        del document["schema"]  # less than what it promises
        document["answers"] = [_brief(answer) for answer in document["answers"]]
        error = None if run.error is None else {"message": run.error.message, "hint": hint_of(run.error)}
        return document | {"resource": f"conductor://runs/{run.id}" if recorded else None, "error": error}

    async def choose(self, to: Reporter, task: str, answers: Sequence[str], *, strategy: str | None) -> dict[str, Any]:
        """Decide between given answers."""
        async with reporting(to, "deciding") as steps, self._session(steps, strategy=strategy) as session:
            asked = make_task(session, task)
            consensus = await decide_given(session, asked, answers)
            warnings = list(session.warnings)
        document = decision_document("", asked.kind, consensus)
        index = None if consensus.choice is None else int(consensus.choice.model.name.removeprefix("answer ")) - 1
        for name in ("schema", "task_id", "error", "abstained"):
            del document[name]
        return {
            "index": index,
            "answer": None if index is None else answers[index],
            **document,
            "warnings": warnings,
        }

    async def models(self, to: Reporter) -> dict[str, Any]:
        """Every model in reach."""
        async with reporting(to, "looking for models") as steps, self._session(steps) as session:
            found = await discover(session)
        return models_document(found.models, found.problems)

    async def verify(self, to: Reporter, path: str, tests: Sequence[str]) -> dict[str, Any]:
        """Run the tests of a folder in the sandbox."""
        async with reporting(to, "running the tests") as steps, self._session(steps) as session:
            report = await verify(session, folder_of(path), tests=[Path(test) for test in tests])
            if report.is_empty:
                raise InputError(f"the runner {report.runner!r} found no test", hint="give files of tests with tests")
        return verification_document(report)

    async def history(self, limit: int) -> dict[str, Any]:
        """The newest runs."""
        try:
            return await asyncio.to_thread(list_runs, data_folder(), limit)
        except ConductorError as exc:
            raise ToolError(told(exc)) from exc

    async def run(self, name: str) -> dict[str, Any]:
        """A recorded run, whole."""
        try:
            return await asyncio.to_thread(load_run, data_folder(), name)
        except InputError as exc:
            raise ResourceNotFoundError(told(exc)) from exc
        except ConductorError as exc:
            raise ResourceError(told(exc)) from exc


def _brief(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: answer[name] for name in ("model", "sample", "error", "seconds", "prompt_tokens", "completion_tokens")
    }


def _within(root: Path, given: str) -> str:
    """A path of the project, as a whole one.

    Raises:
        InputError: It leads out of the project: whoever calls may be a model, and not every file is meant for models.
    """
    try:
        path = root / given
        if path.resolve().is_relative_to(root.resolve()):
            return str(path)
    except (OSError, ValueError, RuntimeError):  # with a null, or links in a circle
        pass
    raise InputError(
        f"{given!r} is no path within the project {str(root)!r}", hint="give paths within the project's folder"
    )


def _is_recorded(run_id: str) -> bool:
    try:
        return bool(load_run(data_folder(), run_id))
    except ConductorError:
        return False
