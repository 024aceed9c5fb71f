"""Repositories within a project's folder: in each its own rules count, as git has it, and what it tracks is copied."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from codeconductor.handover import copy_folder, ignoring, make_draft


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings of git from outside."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    settings = ("[user]", "name = n", "email = e@example.org", '[protocol "file"]', "allow = always", "")
    (tmp_path / ".gitconfig").write_text("\n".join(settings))
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    """Run git there."""
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def repository(folder: Path, **files: str) -> Path:
    """A repository with these files, all tracked, ignored or not; `a__py` is `a.py`, `_gitignore` is `.gitignore`."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for name, text in files.items():
        (folder / name.replace("__", ".").replace("_gitignore", ".gitignore")).write_text(text)
    git(folder, "add", "-f", ".")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def copied(folder: Path) -> list[str]:
    """Paths of the files in a copy of it."""
    copy = folder.parent / "copy"
    copy_folder(folder, copy, most=2**30)
    return sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*") if not path.is_dir())


@pytest.fixture
def project(top: Path) -> Path:
    """One with a submodule, another one where its rules exclude the place, and a repository that nobody tracks."""
    library = repository(top / "library", lib__py="x = 1\n", kept__log="", forced__tmp="", _gitignore="*.tmp\n")
    project = repository(top / "project", app__py="", _gitignore="*.log\n/vendor/\n/gone/\n")
    git(project, "submodule", "--quiet", "add", str(library), "lib")
    git(project, "submodule", "--quiet", "add", "--force", str(library), "vendor/lib")
    git(project, "commit", "-q", "-m", "libraries")
    repository(project / "own", own__py="", own__log="")
    repository(project / "gone", gone__py="")
    for place in ("lib", "vendor/lib", "own"):
        (project / place / "new.log").touch()
        (project / place / "new.tmp").touch()
    (project / "vendor" / "loose.py").touch()
    (project / "top.log").touch()
    (project / ".git" / "modules" / "lib" / "info" / "exclude").write_text("private\n")
    (project / "lib" / "private").touch()
    return project


def test_the_rules_of_a_submodule_are_its_own(project: Path) -> None:
    """Those of the repository around it end there; what either tracks is copied, whatever it ignores."""
    tracked = [".gitignore", "forced.tmp", "kept.log", "lib.py"]
    expected = [".gitignore", ".gitmodules", "app.py", "own/new.log", "own/new.tmp", "own/own.log", "own/own.py"]
    for place in ("lib", "vendor/lib"):
        expected += [f"{place}/{name}" for name in (*tracked, "new.log")]
    assert copied(project) == sorted(expected)


def test_a_coders_new_files_in_a_submodule_are_measured_by_its_rules(project: Path) -> None:
    """So they are when the copy, which has no repository any more, is compared."""
    start, work = project.parent / "start", project.parent / "work"
    copy_folder(project, start, most=2**30)
    copy_folder(project, work, most=2**30)
    for name in ("lib/added.log", "lib/added.tmp", "lib/private", "own/added.log", "added.log", "lib/deep.py"):
        (work / name).write_text("new\n")
    draft = make_draft(start, work, is_ignored=ignoring(project, start))
    assert draft.paths == ("lib/added.log", "lib/deep.py", "own/added.log")


def test_git_applies_a_diff_that_reaches_into_repositories_within(project: Path) -> None:
    """In the work tree, where conductor itself applies it too."""
    start, work = project.parent / "start", project.parent / "work"
    copy_folder(project, start, most=2**30)
    copy_folder(project, work, most=2**30)
    (work / "lib" / "lib.py").write_text("x = 2\n")
    (work / "own" / "more.py").write_text("y = 1\n")
    patch = project.parent / "patch.diff"
    patch.write_text(make_draft(start, work, is_ignored=ignoring(project, start)).diff)
    git(project, "apply", str(patch))
    assert (project / "lib" / "lib.py").read_text() == "x = 2\n"
    assert (project / "own" / "more.py").read_text() == "y = 1\n"


def test_a_second_work_tree_has_the_rules_of_its_repository(top: Path) -> None:
    """Its `.git` is a file that says where the repository is."""
    main = repository(top / "main", a__py="")
    (main / ".git" / "info" / "exclude").write_text("private\n")
    git(main, "worktree", "add", "-q", str(top / "second"))
    (top / "second" / "private").touch()
    assert copied(top / "second") == ["a.py"]


def test_what_only_looks_like_a_repository_has_no_say(top: Path) -> None:
    """A folder or file of that name that git would not take: the rules around it go on, and nothing hangs."""
    project = repository(top / "project", _gitignore="*.log\n")
    for name, make in (("empty", Path.mkdir), ("text", Path.touch), ("pipe", os.mkfifo)):
        (project / name).mkdir()
        make(project / name / ".git")
        (project / name / "a.py").touch()
        (project / name / "a.log").touch()
    os.mkfifo(project / "pipe" / ".gitignore")
    assert copied(project) == [".gitignore", "empty/a.py", "pipe/a.py", "text/a.py"]
