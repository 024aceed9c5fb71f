"""Drafts: what is measured of a coder's changes, what git makes of the diff, and how it is applied."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from codeconductor import FileChange, FileState, refused_path
from codeconductor.errors import ConflictError
from codeconductor.handover import (
    apply,
    concerns,
    configures_tests,
    conflicts,
    diff_of,
    guarded,
    ignoring,
    make_draft,
    only,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def contents(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Kind and content of every file below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_file():
            is_program = bool(path.stat().st_mode & stat.S_IXUSR)
            found[name] = ("program" if is_program else "file", path.read_bytes())
    return found


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A folder as it is at the start."""
    files = {"a.txt": b"one\ntwo\nthree\n", "b/c.bin": bytes(range(256)), "crlf": b"x\r\ny\r\n"}
    return fill(tmp_path / "start", files)


@pytest.fixture
def work(start: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(start, tmp_path / "work", symlinks=True)


def change_everything(folder: Path) -> None:
    """Every kind of change that a folder can have."""
    (folder / "a.txt").write_bytes(b"one\n2\nthree")  # no line feed at the end
    (folder / "b/c.bin").write_bytes(bytes(reversed(range(256))))
    (folder / "crlf").write_bytes(b"x\r\nz\r\n")
    (folder / "b/new").mkdir()
    (folder / "b/new/ein Näme.txt").write_text("hello\n", encoding="utf-8")
    (folder / 'odd\n"name\\').write_text("odd\n", encoding="utf-8")
    (folder / " blank ").write_text("", encoding="utf-8")
    (folder / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("b/c.bin")
    (folder / "latin").write_bytes(b"caf\xe9\n")


def test_git_applies_the_diff_and_so_do_we(start: Path, work: Path, tmp_path: Path) -> None:
    """Text, binary files, modes, links, empty files, CRLF and unusual names come out alike."""
    change_everything(work)
    draft = make_draft(start, work)
    by_git = shutil.copytree(start, tmp_path / "git", symlinks=True)
    diff = draft.diff.encode()
    done = subprocess.run(["git", "apply", "-"], cwd=by_git, input=diff, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    apply(draft, start)
    assert contents(by_git) == contents(work) == contents(start)
    assert [path.name for path in tmp_path.rglob(".conductor-*")] == []


def test_git_applies_the_way_back(start: Path, work: Path) -> None:
    """Deletions, and a folder that gives way to a file, are part of a diff too."""
    change_everything(work)
    shutil.rmtree(start / "b")
    (start / "b").write_text("a file now\n", encoding="utf-8")
    draft = make_draft(work, start)
    done = subprocess.run(["git", "apply", "-"], cwd=work, input=draft.diff.encode(), check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert contents(work) == contents(start)


def test_a_folder_gives_way_to_a_file_and_a_file_to_a_folder(start: Path, work: Path) -> None:
    """What stands in the way is gone first."""
    shutil.rmtree(work / "b")
    (work / "b").write_text("a file now\n", encoding="utf-8")
    (work / "a.txt").unlink()
    fill(work, {"a.txt/inner": b"deep\n"})
    apply(make_draft(start, work), start)
    assert contents(start) == contents(work)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "d"])),
    new=st.lists(st.sampled_from(["a\n", "b\n", "\n", "e"])),
)
def test_any_two_texts_have_a_diff_that_git_applies(tmp_path: Path, old: list[str], new: list[str]) -> None:
    """Whatever is repeated, empty or not ended."""
    before, after = "".join(old).encode(), "".join(new).encode()
    if before == after:
        return
    folder = fill(tmp_path / "any", {"f": before})
    change = FileChange(path="f", before=FileState(content=before), after=FileState(content=after))
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff_of([change]).encode(), check=True)
    assert (folder / "f").read_bytes() == after


def test_a_file_that_changed_meanwhile_stops_everything(start: Path, work: Path) -> None:
    """Nothing of the draft is applied."""
    change_everything(work)
    draft = make_draft(start, work)
    (start / "crlf").write_bytes(b"mine")
    before = contents(start)
    assert conflicts(draft, start) == ("crlf",)
    with pytest.raises(ConflictError, match="'crlf' changed"):
        apply(draft, start)
    assert contents(start) == before


def test_a_new_file_that_is_there_by_now_is_a_conflict(start: Path, work: Path) -> None:
    """Also where it is a link, or lies behind one."""
    fill(work, {"new": b"x", "in/new": b"x"})
    draft = make_draft(start, work)
    (start / "new").symlink_to("/etc/hostname")
    (start / "in").symlink_to("/tmp")
    assert conflicts(draft, start) == ("in/new", "new")


def test_a_failure_in_the_midst_is_taken_back(start: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system fails at the last file: all are as before, with nothing left behind."""
    change_everything(work)
    (work / "zzz").write_text("last\n", encoding="utf-8")
    draft = make_draft(start, work)
    before = contents(start)
    from pathlib import Path as AnyPath

    replace = AnyPath.replace

    def failing(self: Path, target: Path) -> Path:
        if AnyPath(target).name == "zzz":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(AnyPath, "replace", failing)
    with pytest.raises(ConflictError, match="No space left"):
        apply(draft, start)
    assert contents(start) == before
    assert not list(start.glob(".conductor-*"))
    assert not (start / "b/new").exists()


def test_a_draft_that_is_there_already_is_applied_again(start: Path, work: Path) -> None:
    """A build that was interrupted while it applied goes on."""
    change_everything(work)
    draft = make_draft(start, work)
    apply(draft, start)
    apply(draft, start)
    assert contents(start) == contents(work)


def test_permissions_are_kept(start: Path, work: Path) -> None:
    """A file that only its owner may read stays one."""
    (start / "a.txt").chmod(0o600)
    (work / "a.txt").write_text("changed\n", encoding="utf-8")
    apply(make_draft(start, work), start)
    assert stat.S_IMODE((start / "a.txt").stat().st_mode) == 0o600


def test_what_leads_outside_or_belongs_to_others_is_left_out(start: Path, work: Path) -> None:
    """Links to the outside, pipes and repositories, each with a warning; what programs leave behind, without."""
    (work / "a.txt").unlink()
    (work / "a.txt").symlink_to("/etc/passwd")
    (work / "up").symlink_to("../../x")
    os.mkfifo(work / "pipe")
    fill(work, {".git/hooks/post-checkout": b"evil", "__pycache__/x.pyc": b"", ".aider.history": b""})
    draft = make_draft(start, work)
    assert draft.changes == ()
    assert len(draft.warnings) == 4, draft.warnings


def test_a_folder_replaced_by_a_link_to_the_outside_deletes_nothing(start: Path, work: Path, tmp_path: Path) -> None:
    """What is left out does not count as a deletion of what it hides."""
    shutil.rmtree(work / "b")
    (work / "b").symlink_to(tmp_path)
    assert make_draft(start, work).changes == ()


def test_what_version_control_ignores_is_no_part_of_a_draft(start: Path, work: Path) -> None:
    """By the rules of the start, which a coder cannot change."""
    for folder in (start, work):
        fill(folder, {".gitignore": b"*.log\n/out/\n", "b/.gitignore": b"!keep.log\n"})
    fill(work, {"x.log": b"", "out/y": b"", "b/keep.log": b"kept", ".gitignore": b""})
    draft = make_draft(start, work, is_ignored=ignoring(start, start))
    assert draft.paths == (".gitignore", "b/keep.log")


def test_a_large_text_has_a_diff_in_no_time(tmp_path: Path) -> None:
    """Lines that all repeat are not compared with each other."""
    old, new = b"x\n" * 50_000, b"y\n" + b"x\n" * 49_999 + b"z\n"
    change = FileChange(path="f", before=FileState(content=old), after=FileState(content=new))
    folder = fill(tmp_path / "f", {"f": old})
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff_of([change]).encode(), check=True)
    assert (folder / "f").read_bytes() == new


def test_only_some_files_make_another_diff(start: Path, work: Path) -> None:
    """With a hash of its own."""
    change_everything(work)
    draft = make_draft(start, work)
    part = only(draft, {"crlf"})
    assert part.paths == ("crlf",)
    assert part.sha256 != draft.sha256


def test_what_deserves_a_second_look_is_named(start: Path, work: Path) -> None:
    """Tests, their configuration, dependencies, hooks, CI, and what runs without being called."""
    for folder in (start, work):
        fill(folder, {"pyproject.toml": b'[project]\nname = "x"\ndependencies = ["attrs"]\n'})
        fill(folder, {"tests/test_a.py": b"pass\n"})
    fill(
        work,
        {
            "pyproject.toml": b'[project]\nname = "x"\ndependencies = ["attrs", "evil>=1"]\n',
            "tests/test_a.py": b"changed\n",
            "conftest.py": b"",
            "pkg/__init__.py": b"",
            ".github/workflows/ci.yml": b"",
            ".husky/pre-commit": b"",
            "pytest.py": b"",
        },
    )
    draft = make_draft(start, work)
    found = {(concern.kind, concern.path) for concern in concerns(draft)}
    assert found == {
        ("tests", "tests/test_a.py"),
        ("test configuration", "conftest.py"),
        ("test configuration", "pytest.py"),
        ("dependencies", "pyproject.toml"),
        ("runs at import", "pkg/__init__.py"),
        ("CI", ".github/workflows/ci.yml"),
        ("configuration", ".github/workflows/ci.yml"),
        ("hooks", ".husky/pre-commit"),
    }
    assert guarded(draft) == ("conftest.py", "pytest.py", "tests/test_a.py")
    assert guarded(draft, ["tests"]) == ("conftest.py", "pytest.py")


def test_a_table_that_configures_tests_is_guarded_and_the_rest_of_its_file_is_not(start: Path, work: Path) -> None:
    """`[tool.pytest]` counts, a dependency beside it does not."""
    fill(start, {"pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '-q'\n"})
    fill(work, {"pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '-q'\n[project]\nname = 'x'\n"})
    assert guarded(make_draft(start, work)) == ()
    fill(work, {"pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '--co'\n"})
    assert guarded(make_draft(start, work)) == ("pyproject.toml",)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", ".git/config", "a/.GIT/x", "C:\\x", "..\\x", "nul", "a\nb", "out/x", "b"],
)
def test_a_path_that_a_model_wrote_is_refused(start: Path, path: str) -> None:
    """Absolute ones, those that lead out, repositories, devices, links and folders."""
    (start / "out").symlink_to("/tmp")
    assert refused_path(start, path) is not None


def test_a_path_inside_is_taken(start: Path) -> None:
    """Whether the file is there or not."""
    assert refused_path(start, "a.txt") is None
    assert refused_path(start, "new/deep/file.py") is None


@pytest.mark.parametrize(
    ("before", "after", "configures"),
    [
        ("", '[dependencies]\nserde = "1"\n', False),
        (None, '[package]\nname = "a"\n\n[lib]\nname = "b"\n', False),
        ("", '[[test]]\nname = "given"\npath = "src/fake.rs"\n', True),
        ("", "[lib]\ntest = false\n", True),
        ("", "[package]\nautotests = false\n", True),
        ("", "[package", True),
    ],
)
def test_cargos_manifest_configures_tests_where_it_names_targets(
    before: str | None, after: str, configures: bool
) -> None:
    state = None if before is None else FileState(content=before.encode())
    change = FileChange(path="sub/Cargo.toml", before=state, after=FileState(content=after.encode()))
    assert configures_tests(change) is configures
