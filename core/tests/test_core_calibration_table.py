"""A table of calibrations is a file with a version and a checksum: what is not as it was written is refused."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.calibration import (
    FILE,
    Calibration,
    Fitted,
    TableError,
    Term,
    own_table,
    read_table,
    shipped_table,
    table_document,
    write_table,
)
from codeconductor.calibration.measures import Forecast, quality

if TYPE_CHECKING:
    from pathlib import Path

CURVE = Calibration(
    strategy="vote",
    kind="question",
    record=True,
    intercept=-0.5,
    terms=[
        Term(signal="share", form="log", slope=0.25, low=0.2, high=1.0),
        Term(signal="margin", form="plain", slope=1.5),
    ],
    n=600,
)
FITTED = Fitted(
    calibration=CURVE, source="two sets", fitted="2026-11-24", after=quality([Forecast(0.5, right=True, task="a")])
)


def resealed(document: dict[str, Any]) -> str:
    """The document with the checksum that it should have."""
    listed = document["calibrations"]
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"))
    return json.dumps({**document, "sha256": hashlib.sha256(text.encode()).hexdigest()})


def changed(**entry: Any) -> str:
    """A table whose entry differs in this, with a checksum that is right."""
    document = table_document([FITTED])
    return resealed({**document, "calibrations": [{**document["calibrations"][0], **entry}]})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """With where it comes from, and with ends that nobody saw."""
    write_table(tmp_path / "made" / FILE, table_document([FITTED]))
    assert own_table(tmp_path / "made") == {CURVE.key: CURVE}
    assert [path.name for path in (tmp_path / "made").iterdir()] == [FILE]
    (entry,) = read_table((tmp_path / "made" / FILE).read_text(encoding="utf-8"))
    assert (entry["source"], entry["fitted"], entry["n"]) == ("two sets", "2026-11-24", 600)
    assert entry["after"]["brier"] == 0.25
    assert entry["before"] is None


def test_a_new_table_is_read_where_an_old_one_was(tmp_path: Path) -> None:
    """A process that goes on for days sees what `conductor calibrate` has written meanwhile."""
    assert own_table(tmp_path) == {}
    write_table(tmp_path / FILE, table_document([FITTED]))
    assert own_table(tmp_path)[CURVE.key] == CURVE
    larger = attrs.evolve(CURVE, n=12345)
    write_table(tmp_path / FILE, table_document([attrs.evolve(FITTED, calibration=larger)]))
    assert own_table(tmp_path)[CURVE.key] == larger


def test_entries_of_an_earlier_table_are_kept_but_for_what_is_new() -> None:
    """Questions that were calibrated last month stay so when code is calibrated now."""
    earlier = table_document([FITTED, attrs.evolve(FITTED, calibration=attrs.evolve(CURVE, kind="code"))])
    refit = attrs.evolve(FITTED, calibration=attrs.evolve(CURVE, n=700))
    merged = table_document([refit], read_table(json.dumps(earlier)))
    assert [(entry["kind"], entry["n"]) for entry in merged["calibrations"]] == [("code", 600), ("question", 700)]
    assert read_table(json.dumps(merged)) == merged["calibrations"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"a"', "{}", '{"schema": "conductor.calibration/1"}'])
def test_what_is_no_table_is_refused(text: str) -> None:
    """Whatever JSON it is, or none."""
    with pytest.raises(TableError, match="no table of calibrations"):
        read_table(text)


def test_another_version_is_refused() -> None:
    """What a later release means by it cannot be known."""
    with pytest.raises(TableError, match=r"its version is 'conductor\.calibration/2'"):
        read_table(json.dumps({**table_document([FITTED]), "schema": "conductor.calibration/2"}))


def test_a_changed_number_is_noticed() -> None:
    """By the checksum."""
    text = json.dumps(table_document([FITTED]))
    assert "-0.5" in text
    with pytest.raises(TableError, match="checksum"):
        read_table(text.replace("-0.5", "0.5"))


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "poem"},
        {"n": 0},
        {"intercept": "much"},
        {"intercept": 1e999},
        {"terms": [{"signal": "share", "form": "square", "slope": 1.0}]},
        {"terms": [{"signal": "share", "form": "log", "slope": -1.0}]},
        {"terms": [{"form": "log", "slope": 1.0}]},
        {"terms": 3},
        {"strategy": None, "n": None},
    ],
)
def test_an_entry_that_cannot_be_is_refused(entry: dict[str, Any]) -> None:
    """A falling curve, a form of a later release: even with a checksum that is right."""
    with pytest.raises(TableError, match="an entry"):
        read_table(changed(**entry))


def test_a_shipped_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """A distribution may be installed in part."""
    with pytest.raises(TableError, match="No such file"):
        shipped_table(tmp_path / "gone.json")
