"""Precision and recall of telling whether two sentences mean the same, on the labelled pairs, per scorer and threshold.

python benchmarks/wording.py [--errors]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor_consensus_majority._wording import THRESHOLD, Wording, compatible, same_meaning, wording

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = Path(__file__).parents[1] / "plugins" / "consensus_majority" / "tests" / "data" / "labelled_pairs.tsv"

THRESHOLDS = (60, 65, 70, 75, 80, 85, 90, 95, 100)


def pairs(part: str) -> list[tuple[bool, str, str]]:
    """(same, one wording, another) for each pair of the part, ``fitted``, ``held-out``, ``unseen`` or ``logic``."""
    lines = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [(label == "same", one, other) for group, label, _, one, other in lines if group == part]


def precision_and_recall(found: list[bool], labels: list[bool]) -> tuple[float, float]:
    right = sum(f and label for f, label in zip(found, labels, strict=True))
    return right / (sum(found) or 1), right / sum(labels)


def scorers() -> dict[str, Callable[[tuple[Wording, str], tuple[Wording, str]], float]]:
    """What similarity could be measured with, by name; each takes (wording, text) twice."""
    from rapidfuzz import fuzz

    return {
        "ratio, whole text": lambda a, b: fuzz.ratio(a[1].lower(), b[1].lower()),
        "token_sort_ratio, whole text": lambda a, b: fuzz.token_sort_ratio(a[1].lower(), b[1].lower()),
        "token_set_ratio, whole text": lambda a, b: fuzz.token_set_ratio(a[1].lower(), b[1].lower()),
        "WRatio, whole text": lambda a, b: fuzz.WRatio(a[1].lower(), b[1].lower()),
        "ratio, stems in order": lambda a, b: fuzz.ratio(" ".join(a[0].words), " ".join(b[0].words)),
        "ratio, stems sorted": lambda a, b: fuzz.ratio(a[0].sorted, b[0].sorted),
        "token_set_ratio, stems": lambda a, b: fuzz.token_set_ratio(a[0].sorted, b[0].sorted),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors", action="store_true", help="list what the chosen rule gets wrong")
    arguments = parser.parse_args()
    for part in ("fitted", "held-out", "unseen", "logic"):
        report(part, pairs(part), errors=arguments.errors)
    return 0


def report(part: str, rows: list[tuple[bool, str, str]], *, errors: bool) -> None:
    labels = [label for label, _, _ in rows]
    taken = [((wording(one), one), (wording(other), other)) for _, one, other in rows]
    print(f"{part}: {len(rows)} pairs, {sum(labels)} of them mean the same; precision/recall in per cent\n")
    print(f"{'scorer':38}" + "".join(f"{threshold:>8} " for threshold in THRESHOLDS))
    for guarded in (False, True):
        for name, score in scorers().items():
            cells = []
            for threshold in THRESHOLDS:
                found = [(not guarded or compatible(a[0], b[0])) and score(a, b) >= threshold for a, b in taken]
                precision, recall = precision_and_recall(found, labels)
                cells.append(f"{100 * precision:4.0f}/{100 * recall:<3.0f}")
            print(f"{name + (' + guards' if guarded else ''):38}" + " ".join(cells))
    found = [same_meaning(a[0], b[0]) for a, b in taken]
    precision, recall = precision_and_recall(found, labels)
    print(f"\nthe rule in use (threshold {THRESHOLD:g}): precision {precision:.3f}, recall {recall:.3f}\n")
    for was, (label, one, other) in zip(found, rows, strict=True):
        if errors and was != label:
            print(f"{'wrongly same' if was else 'missed':13} {one!r} | {other!r}")


if __name__ == "__main__":
    sys.exit(main())
