"""Approving what a coder wrote, at a terminal: what is shown, and what each answer does."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.test_cli_build import RIGHT, TASK, TEST, WRONG, project, use_coder, writes

if TYPE_CHECKING:
    from tests.conftest import CommandLine

__all__ = ["project"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

QUESTION = "[q]uit: "


def converse(conductor: CommandLine, *said: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run a build on a terminal and say one line at each question; gives exit code and all that was shown.

    After the last line the terminal is closed for writing by Ctrl-D.
    """
    import pty

    ours, theirs = pty.openpty()
    process = conductor.start("build", "--coder", "scribe", *options, TASK, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown, lines, seen = b"", list(said), 0
    with os.fdopen(ours, "r+b", buffering=0) as terminal, suppress(OSError):  # Linux's way to say that it is closed
        while piece := terminal.read(65536):
            shown += piece
            waiting = shown[seen:].decode("utf-8", "replace").rstrip("\r\n")
            if waiting.endswith((QUESTION, "leave it out: ", "in between? ")):
                seen = len(shown)
                terminal.write(f"{lines.pop(0)}\n".encode() if lines else b"\x04")
    return process.wait(60), shown.decode("utf-8", "replace")


def last(conductor: CommandLine) -> dict[str, Any]:
    """The document of the last build."""
    document: dict[str, Any] = json.loads(conductor("show", "last", "--json").stdout)
    return document


def test_a_yes_lets_the_tests_run_and_applies_what_is_green(conductor: CommandLine, project: Path) -> None:
    """The diff is shown in colour with a summary; the decision is written down with the hash of the diff."""
    use_coder(conductor, writes(calc__py=RIGHT))
    code, shown = converse(conductor, "y")
    assert code == 0, shown
    assert "\x1b[32m+    return a + b" in shown
    assert "Round 1, written by scribe: 1 file, +1 −1 lines" in shown
    assert "The models: agreement 1.00" in shown
    assert (project / "calc.py").read_text() == RIGHT
    approval = last(conductor)["rounds"][0]["approval"]
    assert (approval["decision"], approval["by"]) == ("approved", "terminal")
    (noted,) = (conductor.data / "builds" / "approvals.jsonl").read_text().splitlines()
    entry = json.loads(noted)
    assert (entry["decision"], entry["sha256"], entry["files"]) == ("approved", approval["sha256"], ["calc.py"])
    assert entry["time"]
    assert entry["user"]


@pytest.mark.parametrize(
    ("said", "reason"), [(("n too clever",), "too clever"), (("q",), "quit"), ((), "standard input has ended")]
)
def test_a_no_runs_nothing(conductor: CommandLine, project: Path, said: tuple[str, ...], reason: str) -> None:
    """No, quit and the end of standard input: exit 6, and the folder is as it was."""
    use_coder(conductor, writes(calc__py=RIGHT))
    code, shown = converse(conductor, *said)
    assert code == 6, shown
    document = last(conductor)
    approval = document["rounds"][0]["approval"]
    assert (approval["decision"], approval["reason"]) == ("rejected", reason)
    assert (document["outcome"], document["rounds"][0]["verification"]) == ("rejected", None)
    assert (project / "calc.py").read_text() == WRONG


def test_escape_sequences_are_shown_and_not_obeyed(conductor: CommandLine, project: Path) -> None:
    """What a model wrote cannot hide a line from the person who reads it."""
    use_coder(conductor, writes(calc__py=RIGHT + "# \x1b[8mhidden\n"))
    _, shown = converse(conductor, "n")
    assert "\x1b[8m" not in shown
    assert "\\x1b[8mhidden" in shown


def test_a_carriage_return_hides_no_code(conductor: CommandLine, project: Path) -> None:
    """Python ends a line, and with it a comment, where a terminal would only go back to its beginning."""
    use_coder(conductor, writes(calc__py=RIGHT + "# a note\rimport this\n", crlf__txt="a\r\n"))
    _, shown = converse(conductor, "n")
    assert "# a note\\rimport this" in shown
    assert "+a\\r" not in shown
    assert "2 files, +3 −1 lines" in shown
    assert "# a note\\rimport this" in conductor("show", "last").stdout


def test_only_some_files_can_be_approved(conductor: CommandLine, project: Path) -> None:
    """The others are neither tested nor applied, which is told."""
    use_coder(conductor, writes(calc__py=RIGHT, other__py="x = 1\n"))
    code, shown = converse(conductor, "f", "1", "y")
    assert code == 0, shown
    assert "+ other.py, left out" in shown
    assert "calc.py, left out" not in shown
    assert (project / "calc.py").read_text() == RIGHT
    assert not (project / "other.py").exists()
    approval = agree_on_hashes(conductor)
    assert approval["sha256"] == approval["approved_sha256"]
    assert approval["sha256"] != hash_of(last(conductor)["rounds"][0]["diff"])
    told = conductor("show", "last").stdout
    assert f"SHA-256 of the diff that was shown: {approval['sha256']}" in told
    assert "other.py" not in (builds(conductor) / "rounds" / "1.shown.diff").read_text()


@pytest.mark.parametrize(
    ("before", "written", "chosen", "taken"),
    [
        ("notes", "notes/b.txt", "calc.py notes/b.txt", "notes"),  # a file becomes a folder
        ("notes/b.txt", "notes", "calc.py notes", "notes/b.txt"),  # and the other way round
    ],
)
def test_what_a_chosen_file_cannot_be_without_is_taken_along(
    conductor: CommandLine, project: Path, before: str, written: str, chosen: str, taken: str
) -> None:
    """A file in a folder where a file was needs that one gone; it is said, and shown before the yes."""
    (project / before).parent.mkdir(exist_ok=True)
    (project / before).write_text("old\n", encoding="utf-8")
    made = f"import shutil; where = pathlib.Path({before!r}); where.unlink()\n"
    made += f"pathlib.Path('notes').is_dir() and shutil.rmtree('notes')\nnew = pathlib.Path({written!r})\n"
    made += "new.parent.mkdir(exist_ok=True); new.write_text('new')\n"
    use_coder(conductor, writes(calc__py=RIGHT) + made)
    code, shown = converse(conductor, "f", chosen, "y")
    assert code == 0, shown
    assert f"{taken} is in its way, and goes with it" in shown
    assert (project / written).read_text() == "new"
    agree_on_hashes(conductor)


def hash_of(diff: str) -> str:
    """As a decision names a diff."""
    return hashlib.sha256(diff.encode()).hexdigest()


def builds(conductor: CommandLine) -> Path:
    """The folder of the last build."""
    return Path(last(conductor)["patch"]).parent


def agree_on_hashes(conductor: CommandLine) -> dict[str, Any]:
    """Check what the only decision of the last build names: the diffs that are kept, and what is applied."""
    document = last(conductor)
    approval: dict[str, Any] = document["rounds"][0]["approval"]
    rounds = builds(conductor) / "rounds"
    assert hash_of((rounds / "1.shown.diff").read_text()) == approval["sha256"]
    assert hash_of((rounds / "1.kept.diff").read_text()) == approval["approved_sha256"]
    assert hash_of(Path(document["patch"]).read_text()) == approval["approved_sha256"]
    (noted,) = (conductor.data / "builds" / "approvals.jsonl").read_text().splitlines()
    entry = json.loads(noted)
    assert [entry["sha256"], entry["approved_sha256"]] == [approval["sha256"], approval["approved_sha256"]]
    assert entry["files"] == document["rounds"][0]["kept"]
    return approval


def test_a_no_to_some_files_names_what_was_shown_last(conductor: CommandLine, project: Path) -> None:
    """What the person looked at when they said no; nothing was approved."""
    use_coder(conductor, writes(calc__py=RIGHT, other__py="x = 1\n"))
    code, shown = converse(conductor, "f", "1", "n")
    assert code == 6, shown
    approval = last(conductor)["rounds"][0]["approval"]
    part = (builds(conductor) / "rounds" / "1.shown.diff").read_text()
    assert "other.py" not in part
    assert (approval["sha256"], approval["approved_sha256"]) == (hash_of(part), None)


def test_what_is_left_out_of_a_yes_is_not_in_what_was_approved(conductor: CommandLine, project: Path) -> None:
    """A file that would have had to be named was shown, and is in the one hash, but not in the other."""
    use_coder(conductor, writes(calc__py=RIGHT, conftest__py="collect_ignore = ['nothing.py']\n"))
    code, shown = converse(conductor, "y", "")
    assert code == 0, shown
    approval = agree_on_hashes(conductor)
    assert approval["sha256"] == hash_of(last(conductor)["rounds"][0]["diff"])
    assert approval["sha256"] != approval["approved_sha256"]
    assert f"SHA-256 of what was approved of it: {approval['approved_sha256']}" in conductor("show", "last").stdout


def test_a_draft_can_be_edited(conductor: CommandLine, project: Path) -> None:
    """`$EDITOR` gets the files; what is measured afterwards is shown again, and that is what the yes is for."""
    use_coder(conductor, writes(calc__py="def add(a, b):\n    return a * b\n"))
    conductor.environment["EDITOR"] = "sed -i 's/a [*] b/a + b/'"
    conductor.environment.pop("VISUAL", None)
    code, shown = converse(conductor, "e", "y")
    assert code == 0, shown
    assert (project / "calc.py").read_text() == RIGHT
    assert agree_on_hashes(conductor)["edited"] is True
    assert "a + b" in (builds(conductor) / "rounds" / "1.shown.diff").read_text()
    assert "a * b" in (builds(conductor) / "rounds" / "1.diff").read_text()


def test_what_configures_tests_is_approved_by_its_name(conductor: CommandLine, project: Path) -> None:
    """Shown loudly; only a person who types the name lets it count."""
    use_coder(conductor, writes(calc__py=RIGHT, conftest__py="collect_ignore = ['nothing.py']\n"))
    code, shown = converse(conductor, "y", "conftest.py")
    assert code == 0, shown
    assert "! test configuration: conftest.py" in shown
    assert (project / "conftest.py").exists()
    assert last(conductor)["rounds"][0]["approval"]["named"] == ["conftest.py"]


def test_the_prompt_can_be_shown(conductor: CommandLine, project: Path) -> None:
    """All of what the coder was given."""
    use_coder(conductor, writes(calc__py=RIGHT))
    code, shown = converse(conductor, "p", "n")
    assert code == 6
    assert "How the result is judged" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_tests_that_models_propose_are_shown_as_tests(conductor: CommandLine, project: Path) -> None:
    """Where nobody gave tests, the models' are approved first, judge the code, and are kept apart from it."""
    (project / "test_calc.py").unlink()
    from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

    answer = f"```python calc.py\n{RIGHT}```\n\n```python test_calc.py\n{TEST}```\n"
    use_coder(conductor, writes(calc__py=RIGHT))
    with ScriptedOllama(ScriptedModel(name="team:7b", reply=answer)) as server:
        conductor.reach(server)
        code, shown = converse(conductor, "y", "y")
    assert code == 0, shown
    assert "Tests that the models propose: 1 file" in shown
    document = last(conductor)
    assert document["tests"]["files"] == [{"path": "test_calc.py", "action": "created"}]
    assert document["rounds"][0]["files"] == [{"path": "calc.py", "action": "changed"}]
    assert document["rounds"][0]["verification"]["passed"] == 1
    assert not (project / "test_calc.py").exists()
