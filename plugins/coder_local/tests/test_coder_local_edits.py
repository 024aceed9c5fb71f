"""Reads files and search/replace blocks out of what models reply, in every form that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codeconductor_coder_local._edits import Refused, edits
from codeconductor_coder_local._files import listing, place_for

if TYPE_CHECKING:
    from pathlib import Path

OLD = "import os\n\n\ndef add(a, b):\n    return a - b\n\n\ndef other():\n    return 1\n"
BLOCK = "<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file."""
    (tmp_path / "calc.py").write_text(OLD, encoding="utf-8")
    return tmp_path


def wanted(folder: Path, text: str) -> dict[str, str]:
    """The files of a reply, none of them refused."""
    found, refused = edits(folder, text, place=lambda language: place_for(folder, language, ""))
    assert refused == []
    return found


@pytest.mark.parametrize(
    "reply",
    [
        "calc.py\n```python\nx = 1\n```",
        "```python calc.py\nx = 1\n```",
        "**calc.py**\n\n```\nx = 1\n```\nThat is all.",
        "### File: `calc.py`\n~~~~python\nx = 1\n~~~~",
        "```python\nx = 1\n```",
        "x = 1",
    ],
)
def test_a_whole_file_is_read_from_any_form(folder: Path, reply: str) -> None:
    """The path before the fence, in it, or nowhere where only one file can be meant."""
    if reply == "x = 1":
        reply = "def x():\n    return 1\n"
        assert wanted(folder, reply)["calc.py"].strip() == reply.strip()
    else:
        assert wanted(folder, reply) == {"calc.py": "x = 1\n"}


@pytest.mark.parametrize("before", ["calc.py\n", "calc.py\n```python\n", "```python calc.py\n", "`calc.py`\n```\n"])
def test_a_block_replaces_what_it_names(folder: Path, before: str) -> None:
    """With or without a fence around it."""
    after = "```\n" if "```" in before else ""
    assert wanted(folder, before + BLOCK + after) == {"calc.py": OLD.replace("a - b", "a + b")}


def test_a_block_may_be_shifted_or_end_in_blanks(folder: Path) -> None:
    """What is replaced keeps the file's own indentation."""
    shifted = BLOCK.replace("    return", "return").replace("a - b\n", "a - b   \n")
    assert wanted(folder, f"calc.py\n{shifted}") == {"calc.py": OLD.replace("a - b", "a + b")}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (f"calc.py\n{BLOCK.replace('a - b', 'a % b')}", "does not have the lines"),
        (f"calc.py\n{BLOCK.replace('    return a - b', '')}", "is empty"),
        ("calc.py\n<<<<<<< SEARCH\n\n=======\nx\n>>>>>>> REPLACE\n", "is empty"),
        (f"new.py\n{BLOCK}", "no such file"),
        ("calc.py\n```python\nimport os\n# ... rest of the code unchanged\n```", "leaves out a part"),
        ("calc.py\n```python\nimport os\n# existing code here\n```", "leaves out a part"),
    ],
)
def test_what_cannot_be_used_is_told_to_the_model(folder: Path, reply: str, why: str) -> None:
    """Nothing is guessed: the reply is refused with the reason."""
    with pytest.raises(Refused, match=why):
        edits(folder, reply, place=lambda _: "calc.py")


def test_a_block_that_matches_twice_is_refused(folder: Path) -> None:
    """It must match exactly once."""
    (folder / "calc.py").write_text("x = 1\nx = 1\n", encoding="utf-8")
    with pytest.raises(Refused, match="matches 2 places"):
        edits(folder, "calc.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n", place=lambda _: None)


def test_a_reply_that_was_cut_is_refused(folder: Path) -> None:
    """Half a file is none."""
    with pytest.raises(Refused, match="midst of a file"):
        edits(folder, "calc.py\n```python\nx = 1\n", place=lambda _: None, is_cut=True)


def test_line_ends_are_kept(folder: Path) -> None:
    """CRLF stays CRLF, in whole files and in blocks."""
    (folder / "calc.py").write_bytes(OLD.replace("\n", "\r\n").encode())
    assert wanted(folder, f"calc.py\n{BLOCK}")["calc.py"] == OLD.replace("a - b", "a + b").replace("\n", "\r\n")
    assert wanted(folder, "calc.py\n```python\nx = 1\ny = 2\n```")["calc.py"] == "x = 1\r\ny = 2\r\n"


@pytest.mark.parametrize("path", ["../out.py", "/etc/x.py", ".git/x.py"])
def test_a_path_that_leads_elsewhere_is_left_out(folder: Path, path: str) -> None:
    """The other files of the reply count."""
    found, refused = edits(
        folder, f"```python {path}\nx = 1\n```\n\ncalc.py\n```python\ny = 1\n```\n", place=lambda _: None
    )
    assert set(found) <= {"calc.py", path.lstrip("/")}
    assert "calc.py" in found
    assert path not in found or refused


def test_what_tests_import_is_the_file_that_is_meant(tmp_path: Path) -> None:
    """A module that is not there yet, before any that is."""
    (tmp_path / "test_shop.py").write_text("import os\nfrom shop import total\n", encoding="utf-8")
    assert place_for(tmp_path, "python", "") == "shop.py"
    (tmp_path / "shop.py").touch()
    (tmp_path / "other.py").touch()
    assert place_for(tmp_path, "python", "") == "shop.py"
    (tmp_path / "test_shop.py").unlink()
    assert place_for(tmp_path, "python", "") is None


def test_files_are_shown_as_far_as_there_is_room(folder: Path) -> None:
    """Small ones first, the others by name; nothing hidden and nothing behind a link."""
    (folder / "large.py").write_text("x = 1\n" * 5000, encoding="utf-8")
    (folder / ".env").write_text("SECRET=1", encoding="utf-8")
    (folder / "link.py").symlink_to("/etc/hostname")
    shown = listing(folder, 500)
    assert "def add(a, b)" in shown.text
    assert "not shown: `large.py`" in shown.text
    assert "SECRET" not in shown.text
    assert "link.py" not in shown.text
