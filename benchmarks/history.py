"""How quickly `conductor history` and `show` read a history of 10,000 runs of eight answers, and how it grows.

    python benchmarks/history.py [--runs 9] [--size 10000]

Target: `conductor history` in at most 0.3 s of CPU.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _measure import CONDUCTOR, environment_for, in_turn, median, table
from codeconductor import Answer, Model, Session, Task
from codeconductor.history import History
from codeconductor.history.schema import FILE
from codeconductor.pipeline import Run


def fill(folder: Path, size: int) -> float:
    """Have so many finished runs recorded; gives seconds a run."""
    random.seed(1)
    models = tuple(
        Model(provider="ollama", name=f"model-{number}:7b", host="http://127.0.0.1:11434") for number in range(8)
    )
    task = Task(text="Write a function is_palindrome(text) that ignores case and punctuation")
    words = [
        "def",
        "return",
        "if",
        "else",
        "text",
        "lower",
        "strip",
        "join",
        "reversed",
        "for",
        "in",
        "range",
        "not",
        "and",
        "or",
        "True",
        "False",
    ]
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    history, session = History(folder), Session.start(folder)
    began = time.perf_counter()
    for number in range(size):
        answers = tuple(
            Answer(model=model, text=" ".join(random.choices(words, k=200)), seconds=1.0) for model in models
        )
        started = begin + timedelta(minutes=number)
        run = Run(task=task, models=models, answers=answers, status="finished", started=started, seconds=2.5)
        history.conductor_run_finished(session, run)
    seconds = (time.perf_counter() - began) / size
    history.close()
    assert not session.warnings, session.warnings
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--size", type=int, default=10_000)
    options = parser.parse_args()
    environment = environment_for()
    folder = Path(environment["CONDUCTOR_HOME"])
    written = fill(folder, options.size)
    commands = {
        "conductor --version": (*CONDUCTOR, "--version"),
        "conductor history": (*CONDUCTOR, "history"),
        "conductor history --json -n 10000": (*CONDUCTOR, "history", "--json", "-n", "10000"),
        "conductor show last --json": (*CONDUCTOR, "show", "last", "--json"),
    }
    costs = in_turn(commands, runs=options.runs, environment=environment)
    rows = [
        (name, f"{median(cost.cpu for cost in measured):.2f} s", f"{median(cost.wall for cost in measured):.2f} s")
        for name, measured in costs.items()
    ]
    megabytes = (folder / FILE).stat().st_size / 1e6
    title = (
        f"History of {options.size} runs, {megabytes:.0f} MB, written in {written * 1000:.2f} ms each (target: 0.3 s)"
    )
    table(title, ("command", "CPU", "wall"), rows)


if __name__ == "__main__":
    main()
