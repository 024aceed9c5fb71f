"""Applying a draft where the folder does not let us: the message names the project's file, and nothing has changed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.errors import ConflictError
from codeconductor.handover import apply, make_draft

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that an ordinary user reaches; pytest's own are closed to others whenever another pytest is started."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def fill(folder: Path, files: dict[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def refusal(start: Path, work: Path) -> str:
    """What an ordinary user, whose the folder is, is told by `apply`; root may write everywhere."""
    draft = make_draft(start, work)
    if os.geteuid() == 0:
        for path in (start.parent, start, *start.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            apply(draft, start)
        except ConflictError as exc:
            os.write(theirs, exc.message.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as told:
        message = told.read()
    os.waitpid(child, 0)
    return message


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({"shut/x": "old"}, {"shut/x": "new"}, "shut/x"),
        ({"shut/x": "old"}, {"shut/x": "old", "shut/y": "new"}, "shut/y"),
        ({"shut/x": "old"}, {"shut/x": "old", "shut/deep/er/y": "new"}, "shut/deep/er/y"),
        ({"shut/x": "old", "z": "old"}, {"z": "old"}, "shut/x"),
    ],
)
def test_what_cannot_be_written_is_named_as_the_project_names_it(
    place: Path, before: dict[str, str], after: dict[str, str], named: str
) -> None:
    """Replaced, new, in a new folder, deleted: no file of our own making is told of, and what was done is undone."""
    start = fill(place / "start", {"a": "old", **before})
    work = fill(place / "work", {"a": "new", **after})
    (start / "shut").chmod(0o555)
    told = refusal(start, work)
    assert told == f"cannot write {named!r} in {start}: Permission denied: nothing is applied"
    assert {path.relative_to(start).as_posix(): path.read_text() for path in start.rglob("*") if path.is_file()} == {
        "a": "old",
        **before,
    }
    assert sorted(path.name for path in start.iterdir()) == sorted({"a", *(name.split("/")[0] for name in before)})


def test_a_folder_that_takes_no_new_file_is_named_itself(place: Path) -> None:
    """There is no file to name: what cannot be made there is our own."""
    start = fill(place / "start", {"a": "old"})
    work = fill(place / "work", {"a": "new"})
    start.chmod(0o555)
    assert refusal(start, work) == f"cannot write in {start}: Permission denied: nothing is applied"
