"""How good the confidence is on recorded answers with known truth, and the tables that strategies bring, made anew.

    python benchmarks/calibration.py short|code DATA FOLDER [--write]

DATA has a folder for each set: `set.json` (labels, teams), tasks, answers and the truth (`passes`). The decisions of
every team are written into FOLDER, a file a set; what stands there is not decided again. Each task is decided with the
outcomes of the other half of its set's tasks, and without any. Beside the declared teams there are some drawn by
chance, of one model to six: people's teams are of any size. Then `conductor calibrate` prints how good the confidence
is, on tasks and on whole sets that it was not fitted on; with --write the table is laid into the strategy's
distribution.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from _measure import CONDUCTOR

ROOT = Path(__file__).resolve().parent.parent
TASK_KEYS = ("task_id", "prompt", "language", "entry_point", "kind", "style", "tests", "functions")


class Plan(NamedTuple):
    """What is decided, and what is fitted on it.

    Attributes:
        sets: Names of the sets.
        runs: Strategy, whether it is given a track record, and tasks that each declared team decides, at most.
        drawn: Sizes of the teams that are drawn by chance.
        tasks: That each of these decides, at most.
        terms: As for `conductor calibrate`.
        table: In the strategy's distribution.
    """

    sets: tuple[str, ...]
    runs: tuple[tuple[str, bool, int], ...]
    drawn: tuple[int, ...]
    tasks: int
    terms: str
    table: Path


PLANS = {
    "short": Plan(
        ("crux-output-24", "function-call-json-23", "gsm8k-18", "mmlu-pro-18"),
        (("auto", True, 1000), ("auto", False, 1000), ("majority", True, 1000)),
        (1, 1, 1, 2, 2, 2, 3, 4, 6),
        1000,
        "posterior:log,posterior:complement,share:plain,margin:plain",
        ROOT / "plugins/consensus_majority/src/codeconductor_consensus_majority/calibration.json",
    ),
    "code": Plan(
        ("humaneval-31", "humaneval-3x10", "humaneval-ollama4", "mbpp-10", "livecodebench-12", "leetcode-25"),
        (("execution", True, 200), ("execution", False, 80)),
        (2, 3, 4, 6),
        40,
        "posterior:log,posterior:complement,agreeing:plain,passing:plain,margin:plain",
        ROOT / "plugins/consensus_execution/src/codeconductor_consensus_execution/calibration.json",
    ),
}


def rows(folder: Path, stem: str) -> list[dict[str, Any]]:
    """The lines of a gzipped file of a set; none where there is none."""
    path = folder / f"{stem}.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tasks_of(folder: Path) -> list[dict[str, Any]]:
    """The tasks of a set, as `conductor consensus` takes them."""
    tasks = []
    for task in rows(folder, "problems") + rows(folder, "questions"):
        visible = task.get("visible_tests")
        if visible:
            task["tests"] = "\n".join(json.loads(visible) if isinstance(visible, str) else visible)
        if "question" in task:
            task |= {"prompt": task["question"], "kind": "call" if "functions" in task else "question"}
        tasks.append({key: task[key] for key in TASK_KEYS if key in task})
    return tasks


def half_of(task_id: str) -> int:
    """Which half of the tasks it is in: outcomes of the other half are its track record."""
    return hashlib.sha256(task_id.encode()).digest()[0] % 2


def drawn_teams(name: str, models: list[str], plan: Plan) -> list[list[str]]:
    """Teams drawn by chance; always the same."""
    draw = random.Random(name)
    return [draw.sample(models, min(size, len(models))) for size in plan.drawn]


def decide(
    tasks: list[dict[str, Any]], answers: list[dict[str, Any]], outcomes: list[dict[str, Any]] | None, strategy: str
) -> str:
    """The decisions, as JSON lines."""
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in (("tasks", tasks), ("answers", answers), ("outcomes", outcomes or [])):
            (Path(folder) / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        argv = [*CONDUCTOR, "consensus", f"{folder}/answers", "--tasks", f"{folder}/tasks", "-s", strategy, "--json"]
        argv += ["-q", "--no-history"] if outcomes is None else ["-q", "--outcomes", f"{folder}/outcomes"]
        done = subprocess.run(argv, env=os.environ | {"CONDUCTOR_HOME": folder}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def collect(folder: Path, run: tuple[str, bool, int], plan: Plan) -> str:
    """The decisions of every team of a set."""
    strategy, with_record, most_declared = run
    meta = json.loads((folder / "set.json").read_text(encoding="utf-8"))
    truth = outcomes_of(folder)
    models = sorted({line["model"] for line in truth})
    known = {(line["task_id"], line["model"], line["sample"]) for line in truth}
    answers = [a for a in rows(folder, "answers") if (a["task_id"], a["model"], a["sample"]) in known]
    every = tasks_of(folder)
    random.Random(folder.name).shuffle(every)
    found = []
    declared = [(team, most_declared) for team in meta["teams"].values()]
    for team, most in [*declared, *((team, plan.tasks) for team in drawn_teams(folder.name, models, plan))]:
        given: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for answer in answers:
            if answer["model"] in team and answer["sample"] == 0:
                line = {key: answer[key] for key in ("task_id", "model", "sample", "answer")}
                given[answer["task_id"]].append(line)
        for half in (0, 1):
            tasks = [t for t in every if half_of(t["task_id"]) == half and t["task_id"] in given][: most // 2]
            record = [o for o in truth if o["model"] in team and half_of(o["task_id"]) != half]
            said = [answer for task in tasks for answer in given[task["task_id"]]]
            if tasks:
                found.append(decide(tasks, said, record if with_record else None, strategy))
    return "".join(found)


def outcomes_of(folder: Path) -> list[dict[str, Any]]:
    """The truth of a set, by its main label."""
    label = json.loads((folder / "set.json").read_text(encoding="utf-8"))["labels"][0]
    keys = ("task_id", "model", "sample")
    return [{**{key: line[key] for key in keys}, "passed": bool(line[label])} for line in rows(folder, "passes")]


def main() -> None:
    """Collect what is missing, fit, and print how good it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", choices=sorted(PLANS))
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="lay the table into the strategy's distribution")
    args = parser.parse_args()
    plan = PLANS[args.plan]
    args.folder.mkdir(parents=True, exist_ok=True)
    decided, known = [], []
    for name in plan.sets:
        truth = args.folder / f"{name}.outcomes"
        truth.write_text("".join(json.dumps(o) + "\n" for o in outcomes_of(args.data / name)), encoding="utf-8")
        known += ["--outcomes", str(truth)]
        parts = []
        for run in plan.runs:
            part = args.folder / f"{name}.{run[0]}.{'with' if run[1] else 'without'}"
            if not part.exists():
                part.write_text(collect(args.data / name, run, plan), encoding="utf-8")
                print(f"{part.name}: decided", flush=True)
            parts.append(part)
        whole = args.folder / name
        whole.write_text("".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8")
        decided.append(str(whole))
    table = plan.table if args.write else args.folder / f"{args.plan}.json"
    argv = [*CONDUCTOR, "calibrate", *decided, *known, "--terms", plan.terms, "-o", str(table)]
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
