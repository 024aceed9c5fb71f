"""What running a candidate costs: milliseconds a candidate and an input, in each sandbox that works here.

`python benchmarks/sandbox.py [CANDIDATES]` runs that many (600 unless given) small functions, each with 1 and with 100
inputs, and whole programs with 10 inputs. Beside ours, in the same run: a fresh interpreter for each, without any
sandbox, and `exec` in one process, which isolates nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from _measure import median, table
from codeconductor.sandbox import Limits, Pool, trial_of
from codeconductor.sandbox.tiers import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeconductor.sandbox import Sandbox

ROUNDS = 3
LIMITS = Limits(seconds=60.0)


def functions(count: int) -> list[str]:
    """So many small programs, no two of them alike."""
    return [
        f"from typing import List\n\ndef f(values: List[int]) -> int:\n    return sum(v * {number} for v in values)\n"
        for number in range(count)
    ]


def scripts(count: int) -> list[str]:
    """So many whole programs."""
    return [f"import sys\nprint(sum(map(int, sys.stdin.read().split())) * {number})\n" for number in range(count)]


def inputs(count: int) -> list[str]:
    """So many lists of numbers, as arguments."""
    return [f"[{number}, {number + 1}, {number + 2}]" for number in range(count)]


def in_sandbox(sandbox: Sandbox, programs: Sequence[str], values: Sequence[str], entry_point: str) -> list[float]:
    """Seconds of each round; interpreters are started before."""

    async def rounds() -> list[float]:
        pool = Pool(sandbox, LIMITS)
        try:
            await pool.run(programs[:8], values[:1], entry_point)
            taken = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await pool.run(programs, values, entry_point)
                taken.append(time.perf_counter() - began)
            return taken
        finally:
            await pool.aclose()

    return asyncio.run(rounds())


def in_fresh_interpreters(programs: Sequence[str], values: Sequence[str]) -> list[float]:
    """Seconds of one round over a twentieth of the programs, as if it had been all of them."""
    some = programs[: max(1, len(programs) // 20)]
    began = time.perf_counter()
    for program in some:
        source = f"{program}\nimport json\nprint(json.dumps([{', '.join(f'f({value})' for value in values)}]))"
        subprocess.run([sys.executable, "-I", "-S", "-c", source], check=True, capture_output=True)
    return [(time.perf_counter() - began) * len(programs) / len(some)]


def in_this_process(programs: Sequence[str], values: Sequence[str]) -> list[float]:
    """Seconds of one round of `exec`."""
    began = time.perf_counter()
    for program in programs:
        namespace: dict[str, Callable[[list[int]], int]] = {}
        exec(program, namespace)
        json.dumps([namespace["f"](eval(value)) for value in values])
    return [time.perf_counter() - began]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidates", type=int, nargs="?", default=600)
    count = parser.parse_args().candidates
    rows = []

    def row(name: str, what: str, taken: Sequence[float], number: int, each: int) -> None:
        each_program = median(taken) / number
        rows.append(
            (name, what, f"{1000 * each_program:.2f}", f"{1e6 * each_program / each:.0f}", f"{60 / each_program:,.0f}")
        )

    for trial in map(trial_of, BUILTIN):
        if trial.sandbox is None:
            print(f"{trial.name}: {trial.reason}")
            continue
        for each in (1, 100):
            taken = in_sandbox(trial.sandbox, functions(count), inputs(each), "f")
            row(trial.name, f"a function, {each} inputs", taken, count, each)
        few = max(1, count // 4)
        taken = in_sandbox(trial.sandbox, scripts(few), ["1 2 3"] * 10, "")
        row(trial.name, "a whole program, 10 inputs", taken, few, 10)
    many, values = functions(count), inputs(100)
    row("a fresh interpreter", "a function, 100 inputs", in_fresh_interpreters(many, values), count, 100)
    row("exec here", "a function, 100 inputs", in_this_process(many, values), count, 100)
    head = ("in", "what", "ms a candidate", "µs an input", "candidates a minute")
    table(f"{count} candidates, every processor, median of {ROUNDS} rounds", head, rows)


if __name__ == "__main__":
    main()
