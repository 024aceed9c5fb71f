"""Tables of calibrations as files: JSON with a version, where it comes from, and a checksum."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, get_args

import attrs

from codeconductor.calibration.values import Calibration, Form, Kind, Term
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from codeconductor.calibration.measures import Quality

SCHEMA = "conductor.calibration/1"

FILE = "calibration.json"
"""Of the user's own table, in the data folder."""


Table: TypeAlias = Mapping[tuple[str, Kind, bool], Calibration]
"""Calibrations by what they are for."""


class TextFile(Hashable, Protocol):
    """A file that a distribution brings: a path, or what `importlib.resources.files` gives."""

    def read_text(self, encoding: str) -> str: ...


class TableError(ValueError):
    """A table that cannot be used; its words say why."""


@frozen(kw_only=True)
class Fitted:
    """A calibration with where it comes from.

    Attributes:
        calibration: The curve.
        source: What it was fitted on, in words.
        fitted: The day, as in ISO 8601.
        before: How good the bare agreement was on these outcomes; None where nobody measured it.
        after: How good the calibration is on tasks that it was not fitted on, in turns; None where nobody measured it.
        across: The same for whole files of decisions that it was not fitted on; None where there was one alone.
    """

    calibration: Calibration
    source: str
    fitted: str
    before: Quality | None = None
    after: Quality | None = None
    across: Quality | None = None


def table_document(fitted: Iterable[Fitted], others: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The document ``conductor.calibration/1``.

    Args:
        fitted: What is new.
        others: Entries of an earlier table; those of which there is a new one are left out.
    """
    new = {one.calibration.key: _entry(one) for one in fitted}
    entries = {_key(entry): entry for entry in others} | new
    listed = [entries[key] for key in sorted(entries)]
    return {"schema": SCHEMA, "calibrations": listed, "sha256": _checksum(listed)}


def _key(entry: Mapping[str, Any]) -> tuple[str, str, bool]:
    return entry["strategy"], entry["kind"], entry["record"]


def write_table(path: Path, document: Mapping[str, Any]) -> None:
    """Write a table in one step: readers see the old one or the new one.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def _entry(one: Fitted) -> dict[str, Any]:
    calibration = {**attrs.asdict(one.calibration), "terms": [attrs.asdict(term) for term in one.calibration.terms]}
    for term in calibration["terms"]:
        for end in ("low", "high"):
            term[end] = term[end] if math.isfinite(term[end]) else None
    measured = {name: _rounded(getattr(one, name)) for name in ("before", "after", "across")}
    return {**calibration, "source": one.source, "fitted": one.fitted, **measured}


def _rounded(quality: Quality | None) -> dict[str, Any] | None:
    if quality is None:
        return None
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in attrs.asdict(quality).items()}


def _checksum(entries: object) -> str:
    text = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_table(text: str) -> list[dict[str, Any]]:
    """The entries of a table as they stand in it, each of which `calibration_of` can read.

    Raises:
        TableError: It is damaged, or of another version.
    """
    try:
        document = json.loads(text)
        schema, entries, checksum = document["schema"], document["calibrations"], document.get("sha256")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise TableError("it is no table of calibrations") from exc
    if schema != SCHEMA:
        raise TableError(f"its version is {schema!r}, and this release reads {SCHEMA!r}")
    if checksum != _checksum(entries):
        raise TableError("it is damaged: its checksum is another one")
    for entry in entries:
        calibration_of(entry)
    return list(entries)


def calibration_of(entry: Mapping[str, Any]) -> Calibration:
    """The calibration of an entry.

    Raises:
        TableError: Something in it is not as it should be.
    """
    try:
        terms = [_term(term) for term in entry["terms"]]
        calibration = Calibration(
            strategy=str(entry["strategy"]),
            kind=entry["kind"],
            record=bool(entry["record"]),
            intercept=float(entry["intercept"]),
            terms=terms,
            n=int(entry["n"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise TableError(f"an entry is not as it should be: {type(exc).__name__}: {exc}") from exc
    numbers = [calibration.intercept, *(term.slope for term in terms)]
    if calibration.kind not in get_args(Kind) or calibration.n < 1 or not all(map(math.isfinite, numbers)):
        raise TableError("an entry has a kind or a number that cannot be")
    return calibration


def _term(term: Mapping[str, Any]) -> Term:
    if term["form"] not in get_args(Form) or not float(term["slope"]) >= 0:
        raise ValueError(f"the term {dict(term)!r}")
    low, high = term.get("low"), term.get("high")
    return Term(
        signal=str(term["signal"]),
        form=term["form"],
        slope=float(term["slope"]),
        low=-math.inf if low is None else float(low),
        high=math.inf if high is None else float(high),
    )


def own_table(folder: Path) -> Table:
    """The user's own calibrations in a data folder, by what they are for; none where there is no file.

    Raises:
        TableError: The file cannot be read or used.
    """
    path = folder / FILE
    try:
        found = path.stat()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise TableError(exc.strerror or "it cannot be read") from exc
    return _read_once(path, (found.st_mtime_ns, found.st_size))


def shipped_table(file: TextFile) -> Table:
    """The calibrations that a strategy brings, by what they are for; read once.

    Raises:
        TableError: The file cannot be read or used.
    """
    return _read_once(file, None)


@lru_cache(maxsize=64)
def _read_once(file: TextFile, _version: object) -> Table:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise TableError(str(getattr(exc, "strerror", None) or exc)) from exc
    found = [calibration_of(entry) for entry in read_table(text)]
    return {calibration.key: calibration for calibration in found}
