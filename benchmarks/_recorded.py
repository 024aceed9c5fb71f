"""Sets of recorded answers with known truth, and `conductor consensus` on them.

A set is a folder: `set.json` (labels, teams), `problems` or `questions`, `answers`, and the truth, `passes`, which are
JSON lines packed by gzip.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from _measure import CONDUCTOR

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

Key = tuple[str, str, int]
"""Of an answer: task, model, sample."""

_TASK = ("task_id", "prompt", "language", "entry_point", "kind", "style", "tests", "functions")
_ANSWER = ("task_id", "model", "sample", "answer")
_NOBODY = {  # whoever runs this may have servers
    "CONDUCTOR_PROVIDERS__LLAMACPP__USE": "never",
    "CONDUCTOR_PROVIDERS__OLLAMA__HOSTS": "http://127.0.0.1:9",
    "CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS": "http://127.0.0.1:9",
}


class RecordedSet:
    """One set, by its main label; of several samples the first counts.

    Attributes:
        name: Of its folder.
        teams: Models by the team's name.
    """

    def __init__(self, folder: Path) -> None:
        meta = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        self.name = folder.name
        self.teams: dict[str, list[str]] = meta["teams"]
        self.is_code: bool = meta["kind"].startswith("code")
        self._label = meta["labels"][0]
        self._folder = folder

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks, as `conductor consensus` takes them."""
        tasks = []
        for task in self._rows("problems") + self._rows("questions"):
            visible = task.get("visible_tests")
            if visible:
                task["tests"] = "\n".join(json.loads(visible) if isinstance(visible, str) else visible)
            if "question" in task:
                task |= {"prompt": task["question"], "kind": "call" if "functions" in task else "question"}
            tasks.append({key: task[key] for key in _TASK if key in task})
        return tasks

    @cached_property
    def truth(self) -> dict[Key, bool]:
        """Which answers are right."""
        lines = self._rows("passes")
        return {(o["task_id"], o["model"], o["sample"]): bool(o[self._label]) for o in lines if o["sample"] == 0}

    @cached_property
    def outcomes(self) -> list[dict[str, Any]]:
        """The truth, as `conductor consensus` takes it."""
        return [{"task_id": t, "model": m, "sample": s, "passed": right} for (t, m, s), right in self.truth.items()]

    @cached_property
    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The answers whose truth is known, by task."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for answer in self._rows("answers"):
            if (answer["task_id"], answer["model"], answer["sample"]) in self.truth:
                found[answer["task_id"]].append({key: answer[key] for key in _ANSWER})
        return found

    def record(self, team: Collection[str], half: int) -> list[dict[str, Any]]:
        """A team's outcomes on the tasks of the other half: its track record for this one."""
        return [o for o in self.outcomes if o["model"] in team and half_of(o["task_id"]) != half]

    def said(self, task_id: str, team: Collection[str]) -> list[dict[str, Any]]:
        """A team's answers to a task."""
        return [answer for answer in self.answers[task_id] if answer["model"] in team]

    def decide(
        self, tasks: Sequence[dict[str, Any]], team: Collection[str], strategy: str, *, with_record: bool
    ) -> list[dict[str, Any]]:
        """The decisions on those of the tasks that the team has answers to.

        Args:
            with_record: Give each half's decisions the outcomes of the other half; else nothing is known of the models.
        """
        found: list[dict[str, Any]] = []
        for half in (0, 1):
            mine = [t for t in tasks if half_of(t["task_id"]) == half and self.said(t["task_id"], team)]
            given = [answer for task in mine for answer in self.said(task["task_id"], team)]
            if mine:
                found += _decide(mine, given, self.record(team, half) if with_record else None, strategy)
        return found

    def _rows(self, stem: str) -> list[dict[str, Any]]:
        """The lines of a file; none where there is none."""
        path = self._folder / f"{stem}.jsonl.gz"
        if not path.exists():
            return []
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def half_of(task_id: str) -> int:
    """Which half of the tasks it is in: 0 or 1."""
    return hashlib.sha256(task_id.encode()).digest()[0] % 2


def json_lines(objects: Sequence[dict[str, Any]]) -> str:
    """JSON lines."""
    return "".join(json.dumps(it) + "\n" for it in objects)


def _decide(
    tasks: Sequence[dict[str, Any]],
    answers: Sequence[dict[str, Any]],
    outcomes: Sequence[dict[str, Any]] | None,
    strategy: str,
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in (("tasks", tasks), ("answers", answers), ("outcomes", outcomes or [])):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:  # noqa: PTH123 - only paths of ours
                file.write(json_lines(lines))
        argv = [*CONDUCTOR, "consensus", f"{folder}/answers", "--tasks", f"{folder}/tasks", "-s", strategy, "--json"]
        argv += ["-q", "--no-history"] if outcomes is None else ["-q", "--outcomes", f"{folder}/outcomes"]
        environment = os.environ | _NOBODY | {"CONDUCTOR_HOME": folder}
        done = subprocess.run(argv, env=environment, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]  # U+2028 stands in strings
