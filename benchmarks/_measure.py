"""What the benchmarks share: measuring whole processes, tables, and environments of their own for peers."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack

CONDUCTOR = (sys.executable, "-m", "codeconductor")


class Cost(NamedTuple):
    """What one process took: seconds of CPU (with its children), seconds of wall clock, bytes of memory at its peak."""

    cpu: float
    wall: float
    memory: int


def cost_of(command: Sequence[str], environment: Mapping[str, str] | None = None, folder: str | None = None) -> Cost:
    """Run a command to its end and measure it by the operating system's own account; POSIX only."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=folder,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said.decode()}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * scale)


def in_turn(
    commands: Mapping[str, Sequence[str]], *, runs: int, environment: Mapping[str, str] | None = None
) -> dict[str, list[Cost]]:
    """Measure commands one after the other, again and again, so that a drifting machine hits all of them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for name, command in commands.items():
        cost_of(command, environment)  # warm: files in memory, bytecode compiled
        costs[name] = []
    for _ in range(runs):
        for name, command in commands.items():
            costs[name].append(cost_of(command, environment))
    return costs


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, columns aligned."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    print(f"\n{title}")
    for number, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def environment_for(**variables: str) -> dict[str, str]:
    """This process's environment with an empty home and data folder, and `variables`."""
    home = tempfile.mkdtemp(prefix="conductor-benchmark-")
    away = ("CONDUCTOR_", "OLLAMA_", "XDG_", "PYTHONDONTWRITEBYTECODE")  # a user's modules are compiled once
    kept = {name: value for name, value in os.environ.items() if not name.startswith(away)}
    return kept | {"HOME": home, "CONDUCTOR_HOME": str(Path(home) / "data"), **variables}


def peer_environment(*packages: str) -> Path:
    """The bin folder of a virtual environment with `packages`, made on first use; needs `uv` and a package registry."""
    folder = Path(tempfile.gettempdir()) / ("conductor-peers-" + "-".join(sorted(packages)))
    if not (folder / "ready").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([str(uv), "venv", "-q", "--clear", str(folder)], check=True)
        # not in this project's folder: its overrides for uv would leave out just what the peers need
        subprocess.run([str(uv), "pip", "install", "-q", "--python", str(folder), *packages], check=True, cwd=folder)
        (folder / "ready").touch()
    return folder / ("Scripts" if os.name == "nt" else "bin")


def serve(exits: ExitStack, dialect: str, *models: str) -> str:
    """A scripted server in a process of its own; gives its address.

    Args:
        exits: Ends it.
        dialect: As the scripted servers' program knows it.
        models: As its option `--model` takes them.
    """
    arguments = [argument for model in models for argument in ("--model", model)]
    process = subprocess.Popen(
        [sys.executable, "-m", "codeconductor.testing.servers", dialect, "--until-eof", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    exits.callback(process.wait)
    assert process.stdin is not None
    assert process.stdout is not None
    exits.callback(process.stdin.close)
    return process.stdout.readline().strip()


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1000:.1f} ms"


def peer() -> Path:
    """The program `llm` with `llm-ollama` and `llm-consortium`, and what the latter forgets to ask for."""
    return peer_environment("llm", "llm-ollama", "llm-consortium", "scikit-learn") / "llm"


def saved_consortium(models: Sequence[str], environment: Mapping[str, str]) -> str:
    """The name by which `llm` asks all of these Ollama models once; the first is the arbiter."""
    Path(environment["HOME"], ".config", "io.datasette.llm").mkdir(parents=True, exist_ok=True)  # it wants it there
    members = [argument for model in models for argument in ("-m", f"ollama/{model}:1")]
    name = f"all-{len(models)}"
    command = [str(peer()), "consortium", "save", name, *members, "--arbiter", f"ollama/{models[0]}"]
    cost_of([*command, "--max-iterations", "1", "--min-iterations", "1"], environment)
    return name
