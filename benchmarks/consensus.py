"""What choosing among recorded answers is worth, beside other rules: a table by set and team, and two pictures.

    python benchmarks/consensus.py DATA FOLDER [--sets a,b] [--tasks N] [--picture FILE.svg]

DATA is as for `calibration.py`. Decisions are kept in FOLDER, a file for each set, team and rule; what stands there is
not decided again. Beside `ours`, which is `auto` with the outcomes of the other half of the tasks, stand `alone`, which
is `auto` without any, an answer drawn at random, the best single model, chosen in advance on the other half, and
`majority`, `medoid`, `mbr`, `codet` and `b4`, which know no outcomes either. `oracle` is right where any answer is.
Intervals are by bootstrap over tasks, 95 %. The pictures need matplotlib:

    uv run --with matplotlib python benchmarks/consensus.py DATA FOLDER --picture FILE.svg
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import attrs
from _measure import table
from _recorded import RecordedSet, half_of, json_lines
from codeconductor.calibration.measures import Forecast, Quality, quality

RULES = {
    "majority": ("majority", False),
    "medoid": ("medoid", False),
    "mbr": ("mbr", False),
    "codet": ("codet", False),
    "b4": ("b4", False),
    "alone": ("auto", False),
    "ours": ("auto", True),
}
"""Strategy, and whether it is given a track record."""

ONLY_CODE = ("mbr", "codet", "b4")
DRAWS = 1000
BINS = 10


@attrs.frozen
class Scored:
    """One team on one set: what each rule got, task by task, 0 to 1.

    Attributes:
        got: By rule; with `random`, `single` and `oracle`.
        forecasts: Of `alone` and `ours`: how sure, and whether right.
    """

    name: str
    is_code: bool
    got: dict[str, list[float]]
    forecasts: dict[str, list[Forecast]]

    @property
    def n(self) -> int:
        """Tasks."""
        return len(self.got["random"])


def score(known: RecordedSet, team: str, most: int, folder: Path) -> Scored:
    """Decide by every rule what is not decided yet, and compare with the truth."""
    members = known.teams[team]
    shuffled = random.Random(known.name).sample(known.tasks, len(known.tasks))
    tasks = [task for task in shuffled if known.said(task["task_id"], members)][:most]
    got: dict[str, list[float]] = defaultdict(list)
    forecasts: dict[str, list[Forecast]] = {}
    for rule, (strategy, with_record) in RULES.items():
        if rule in ONLY_CODE and not known.is_code:
            continue
        path = folder / f"{known.name}.{team}.{rule}.{len(tasks)}"
        if not path.exists():
            decided = known.decide(tasks, members, strategy, with_record=with_record)
            path.write_text(json_lines(decided), encoding="utf-8")
        decisions = {line["task_id"]: line for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
        for task in tasks:
            got[rule].append(float(_is_right(known, decisions[task["task_id"]])))
        if rule in ("alone", "ours"):
            forecasts[rule] = [
                Forecast(line["confidence"], _is_right(known, line), f"{known.name}/{line['task_id']}")
                for line in decisions.values()
                if line["choice"] is not None
            ]
    ranks = [_ranked(known, members, half) for half in (0, 1)]
    for task in tasks:
        given = {answer["model"]: known.truth[_key(answer)] for answer in known.said(task["task_id"], members)}
        got["random"].append(statistics.mean(given.values()))
        got["oracle"].append(float(any(given.values())))
        best = next(model for model in ranks[half_of(task["task_id"])] if model in given)
        got["single"].append(float(given[best]))
    print(f"{known.name}/{team}: {len(tasks)} tasks", flush=True)
    return Scored(f"{known.name}/{team}", known.is_code, got, forecasts)


def _key(answer: dict[str, Any]) -> tuple[str, str, int]:
    return answer["task_id"], answer["model"], answer["sample"]


def _is_right(known: RecordedSet, decision: dict[str, Any]) -> bool:
    choice = decision["choice"]
    return choice is not None and known.truth[decision["task_id"], choice["model"], choice["sample"]]


def _ranked(known: RecordedSet, team: list[str], half: int) -> list[str]:
    """The models by how often they were right on the other half; of equals the first by declaration."""
    rates: dict[str, list[bool]] = {model: [] for model in team}
    for outcome in known.record(team, half):
        rates[outcome["model"]].append(outcome["passed"])
    return sorted(team, key=lambda model: -(statistics.mean(rates[model]) if rates[model] else -1.0))


def closed(got: float, single: float, oracle: float) -> float:
    """The share of the gap from the best single model to the oracle."""
    return (got - single) / (oracle - single) if oracle > single else math.nan


def interval(parts: list[Scored], rule: str, base: str) -> str:
    """By how many points a rule is better than another, paired by task, with its interval."""
    pairs = [(g - b) * 100 for part in parts for g, b in zip(part.got[rule], part.got[base], strict=True)]
    draw = random.Random(0)
    means = sorted(statistics.mean(draw.choices(pairs, k=len(pairs))) for _ in range(DRAWS))
    return f"{statistics.mean(pairs):+.1f} ({means[25]:+.1f} … {means[-26]:+.1f})"


def row(name: str, parts: list[Scored]) -> list[str]:
    """One line of the table, of one team or of several together."""
    columns = ("random", "single", *RULES, "oracle")
    mean = {
        rule: statistics.mean(value for part in parts for value in part.got[rule])
        for rule in columns
        if all(rule in part.got for part in parts)
    }
    shares = [f"{100 * mean[rule]:.1f}" if rule in mean else "–" for rule in columns]
    gap = closed(mean["ours"], mean["single"], mean["oracle"])
    count = str(sum(part.n for part in parts))
    return [name, count, *shares, "–" if math.isnan(gap) else f"{100 * gap:.0f}", interval(parts, "ours", "single")]


def coverage(forecasts: list[Forecast]) -> list[float]:
    """The error among the most confident, for each number of them from one on: the risk–coverage curve."""
    ranked = sorted(forecasts, key=lambda one: -one.probability)
    wrong, errors = 0, []
    for count, one in enumerate(ranked, 1):
        wrong += not one.right
        errors.append(wrong / count)
    return errors


def told(name: str, forecasts: list[Forecast]) -> list[str]:
    """How good a confidence is, as a line of a table."""
    found: Quality = quality(forecasts)
    errors = coverage(forecasts)
    at = [f"{100 * errors[max(1, len(errors) * part // 4) - 1]:.1f}" for part in (1, 2, 3, 4)]
    auroc = "–" if found.auroc is None else f"{found.auroc:.3f}"
    ece = f"{found.ece:.3f} ({found.ece_low:.3f} … {found.ece_high:.3f})"
    return [name, str(found.n), f"{100 * found.right:.1f}", ece, auroc, f"{found.brier:.3f}", *at]


def draw_pictures(path: Path, curves: dict[str, list[Forecast]]) -> None:
    """Reliability, by bins of equal mass, and risk by coverage."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "consensus"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    left.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, forecasts in curves.items():
        ranked = sorted(forecasts, key=lambda one: one.probability)
        bins = [ranked[k * len(ranked) // BINS : (k + 1) * len(ranked) // BINS] for k in range(BINS)]
        said = [statistics.mean(one.probability for one in part) for part in bins if part]
        came = [statistics.mean(one.right for one in part) for part in bins if part]
        left.plot(said, came, marker="o", markersize=3, label=name)
        errors = coverage(forecasts)
        right.plot([count / len(errors) for count in range(1, len(errors) + 1)], errors, label=name)
    left.set(xlabel="confidence", ylabel="share that was right", title="Reliability", xlim=(0, 1), ylim=(0, 1))
    right.set(xlabel="share decided, the surest first", ylabel="share that was wrong", title="Risk and coverage")
    right.set(xlim=(0, 1), ylim=(0, None))
    left.legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Decide what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", help="names of sets, separated by commas; default: all")
    parser.add_argument("--tasks", type=int, default=1_000_000, help="tasks a team, at most; default: all")
    parser.add_argument("--picture", type=Path, help="where the curves are drawn")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    wanted = args.sets.split(",") if args.sets else None
    folders = [path.parent for path in sorted(args.data.glob("*/set.json"))]
    sets = [RecordedSet(folder) for folder in folders if wanted is None or folder.name in wanted]
    scored = [score(known, team, args.tasks, args.folder) for known in sets for team in known.teams]
    groups = {
        "code": [part for part in scored if part.is_code],
        "short answers": [part for part in scored if not part.is_code],
    }
    groups = {name: parts for name, parts in groups.items() if parts}
    lines = [row(part.name, [part]) for part in scored] + [row(f"all {name}", parts) for name, parts in groups.items()]
    heading = ("set/team", "n", "random", "single", *RULES, "oracle", "closed %", "ours − single")
    table("Share of tasks whose chosen answer is right, in per cent", heading, lines)
    print("\nours − majority, in points:")
    for name, parts in groups.items():
        print(f"{name}: {interval(parts, 'ours', 'majority')}")
    curves = {
        f"{name}, {'with' if rule == 'ours' else 'without'} a track record": [
            one for part in parts for one in part.forecasts[rule]
        ]
        for name, parts in groups.items()
        for rule in ("ours", "alone")
    }
    by_set: dict[str, list[Forecast]] = defaultdict(list)
    for part in scored:
        by_set[part.name.partition("/")[0]] += part.forecasts["ours"]
    heading = ("", "n", "right %", "ECE (95 %)", "AUROC", "Brier", "error % at 25 %", "50 %", "75 %", "100 %")
    table("How good the confidence is", heading, [told(name, each) for name, each in (by_set | curves).items()])
    if args.picture:
        draw_pictures(args.picture, curves)


if __name__ == "__main__":
    main()
