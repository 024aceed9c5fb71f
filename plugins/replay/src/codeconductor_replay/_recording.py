"""The format of recordings: JSON lines, one answer a line, each telling by itself where it comes from.

``task_id``, ``model``, ``sample`` and ``answer`` are those of `conductor consensus ANSWERS`, so that a recording can be
given to it as it is. ``task`` is what was asked, and the rest is optional; further keys are passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import InputError, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGED = Path(__file__).parent / "recordings" / "reverse_string.jsonl"
"""What `conductor demo` plays; the README says how it was recorded."""


@frozen(kw_only=True)
class Recorded:
    """One recorded answer.

    Attributes:
        task_id: Names the task.
        task: Its text, as it was given to `conductor`.
        model: Under which it is played.
        sample: 0, 1 … of this model and task.
        answer: What the model said, unchanged, less its reasoning.
        reasoning: What it thought.
        finish_reason: As the server said; None: it did not.
        seconds: From the request to the end of the answer; None: not measured.
        first_token_seconds: From the request to the first piece of it; None: not measured.
        prompt_tokens: As the server counted; None: it did not.
        completion_tokens: As the server counted; None: it did not.
        temperature: That it was asked with; None: the server's own.
        parameters: Weights of the model; None: not known.
        recorded: The day, as in ``2026-01-31``.
        source: Which model this really is, and what ran it.
    """

    task_id: str
    task: str
    model: str
    sample: int
    answer: str
    reasoning: str = ""
    finish_reason: str | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    temperature: float | None = None
    parameters: int | None = None
    recorded: str | None = None
    source: str | None = None


_NUMBERS = frozenset({"seconds", "first_token_seconds", "temperature"})
_COUNTS = frozenset({"sample", "prompt_tokens", "completion_tokens", "parameters"})
_NEEDED = frozenset({"task_id", "task", "model", "sample", "answer"})
_NEVER_EMPTY = frozenset({"task_id", "task", "model"})


def read_recording(path: Path) -> tuple[Recorded, ...]:
    """Read a recording; empty lines are passed over.

    Raises:
        InputError: It cannot be read, has no answer, or a line is wrong; the message names the file and the line.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise InputError(f"the recording {path} cannot be read: {reason}", hint=_HINT) from exc
    answers: list[Recorded] = []
    places: dict[tuple[str, str, int], int] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            answer = _read_line(line)
            first = places.setdefault((answer.task_id, answer.model, answer.sample), number)
            if first != number:
                raise ValueError(f"line {first} already has sample {answer.sample} of {answer.model!r} for this task")
        except ValueError as exc:
            raise InputError(f"{path}, line {number}: {exc}", hint=_HINT) from exc
        answers.append(answer)
    if not answers:
        raise InputError(f"the recording {path} has no answer", hint=_HINT)
    return tuple(answers)


_HINT = "`python -m codeconductor_replay.record TASK -o FILE` makes a recording"


def _read_line(line: bytes) -> Recorded:
    try:
        data = json.loads(line)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")
    missing = sorted(_NEEDED - data.keys())
    if missing:
        raise ValueError(f"{missing[0]!r} is missing")
    known = {field.name for field in attrs.fields(Recorded)}
    return Recorded(**{name: _checked(name, value) for name, value in data.items() if name in known})


def _checked(name: str, value: Any) -> Any:
    if name == "reasoning" and value is None:
        return ""
    if value is None and name not in _NEEDED:
        return None
    if name in _COUNTS:
        if type(value) is not int or value < 0:
            raise ValueError(f"{name!r} is {value!r}, not a whole number of 0 or more")
    elif name in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ValueError(f"{name!r} is {value!r}, not a number of 0 or more")
    elif not isinstance(value, str):
        raise ValueError(f"{name!r} is {value!r}, not text")
    elif name in _NEVER_EMPTY and not value.strip():
        raise ValueError(f"{name!r} is empty")
    return value


def write_recording(path: Path, answers: Iterable[Recorded]) -> None:
    """Write a recording; what is not known is left out."""
    lines = []
    for answer in answers:
        told = {name: value for name, value in attrs.asdict(answer).items() if value not in (None, "")}
        lines.append(json.dumps(told | {"answer": answer.answer}, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
