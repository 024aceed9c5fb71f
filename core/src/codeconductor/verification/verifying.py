"""Verifies a folder: a copy of it, the runner that fits, its tests in the sandbox, and what came of them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ConductorError, InputError, PluginError, in_words
from codeconductor.handover import copy_folder, largest_copy
from codeconductor.sandbox import SandboxError, find_sandbox, sandboxes
from codeconductor.sandbox.scratch import scratch_folder
from codeconductor.settings import SandboxSettings
from codeconductor.verification.bench import TestBench
from codeconductor.verification.laying import lay, places_of
from codeconductor.verification.values import SandboxUsed, TestReport, TestRun, TestRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from codeconductor.handover import Copied
    from codeconductor.plugins import PluginInfo
    from codeconductor.sandbox import Sandbox
    from codeconductor.session import Session

PACKAGE = "codeconductor-runner-pytest"
"""The distribution that is named to somebody who has no runner."""

TIMEOUT = 300.0
"""Seconds that all tests may take together unless it is said otherwise."""


async def verify(
    session: Session,
    folder: Path,
    *,
    tests: Sequence[Path] = (),
    runner: str | None = None,
    timeout: float = TIMEOUT,
    origin: Path | None = None,
) -> TestReport:
    """Run the tests of a folder in the sandbox, on a copy that is thrown away; the folder is only read.

    Args:
        session: Settings and plugins.
        folder: The project.
        tests: The files and folders that alone are run; one that is not in `origin` is laid at the root of the copy
            under its base name, any other where it lies there, with the content that it has in `origin`.
        runner: Name of the runner; None: the one that fits best what `origin` contains, then the tests by themselves,
            then the copy: a coder has no say in it where the project has.
        timeout: Seconds that all of it may take.
        origin: The folder that counts for tests and dependencies, where `folder` is a coder's copy of it: such a copy
            has no repository, and all of it is tested, whatever ``.gitignore`` files say.

    Returns:
        The report, green or not; `TestReport.is_empty` where no test was found.

    Raises:
        InputError: No runner fits or is of that name, it lacks what it needs, the sandbox is too weak, a test does not
            exist, or the folder is too large.
        PluginError: The runner raised something of its own, or the sandbox itself failed.
    """
    runners = session.plugins.test_runners()
    if runner is not None:
        session.plugins.pick("runner", runner, runners, PACKAGE)
    if not 0 < timeout < float("inf"):
        raise InputError(f"a timeout of {timeout:g} s is no span of time", hint="give seconds above 0")
    folder, origin = _absolute(folder), _absolute(origin or folder)
    places = places_of(tests, origin)
    sandbox = check_sandbox(session)
    most = largest_copy(session)
    with scratch_folder("sandbox") as work:
        copied = await _uninterrupted(lambda: _laid_out(folder, origin, places, work, most))
        by = [copied.folder] if origin == folder else [origin, _tests_alone(places, work, most), copied.folder]
        info, chosen = _runner(session, runners, runner, by)
        bench = TestBench(
            session=session,
            sandbox=sandbox,
            work=work,
            folder=copied.folder,
            origin=origin,
            tests=tuple(places),
            linked=copied.linked,
            seconds=timeout,
        )
        run = await _run(info, chosen, bench)
        return TestReport(
            runner=chosen.name,
            sandbox=SandboxUsed(name=sandbox.name, strength=sandbox.strength, missing=tuple(sandbox.missing)),
            cases=run.cases,
            seconds=bench.seconds,
            timed_out=bench.timed_out,
            fault=_fault(run, bench, timeout),
            output_tail=bench.output_tail,
            warnings=(*copied.warnings, *run.warnings),
        )


def _fault(run: TestRun, bench: TestBench, timeout: float) -> str | None:
    if bench.timed_out:
        return f"the tests were ended after {timeout:g} s"
    if run.fault is None and run.cases and all(case.status == "skipped" for case in run.cases):
        return f"no test ran: all {len(run.cases)} were skipped"
    return run.fault


def _absolute(folder: Path) -> Path:
    return folder.absolute()


def _laid_out(folder: Path, origin: Path, places: Mapping[str, Path], work: Path, most: int) -> Copied:
    """The copy under its own name, which tests may go by, with what counts whatever the folder has."""
    (work / "in").mkdir()
    copied = copy_folder(
        folder,
        work / "in" / (folder.name or "project"),
        most=most,
        dependencies=origin,
        ignoring=folder == origin,
    )
    lay(places, copied.folder, most=most)
    return copied


async def _uninterrupted(work: Callable[[], Copied]) -> Copied:
    """Do it in a thread; cancelled, wait until the thread has ended, and nobody writes into the folder any more."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def check_sandbox(session: Session) -> Sandbox:
    """The sandbox that tests would run in.

    Raises:
        InputError: None is strong enough by ``[sandbox] minimum``.
    """
    found = find_sandbox(session)
    if found is None:
        minimum = session.settings("sandbox", SandboxSettings).minimum
        remedy = next(sandbox.remedy for sandbox in sandboxes(session))
        raise InputError(f"code is not run: no sandbox here is {minimum} by [sandbox] minimum", hint=remedy)
    return found


def _tests_alone(places: Mapping[str, Path], work: Path, most: int) -> Path:
    """A folder with nothing but the given tests."""
    folder = work / "tests"
    folder.mkdir()
    lay(places, folder, most=most)
    return folder


def _best(session: Session, runners: Mapping[str, tuple[str, TestRunner]], folder: Path) -> str | None:
    """Name of the runner that fits a folder best; None: none does."""
    fitting = []
    for plugin, runner in runners.values():
        info = session.plugins.infos[plugin]
        with _guarded(info, runner.name):
            fit = runner.fits(folder, session)
        if fit is not None:
            fitting.append((-fit, runner.name))
    return min(fitting)[1] if fitting else None


def _runner(
    session: Session, runners: Mapping[str, tuple[str, TestRunner]], name: str | None, folders: Sequence[Path]
) -> tuple[PluginInfo, TestRunner]:
    """The runner of that name, or else the best one for the first of the folders that any fits."""
    for folder in folders:
        name = name or _best(session, runners, folder)
    if name is None:
        known = ", ".join(sorted(runners)) or "none is installed"
        raise InputError(
            f"no runner fits what {folders[-1].name!r} contains",
            hint=f"name one with --runner ({known}), or give tests with --tests",
        )
    info, chosen = session.plugins.pick("runner", name, runners, PACKAGE)
    lacks = getattr(chosen, "lacks", None)
    if lacks is not None:
        with _guarded(info, name):
            lacking = lacks(session)
        if lacking is not None:
            raise InputError(f"the runner {name!r} cannot run here", hint=str(lacking))
    runner_found: TestRunner = chosen
    return info, runner_found


async def _run(info: PluginInfo, runner: TestRunner, bench: TestBench) -> TestRun:
    with _guarded(info, runner.name):
        run: Any = await runner.run_tests(bench)
        if not isinstance(run, TestRun):
            raise TypeError(f"run_tests gave {type(run).__name__}, not a TestRun")
    return run


@contextmanager
def _guarded(info: PluginInfo, name: str) -> Iterator[None]:
    try:
        yield
    except ConductorError:
        raise
    except SandboxError as exc:
        raise PluginError(f"the sandbox failed: {exc}", hint="`conductor doctor` tells what works here") from exc
    except Exception as exc:
        raise PluginError(
            f"runner {name!r} of plugin {info.name!r} ({info.distribution}) failed: {in_words(exc)}",
            hint="take another --runner, and report this to the plugin's author",
        ) from exc
