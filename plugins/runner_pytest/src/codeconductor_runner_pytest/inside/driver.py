"""Runs pytest in the sandbox and reports what each test did, before anything of the project has been imported.

It is started by path, on the project's own interpreter, with the standard library and pytest alone. Project code runs
in this very process, so nothing here is out of its reach; but it has no reason to be in its way, and what it may do by
accident or without much effort does not turn a failure into a pass:

- Reports go through a pipe: what was written cannot be taken back. Each line is signed with a key that was on disk
  until it was read, and numbered.
- What a test raised is taken from the call itself, below every hook of the project.
- pytest's own functions are compared with what they were before the project was imported.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.abc
import importlib.util
import json
import os
import sys

TYPE_CHECKING = False  # typing costs as much as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

_exit, _write, _dumps = os._exit, os.write, json.dumps

_WATCHED = ("_pytest", "pluggy", "unittest")
"""Packages whose functions must stay as they are."""

_MOST = 4000
"""Characters of a message."""


class Channel:
    """The signed lines that this process reports."""

    def __init__(self, fd: int, key: bytes) -> None:
        number = [0]

        def say(kind: str, **facts: Any) -> None:
            line = _dumps({"n": number[0], "kind": kind, **facts}, ensure_ascii=True).encode()
            number[0] += 1
            signed = hmac.new(key, line, hashlib.sha256).hexdigest().encode() + b" " + line + b"\n"
            while signed:
                signed = signed[_write(fd, signed) :]

        self.say = say


class Brought(importlib.abc.MetaPathFinder):
    """Finds pytest, and what it needs, where the project has none of its own; nothing else of our environment."""

    def __init__(self, places: dict[str, str], versions: dict[str, str]) -> None:
        self._places = places
        self._versions = versions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """See `importlib.abc.MetaPathFinder`."""
        if path is not None or name not in self._places:
            return None
        place = self._places[name]  # the folder around it may not be listed
        if not os.path.isdir(place):
            return importlib.util.spec_from_file_location(name, place)
        file = os.path.join(place, "__init__.py")
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=[place])

    def find_distributions(self, context: Any) -> list[Any]:
        """What `importlib.metadata` asks, when one of these is named: its name and version are all that is known."""
        version = self._versions.get(context.name)
        if version is None:
            return []
        from importlib.metadata import Distribution

        told = {"METADATA": f"Metadata-Version: 2.1\nName: {context.name}\nVersion: {version}\n"}

        class Lent(Distribution):
            def read_text(self, filename: str) -> str | None:
                return told.get(filename)

            def locate_file(self, path: Any) -> Any:
                raise FileNotFoundError(path)

        return [Lent()]


def functions_of(packages: Any) -> dict[Any, Any]:
    """Every function of loaded packages by its place, to compare them later."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in packages or module is None:
            continue
        for key, value in list(vars(module).items()):
            if isinstance(value, type):
                if value.__module__ == name:
                    for inner, member in list(vars(value).items()):
                        if callable(member) or isinstance(member, (property, classmethod, staticmethod)):
                            found[name, key, inner] = _identity(member)
            elif hasattr(value, "__code__") and getattr(value, "__module__", None) == name:
                found[name, key, ""] = _identity(value)
    return found


def _identity(member: Any) -> tuple[Any, Any]:
    return member, getattr(member, "__code__", None)


def replaced(before: dict[Any, Any], folder: str) -> list[str]:
    """Names of functions that are others than they were, or are gone."""
    names = []
    now = functions_of(_WATCHED)
    for place, (member, code) in before.items():
        found = now.get(place)
        if found is None or ((found[0] is not member or found[1] is not code) and not _is_installed(found[0], folder)):
            names.append(".".join(part for part in place if part))
    return sorted(names)


def _is_installed(member: Any, folder: str) -> bool:
    """Whether a function belongs to a module outside of the project: installed plugins of pytest change it, too."""
    member = getattr(member, "__func__", member)
    module = sys.modules.get(getattr(member, "__module__", None) or "")
    file = getattr(module, "__file__", None)
    code = getattr(member, "__code__", None)
    if not file or code is None or getattr(member, "__globals__", None) is not vars(module):
        return False
    inside = os.path.realpath(folder) + os.sep
    return not any(os.path.realpath(path).startswith(inside) for path in (file, code.co_filename))


def shortened(text: str) -> str:
    """A long message without its middle."""
    return text if len(text) <= _MOST else f"{text[: _MOST // 2]}\n[…]\n{text[-_MOST // 2 :]}"


def move_paths(origin: str, folder: str, kept: list[str]) -> None:
    """Let what the project's environment installed from the project's own folder be the copy's."""

    def moved(path: str) -> str:
        inside = path == origin or path.startswith(origin + os.sep)
        if not inside or any(path == one or path.startswith(one + os.sep) for one in kept):
            return path
        return folder + path[len(origin) :]

    sys.path[:] = [moved(path) for path in sys.path]
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):
            for key, place in list(mapping.items()):
                if isinstance(place, str):
                    mapping[key] = moved(place)


def main() -> NoReturn:
    """Run what the job says; ends the process."""
    import time

    with open(sys.argv[1], "rb") as file:
        job = json.loads(file.read())
    os.unlink(sys.argv[1])
    report = int(os.environ.pop("CONDUCTOR_REPORT"))
    os.set_inheritable(report, False)
    channel = Channel(report, bytes.fromhex(job["key"]))
    folder = os.getcwd()
    sys.path[:] = [path for path in sys.path if path and os.path.abspath(path) != os.path.dirname(__file__)]
    move_paths(job["origin"], folder, job["kept"])
    sys.meta_path.append(Brought(job["brought"], job["versions"]))
    sys.argv[:] = ["pytest"]
    hidden = sys.modules["__main__"]  # kept, and out of sight of what looks for the main program
    sys.modules["__main__"] = type(sys)("__main__")
    try:
        import unittest.case  # noqa: F401

        import pytest
        from _pytest.config import default_plugins
    except ImportError as exc:
        channel.say("absent", why=f"{type(exc).__name__}: {exc}", python=sys.version.split()[0])
        _exit(1)
    for name in default_plugins:
        importlib.import_module(f"_pytest.{name}")
    before = functions_of(_WATCHED)
    recorder = _recorder(pytest, channel, folder, time.perf_counter)
    sys.path.insert(0, folder)  # as `python -m pytest` has it
    arguments = ["-p", "no:pastebin", *job["arguments"]]
    for module, option in (("xdist", "-n0"), ("pytest_cov", "--no-cov")):
        if importlib.util.find_spec(module) is not None:
            arguments.append(option)
    channel.say("start", pytest=pytest.__version__, python=sys.version.split()[0])
    code = int(pytest.main([*arguments, *job["tests"]], plugins=[recorder]))
    changed = replaced(before, folder)
    channel.say("end", status=code, replaced=changed[:20], found=recorder.found, unrun=recorder.unrun())
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        _exit(code if hidden is not None else 1)


def _recorder(pytest: Any, channel: Channel, folder: str, clock: Callable[[], float]) -> Any:
    """The plugin that watches pytest."""
    import unittest

    from _pytest.unittest import TestCaseFunction

    say = channel.say
    skips = (pytest.skip.Exception, pytest.xfail.Exception, unittest.SkipTest)
    no_text: Any = {}

    def first(function: F) -> F:
        return pytest.hookimpl(tryfirst=True)(function)  # type: ignore[no-any-return]  # pytest may be any version

    def last(function: F) -> F:
        return pytest.hookimpl(trylast=True)(function)  # type: ignore[no-any-return]

    class Recorder:
        found = 0

        def __init__(self) -> None:
            self._raised: dict[str, Any] = {}  # by test: what its call raised last; None: nothing
            self._reports: dict[str, list[tuple[Any, ...]]] = {}
            self._reached: set[str] = set()
            self._started: dict[str, float] = {}
            self._collected: set[str] = set()
            self._deselected: set[str] = set()

        def unrun(self) -> int:
            return max(0, len(self._collected - self._deselected) - self.found)

        def pytest_itemcollected(self, item: Any) -> None:
            self._collected.add(item.nodeid)
            observe(self, item)

        def pytest_deselected(self, items: Any) -> None:
            self._deselected.update(item.nodeid for item in items)

        def pytest_collection_finish(self, session: Any) -> None:
            self.found = len(session.items)
            taken = [
                hook
                for hook in (
                    "pytest_pyfunc_call",
                    "pytest_runtest_protocol",
                    "pytest_runtest_makereport",
                    "pytest_runtest_call",
                    "pytest_runtest_logreport",
                    "pytest_report_teststatus",
                    "pytest_collection_modifyitems",
                    "pytest_make_collect_report",
                    "pytest_sessionfinish",
                )
                if any(is_projects(impl) for impl in getattr(session.config.hook, hook).get_hookimpls())
            ]
            say(
                "collected",
                count=self.found,
                unseen=len({item.nodeid for item in session.items} - self._collected),
                hooks=taken,
            )

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                say("case", id=report.nodeid, status="error", message=shortened(report.longreprtext), seconds=None)

        @last
        def pytest_pyfunc_call(self, pyfuncitem: Any) -> None:
            self._reached.add(pyfuncitem.nodeid)

        @first
        def pytest_runtest_logstart(self, nodeid: str) -> None:
            self._raised.pop(nodeid, None)
            self._reports[nodeid] = []
            self._reached.discard(nodeid)
            self._started[nodeid] = clock()

        @first
        def pytest_runtest_logreport(self, report: Any) -> None:
            when, outcome = report.when, report.outcome
            if when == "setup":  # a plugin may run a test again
                self._reports[report.nodeid] = []
            text = report.longreprtext if outcome != "passed" else ""
            if outcome == "skipped" and isinstance(report.longrepr, tuple):
                text = str(report.longrepr[2])
            entry = (when, outcome, getattr(report, "wasxfail", None), text)
            self._reports.setdefault(report.nodeid, []).append(entry)

        @last
        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            status, message = self._verdict(nodeid)
            seconds = clock() - self._started.get(nodeid, clock())
            say("case", id=nodeid, status=status, message=shortened(message) if message else None, seconds=seconds)

        def _verdict(self, nodeid: str) -> tuple[str, str | None]:
            reports = self._reports.pop(nodeid, [])
            raised = self._raised.get(nodeid, no_text)
            for when, outcome, _, text in reports:
                if outcome == "failed":
                    return ("failed" if when == "call" else "error"), text
            if raised is not no_text and raised is not None:
                kind, text = raised
                if kind == "refused":
                    return "failed", text
                expected = any(xfail is not None for _, _, xfail, _ in reports)
                if kind == "failed" and not expected:
                    return "failed", f"it raised, and a hook or plugin called that no failure:\n{text}"
            for _, outcome, xfail, text in reports:
                if outcome == "skipped":
                    return "skipped", f"xfail: {xfail}" if xfail is not None else text
            calls = [report for report in reports if report[0] == "call"]
            if not calls or raised is no_text:
                return "error", "it was called passed, and was not run"
            return "passed", None

    def in_project(code: Any) -> bool:
        return code is not None and os.path.realpath(code.co_filename).startswith(os.path.realpath(folder) + os.sep)

    def is_projects(implementation: Any) -> bool:
        return in_project(getattr(implementation.function, "__code__", None))

    def how_skipped(exc: BaseException, item: Any) -> tuple[str, str]:
        """Skips are for tests and what helps them: code that is tested would get past its failing tests by one."""
        by = str(item.path)
        for one in (exc.__context__, exc):  # pytest makes one of its own of unittest's
            trace = one.__traceback__ if isinstance(one, skips) else None
            while trace is not None:
                if in_project(trace.tb_frame.f_code):
                    by = trace.tb_frame.f_code.co_filename
                trace = trace.tb_next
        path = os.path.relpath(os.path.realpath(by), os.path.realpath(folder))
        *folders, name = path.split(os.sep)
        helps = name.startswith(("test", "conftest.")) or name.endswith(("_test.py", "_tests.py"))
        if helps or os.path.realpath(by) == os.path.realpath(item.path) or any("test" in one for one in folders):
            return "skipped", str(exc)
        return "refused", f"{path}, which is no test, skipped it: {exc}"

    def code_of(item: Any) -> Any:
        function = getattr(item, "obj", None)
        return getattr(getattr(function, "__func__", function), "__code__", None)

    def observe(recorder: Recorder, item: Any) -> None:
        """Note what the test's own call raises: below it there is no hook but those that call the function."""
        original = item.runtest
        nodeid = item.nodeid
        function = code_of(item)

        def runtest() -> None:
            recorder._reached.discard(nodeid)
            recorder._raised[nodeid] = ("failed", "it ended in the midst of its call")
            try:
                original()
            except skips as exc:
                recorder._raised[nodeid] = how_skipped(exc, item)
                raise
            except BaseException as exc:
                recorder._raised[nodeid] = ("failed", f"{type(exc).__name__}: {exc}")
                raise
            kept = getattr(item, "_excinfo", None)  # of unittest, which reports instead of raising
            if kept:
                value = kept[-1].value
                told = "failed", f"{type(value).__name__}: {value}"
                recorder._raised[nodeid] = how_skipped(value, item) if isinstance(value, skips) else told
            elif isinstance(item, pytest.Function) and not isinstance(item, TestCaseFunction) and not has_run(item):
                recorder._raised[nodeid] = ("failed", "a hook of the project took the place of its call")
            else:
                recorder._raised[nodeid] = None

        def has_run(item: Any) -> bool:
            now = code_of(item)
            if now is not function and in_project(now):
                return False
            if nodeid in recorder._reached:
                return True
            return not any(map(is_projects, item.ihook.pytest_pyfunc_call.get_hookimpls()))

        item.runtest = runtest

    return Recorder()


if __name__ == "__main__":
    main()
