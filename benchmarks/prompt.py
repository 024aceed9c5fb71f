"""How long one prompt takes, for each kind of task: the first of a process, and every further one.

    python benchmarks/prompt.py [--runs 9]

Target: at most 50 ms a prompt, its templates' compilation included. The import of Jinja, once a process, stands beside.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

from _measure import environment_for, median, table
from codeconductor import (
    Answer,
    CodeBlock,
    Consensus,
    ContextFile,
    Disagreement,
    FieldConsensus,
    Model,
    Option,
    Project,
    PromptLimits,
    Task,
    TaskKind,
)

TEAM = tuple(f"ollama/model{number}" for number in range(8))
CODE = "def parse(text):\n    return [line.split(',') for line in text.splitlines() if line.strip()]\n\n" * 12


def a_task(kind: TaskKind) -> Task:
    """A task with three context files of 12 kB."""
    context = [ContextFile(path=f"src/part{n}.py", text=CODE * 10, size=len(CODE) * 10) for n in range(3)]
    project = Project(root=Path.cwd(), layout=("src/", "tests/"), languages=("Python >=3.11",), test_command="pytest")
    return Task(text="Write a parser for comma-separated lines", kind=kind, context=tuple(context), project=project)


def a_consensus() -> Consensus:
    """What eight models agreed on: five values a field, five open questions, and code of 24 functions."""

    def field(name: str, number: int) -> FieldConsensus:
        value: object = f"{name} number {number} is a short sentence, as models write them"
        if name == "files":
            value = {"path": f"src/file{number}.py", "purpose": value}
        return FieldConsensus(name=name, value=value, support=0.75, models=TEAM[:6])

    names = ("requirements", "files", "dependencies", "constraints", "tests", "risks")
    fields = [field(name, number) for name in names for number in range(5)]
    options = [Option(value=f"option {number}", support=0.5, models=TEAM[:4]) for number in range(2)]
    author = Model(provider="ollama", name="model0", host="memory:")
    answer = Answer(model=author, text=CODE, code=[CodeBlock(language="python", path="src/a.py", text=CODE * 2)])
    return Consensus(
        outcome={"code": CODE * 2, "answer": "yes"},
        agreement=0.75,
        confidence=0.75,
        choice=answer,
        fields=[*fields, field("approach", 0), field("answer", 0)],
        disagreements=[Disagreement(field=f"question {number}", options=options) for number in range(5)],
        weights=dict.fromkeys(TEAM, 1.0),
    )


def measure(kind: TaskKind) -> dict[str, float]:
    """CPU milliseconds in this process: the import, the first prompt, and the median of twenty further ones."""
    task, consensus, limits = a_task(kind), a_consensus(), PromptLimits()
    began = time.process_time()
    from codeconductor_prompt_jinja import sandbox  # noqa: F401
    from codeconductor_prompt_jinja.renderer import JinjaRenderer

    imported = time.process_time()
    prompt = JinjaRenderer().render(task, consensus, limits)
    first = time.process_time()
    further = []
    for _ in range(20):
        start = time.process_time()
        JinjaRenderer().render(task, consensus, limits)
        further.append(time.process_time() - start)
    costs = {"import": imported - began, "first": first - imported, "further": median(further)}
    return {name: 1000 * seconds for name, seconds in costs.items()} | {"characters": len(prompt.text)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    environment = environment_for()
    kinds = get_args(TaskKind)
    costs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(options.runs):
        for kind in kinds:  # in turn, so that a drifting machine hits all of them alike
            command = [sys.executable, __file__, "--measure", kind]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            costs[kind].append(json.loads(done.stdout))
    rows = []
    for kind, measured in costs.items():
        numbers = {name: median(cost[name] for cost in measured) for name in measured[0]}
        rows.append((kind, *(f"{numbers[name]:.1f} ms" for name in ("import", "first", "further"))))
        rows[-1] += (f"{numbers['characters']:.0f}",)
    table(
        f"One prompt, CPU, median of {options.runs} processes",
        ("kind", "import of Jinja", "first prompt", "further prompts", "characters"),
        rows,
    )


if __name__ == "__main__":
    main()
