"""The command line as a person has it: `python -m codeconductor` in a folder, a home and an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor.testing.servers import ScriptedLMStudio, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO, Any

    from codeconductor.testing.servers import ScriptedServer

NOBODY = "http://127.0.0.1:9"  # the port of a service that no machine runs any more
PATIENCE = 60.0
"""Seconds after which a command that must end has failed; no test is slower for it when all is well."""
_PROXIES = frozenset({"all_proxy", "http_proxy", "https_proxy", "no_proxy"})


@attrs.frozen
class CommandLine:
    """Runs `conductor` in a subprocess; nothing is in reach until `reach` is told of it.

    Attributes:
        folder: The project, in which commands are run.
        home: The person's home folder.
        data: `CONDUCTOR_HOME`.
        environment: What the command sees; may be changed.
    """

    folder: Path
    home: Path
    data: Path
    environment: dict[str, str]
    _exits: ExitStack

    def __call__(
        self,
        *arguments: str,
        stdin: bytes | str | None = None,
        stdout: IO[Any] | None = None,
        closed: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Args:
            arguments: What follows `conductor`.
            stdin: Given on standard input; None: it is empty.
            stdout: Where standard output goes; None: into the result.
            closed: Descriptors that the command finds closed.
            environment: Further variables.
        """
        given = stdin.encode() if isinstance(stdin, str) else stdin
        command = self._command(arguments)
        if closed:
            command = ["bash", "-c", f'exec "$@" {" ".join(f"{number}>&-" for number in closed)}', "bash", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | dict(environment or {}),
            input=given or b"",
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, (done.stdout or b"").decode("utf-8"), done.stderr.decode("utf-8")
        )

    def on_terminal(self, *arguments: str, columns: int) -> str:
        """What a command shows on a terminal of that width, without escape codes."""
        import fcntl
        import pty
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = self.start(*arguments, stdin=theirs, stdout=theirs)
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):  # Linux's way to say that it is closed
            while piece := terminal.read(65536):
                shown += piece
        assert process.wait(PATIENCE) == 0
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8"))

    def refused(self, code: int, *arguments: str, stdin: bytes | str | None = None) -> str:
        """Run a command that must end with this exit code, one `Error:` and one `Hint:`; gives its standard error."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == code, done.stderr
        lines = done.stderr.splitlines()
        assert len([line for line in lines if line.startswith("Error: ")]) == 1, done.stderr
        assert len([line for line in lines if line.startswith("Hint: ")]) == 1, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command with pipes for its output; it is killed when the test ends."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
        )
        self._exits.push(process)
        self._exits.callback(process.kill)
        return process

    def reach(self, *servers: ScriptedServer) -> None:
        """Have these servers asked."""
        for server in servers:
            if isinstance(server, ScriptedOllama):
                self.environment["OLLAMA_HOST"] = server.host
            elif isinstance(server, ScriptedLMStudio):
                self.environment["CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS"] = server.host
            else:
                raise TypeError(f"no provider asks a {type(server).__name__} here")

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "codeconductor", *arguments]


@pytest.fixture
def conductor(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in an empty project, with an empty home folder and no server in reach."""
    home, data, folder = tmp_path / "home", tmp_path / "data", tmp_path / "project"
    for path in (home, folder):
        path.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONDUCTOR_", "OLLAMA_", "PYTHON"))
        and name.lower() not in _PROXIES
        and name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    }
    environment |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "CONDUCTOR_HOME": str(data),
        "OLLAMA_HOST": NOBODY,
        "CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS": NOBODY,
        "CONDUCTOR_PROVIDERS__LLAMACPP__USE": "never",
    }
    with ExitStack() as exits:
        yield CommandLine(folder, home, data, environment, exits)


@pytest.fixture
def install(conductor: CommandLine) -> Callable[..., None]:
    """Installs plugins with these names and texts, each as a distribution of its own: `acme` is of `acme-plugin`."""

    def install(**sources: str) -> None:
        folder = conductor.home / "installed"
        conductor.environment["PYTHONPATH"] = str(folder)
        for name, source in sources.items():
            metadata = folder / f"{name}_plugin-1.0.dist-info"
            metadata.mkdir(parents=True)
            described = f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n"
            (metadata / "METADATA").write_text(described, encoding="utf-8")
            points = f"[codeconductor]\n{name} = {name}_plugin\n"
            (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
            (folder / f"{name}_plugin.py").write_text(source, encoding="utf-8")

    return install


@pytest.fixture
def unhurried(install: Callable[..., None]) -> None:
    """After Ctrl-C the command ends as it should, however long a slow machine takes, and is not ended before."""
    install(unhurried="import threading\nthreading.Timer.start = lambda self: None\n")


@pytest.fixture
def recorded(conductor: CommandLine) -> Callable[..., tuple[str, ...]]:
    """Writes tasks and answers into two files, and gives the arguments of `conductor consensus`."""

    def write(tasks: Iterable[dict[str, Any]], answers: Iterable[dict[str, Any]]) -> tuple[str, ...]:
        for name, objects in {"tasks.jsonl": tasks, "answers.jsonl": answers}.items():
            conductor.write(name, "".join(json.dumps(item) + "\n" for item in objects))
        return ("consensus", "answers.jsonl", "--tasks", "tasks.jsonl", "--no-history")

    return write
