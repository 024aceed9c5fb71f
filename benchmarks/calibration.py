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
import random
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from _measure import CONDUCTOR
from _recorded import RecordedSet, json_lines

ROOT = Path(__file__).resolve().parent.parent


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
        "posterior:log,posterior:complement,agreeing:plain,passed:complement,sound:plain",
        ROOT / "plugins/consensus_execution/src/codeconductor_consensus_execution/calibration.json",
    ),
}


def decisions_of(known: RecordedSet, run: tuple[str, bool, int], plan: Plan) -> list[dict[str, Any]]:
    """The decisions of every team of a set: of the declared ones, and of some drawn by chance, always the same."""
    strategy, with_record, most = run
    draw = random.Random(known.name)
    models = sorted({model for _, model, _ in known.truth})
    tasks = draw.sample(known.tasks, len(known.tasks))
    drawn = [draw.sample(models, min(size, len(models))) for size in plan.drawn]
    teams = [*((team, most) for team in known.teams.values()), *((team, plan.tasks) for team in drawn)]
    found: list[dict[str, Any]] = []
    for team, count in teams:
        found += known.decide(tasks[:count], team, strategy, with_record=with_record)
    return found


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
    decided, outcomes = [], []
    for name in plan.sets:
        known = RecordedSet(args.data / name)
        truth = args.folder / f"{name}.outcomes"
        truth.write_text(json_lines(known.outcomes), encoding="utf-8")
        outcomes += ["--outcomes", str(truth)]
        parts = []
        for run in plan.runs:
            part = args.folder / f"{name}.{run[0]}.{'with' if run[1] else 'without'}"
            if not part.exists():
                part.write_text(json_lines(decisions_of(known, run, plan)), encoding="utf-8")
                print(f"{part.name}: decided", flush=True)
            parts.append(part)
        whole = args.folder / name
        whole.write_text("".join(part.read_text(encoding="utf-8") for part in parts), encoding="utf-8")
        decided.append(str(whole))
    table = plan.table if args.write else args.folder / f"{args.plan}.json"
    argv = [*CONDUCTOR, "calibrate", *decided, *outcomes, "--terms", plan.terms, "-o", str(table)]
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
