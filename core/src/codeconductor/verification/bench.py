"""Where a runner's commands run: a copy of the project in a sandbox, and the time that is left."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING, ClassVar

from codeconductor.sandbox import Ended, SandboxError, interpreter, limits_for, run_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from codeconductor.sandbox import Sandbox
    from codeconductor.session import Session

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""Variables of the environment that tests see; nothing else of it."""

_TAIL = 16_000
"""Characters of output that a report has."""

_START = 'export TMPDIR="$HOME/tmp" HOME="$HOME/home"; cd "$0" && exec "$@"'
"""Home and temporary files beside the project, not in it. Where that is in the sandbox, a command in there knows."""

_TO_REPORT = (
    "import os, sys; report = int(os.environ.pop('CONDUCTOR_REPORT')); os.dup2(report, 1); os.close(report); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Makes standard output the report, which no shell does with a pipe of any number."""


class TestBench:
    """What a runner works with.

    Attributes:
        session: Settings of this invocation.
        folder: The copy of the project; commands start there, and it is thrown away afterwards.
        origin: The folder that it was copied from, to tell what belongs to the project.
        scratch: A folder beside the copy for the runner's own files; commands may write there too.
        tests: The files and folders that alone are to be run, relative to the copy, with slashes; empty: all.
        linked: Environments of dependencies that the copy links to, by their path in the copy; readable for commands.
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a test

    def __init__(
        self,
        *,
        session: Session,
        sandbox: Sandbox,
        work: Path,
        folder: Path,
        origin: Path,
        tests: Sequence[str],
        linked: Mapping[str, Path],
        seconds: float,
    ) -> None:
        self.session = session
        self.folder = folder
        self.origin = origin
        self.scratch = work / "scratch"
        self.tests = tuple(tests)
        self.linked = dict(linked)
        self._sandbox = sandbox
        self._work = work
        self._place = os.path.relpath(folder, work)
        self._started = time.monotonic()
        self._deadline = self._started + seconds
        self._output = bytearray()
        self.timed_out = False
        for name in ("scratch", "home", "tmp"):
            (work / name).mkdir()

    def inside(self, path: Path) -> str:
        """How a command names a file of the copy or of `scratch`: relative to where it starts."""
        return os.path.relpath(path, self.folder)

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        places: Mapping[str, Path] | None = None,
        readable: Sequence[Path] = (),
        reports: bool = False,
        prints_report: bool = False,
    ) -> Ended:
        """Run a command in the sandbox, within the time that is left; what it prints is kept for the report.

        Args:
            argv: The command; it starts in the copy, without standard input.
            environment: Beside PATH, HOME, TMPDIR and the locale.
            places: Further variables, for paths of the copy or of `scratch` that must be whole: the sandbox has them
                elsewhere.
            readable: What it may read beside the copy, the system's programs and what the copy links to.
            reports: Whether it gets a pipe of its own to report into, its number in ``CONDUCTOR_REPORT``.
            prints_report: Whether its standard output is that pipe; what it starts has no other way to it.

        Raises:
            SandboxError: The sandbox itself failed, twice.
        """
        if prints_report:
            argv = [str(interpreter()), "-I", "-S", "-c", _TO_REPORT, *argv]
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        exports = [
            f'export {name}="$HOME"/{shlex.quote(path.relative_to(self._work).as_posix())}; '
            for name, path in (places or {}).items()
        ]
        for attempt in (1, 2):
            left = self._deadline - time.monotonic()
            if self.timed_out or left <= 0:
                self.timed_out = True
                return Ended(status=None, output=b"", timed_out=True, survived=False)
            try:
                ended = await run_command(
                    self._sandbox,
                    ["/bin/sh", "-c", "".join(exports) + _START, self._place, *argv],
                    folder=self._work,
                    limits=limits_for(self.session, left),
                    environment={**passed_on, **(environment or {})},
                    readable=[*readable, *self.linked.values()],
                    reports=reports or prints_report,
                )
            except SandboxError:
                if attempt == 2:
                    raise
            else:
                break
        self.timed_out = self.timed_out or ended.timed_out
        self._output = (self._output + ended.output)[-4 * _TAIL :]
        return ended

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started

    @property
    def output_tail(self) -> str:
        """The end of what all commands printed."""
        return self._output.decode("utf-8", "replace")[-_TAIL:]
