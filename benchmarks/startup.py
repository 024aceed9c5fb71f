"""How quickly `conductor --help` and `--version` answer, against importing click alone and against `llm --help`.

    python benchmarks/startup.py [--runs 15] [--no-peers]

Target: at most 2.5 times the CPU time of `python -c "import click"`, with ten plugins installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

from _measure import CONDUCTOR, environment_for, in_turn, median, peer_environment, table


def extra_plugins(count: int) -> str:
    """A folder with so many further plugins in it, each with a dist-info of its own."""
    folder = Path(tempfile.mkdtemp(prefix="conductor-plugins-"))
    for number in range(count):
        name = f"benchmark_plugin_{number}"
        (folder / f"{name}.py").write_text("from codeconductor import hookimpl\n")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[codeconductor]\n{name} = {name}\n")
    return str(folder)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true", help="install nothing")
    options = parser.parse_args()
    installed = len(entry_points(group="codeconductor"))
    environment = environment_for(PYTHONPATH=extra_plugins(max(0, 10 - installed)))
    commands = {
        "python -c 'import click'": (sys.executable, "-c", "import click"),
        "conductor --help": (*CONDUCTOR, "--help"),
        "conductor --version": (*CONDUCTOR, "--version"),
    }
    if not options.no_peers:
        commands["llm --help"] = (str(peer_environment("llm", "llm-ollama") / "llm"), "--help")
    costs = in_turn(commands, runs=options.runs, environment=environment)
    base = median(cost.cpu for cost in costs["python -c 'import click'"])
    rows = []
    for name, measured in costs.items():
        cpu = median(cost.cpu for cost in measured)
        wall = median(cost.wall for cost in measured)
        rows.append((name, f"{cpu * 1000:.0f} ms", f"{cpu / base:.2f}", f"{wall * 1000:.0f} ms"))
    table(
        f"Start-up, {max(10, installed)} plugins, median of {options.runs}", ("command", "CPU", "× click", "wall"), rows
    )


if __name__ == "__main__":
    main()
