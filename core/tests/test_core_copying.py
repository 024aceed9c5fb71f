"""Copies of a project's folder: what is in them, what is not, and that nothing is shared with the source."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from codeconductor import InputError
from codeconductor.handover import Copied, copy_folder

ENOUGH = 2**30


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        put(folder, name.replace("__", "/"), text)


def put(folder: Path, name: str, text: str = "") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def copied(source: Path, **more: object) -> Copied:
    return copy_folder(source, source.parent / "copy", **{"most": ENOUGH, **more})  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_what_git_ignores_stays_out(source: Path) -> None:
    """Nested files, negations, anchored patterns and folders, and the repository's own list of what to leave."""
    put(source, ".git/info/exclude", "private.txt\n")
    put(source, ".gitignore", "*.log\n!keep.log\nbuild/\n/only_here\n")
    put(source, "sub/.gitignore", "*.tmp\n!../x\n!again.log\n")
    for name in ("a.py", "b.log", "keep.log", "build/x", "only_here", "private.txt"):
        put(source, name)
    for name in ("sub/a.tmp", "sub/only_here", "sub/again.log", "sub/c.log", "sub/build/y"):
        put(source, name)
    copied(source)
    expected = [".gitignore", "a.py", "keep.log", "sub/.gitignore", "sub/again.log", "sub/only_here"]
    assert names(source.parent / "copy") == expected


def test_it_is_what_git_would_add(source: Path) -> None:
    """On patterns that are easily got wrong, where git is there to be asked; it is needed for nothing else."""
    put(source, ".gitignore", "!both\nboth/\nfoo/*\n!foo/keep\n**/deep\nx/**\n!x/y\n\\#a\n*.o\ntrailing \n[ab].c\n")
    for name in (
        "foo/keep",
        "foo/drop",
        "a/deep/z",
        "deep",
        "x/y",
        "x/z/w",
        "#a",
        "q.o",
        "trailing",
        "a.c",
        "c.c",
        "both/q",
    ):
        put(source, name)
    copied(source)
    if shutil.which("git"):
        run = ["git", "-c", "safe.directory=*", "-c", "core.excludesFile=", "-C", str(source)]
        subprocess.run([*run, "init", "-q"], check=True)
        listed = subprocess.run([*run, "ls-files", "-z", "-o", "--exclude-standard"], check=True, capture_output=True)
        assert names(source.parent / "copy") == sorted(filter(None, listed.stdout.decode().split("\0")))
    else:
        assert "foo/keep" in names(source.parent / "copy")


def test_rules_of_the_folders_above_count(source: Path) -> None:
    """The folder may be a part of a repository."""
    put(source, ".git/HEAD")
    put(source, ".gitignore", "inner/secret\n*.log\n")
    put(source, "inner/secret")
    put(source, "inner/a.log")
    put(source, "inner/kept")
    copy_folder(source / "inner", source.parent / "copy", most=ENOUGH)
    assert names(source.parent / "copy") == ["kept"]


def test_no_repository_is_copied(source: Path) -> None:
    """Neither the folder's, nor one nested in it, nor what a submodule has in its place."""
    put(source, ".git/config")
    put(source, "nested/.git/config")
    put(source, "nested/code.py")
    put(source, "module/.git", "gitdir: ../.git/modules/module\n")
    put(source, "module/code.py")
    copied(source)
    assert names(source.parent / "copy") == ["module/code.py", "nested/code.py"]


def test_caches_stay_out(source: Path) -> None:
    put(source, "target/CACHEDIR.TAG")
    put(source, "target/large")
    put(source, "__pycache__/a.pyc")
    put(source, "a.py")
    copied(source)
    assert names(source.parent / "copy") == ["a.py"]


def test_environments_are_linked_and_not_copied(source: Path) -> None:
    """Even where git ignores them, as it mostly does; at any depth."""
    put(source, ".gitignore", ".venv\nnode_modules\n")
    put(source, ".venv/pyvenv.cfg")
    put(source, "app/node_modules/left-pad/index.js")
    put(source, "app/index.js")
    result = copied(source)
    assert result.linked == {".venv": source / ".venv", "app/node_modules": source / "app" / "node_modules"}
    assert (result.folder / ".venv").readlink() == source / ".venv"
    assert result.warnings == ()


def test_a_copy_of_a_copy_links_to_the_first_source(source: Path) -> None:
    put(source, ".venv/pyvenv.cfg")
    copied(source)
    result = copy_folder(source.parent / "copy", source.parent / "again", most=ENOUGH, dependencies=source)
    assert result.linked == {".venv": source / ".venv"}
    assert result.warnings == ()


def test_links_are_kept_unless_they_lead_out(source: Path) -> None:
    """One that names the source by its whole path leads to the copy afterwards."""
    put(source, "a/file", "here")
    put(source.parent, "outside", "secret")
    (source / "relative").symlink_to("a/file")
    (source / "whole").symlink_to(source / "a" / "file")
    (source / "folder").symlink_to("a")
    (source / "dangling").symlink_to("nothing")
    (source / "out").symlink_to("../outside")
    (source / "a" / "up").symlink_to("../../outside")
    (source / "etc").symlink_to("/etc")
    (source / "around").symlink_to("around")
    result = copied(source)
    copy = result.folder
    assert (copy / "whole").resolve() == (copy / "relative").resolve() == (copy / "a" / "file").resolve()
    assert (copy / "folder").is_symlink()
    assert (copy / "dangling").is_symlink()
    assert not {"out", "etc", "a/up"} & set(names(copy))
    assert result.warnings == ("not copied, as it leads out of the folder: 'a/up', 'etc', 'out'",)


def test_modes_and_unusual_names_are_kept(source: Path) -> None:
    put(source, "run.sh").chmod(0o755)
    put(source, "read only").chmod(0o444)
    odd = [b"new\nline", b"\xff\xfe", b"-rf", b"*", "ü e\u0301".encode()]
    for name in odd:
        Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_text("x")
    copy = copied(source).folder
    assert (copy / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (copy / "read only").stat().st_mode & 0o777 == 0o444
    assert {*odd} < {os.fsencode(path.name) for path in copy.iterdir()}


def test_what_is_no_file_is_left_out_with_a_warning(source: Path) -> None:
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "socket"))
    assert copied(source).warnings == ("not copied, as it is no regular file: 'pipe', 'socket'",)


def test_nothing_is_shared_with_the_source(source: Path) -> None:
    file = put(source, "a", "before")
    copy = copied(source).folder
    assert (copy / "a").stat().st_ino != file.stat().st_ino
    assert file.stat().st_nlink == 1
    (copy / "a").write_text("after")
    assert file.read_text() == "before"


def test_holes_stay_holes(source: Path) -> None:
    """A file of 200 MB that has next to nothing in it."""
    with (source / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(200_000_000)
        file.write(b"end")
    copy = copied(source).folder / "sparse"
    assert copy.stat().st_size == 200_000_003
    assert copy.stat().st_blocks * 512 < 10_000_000
    with copy.open("rb") as file:
        assert file.read(5) == b"begin"
        file.seek(200_000_000)
        assert file.read() == b"end"


def test_a_large_folder_is_refused_before_anything_is_copied(source: Path) -> None:
    with (source / "data").open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(InputError, match=r"has 2\.0 GiB, more than the 1\.0 GiB of \[build\] max_copy") as raised:
        copied(source)
    assert "CONDUCTOR_BUILD__MAX_COPY" in str(raised.value.hint)
    assert not (source.parent / "copy").exists()


def test_what_git_ignores_does_not_count(source: Path) -> None:
    put(source, ".gitignore", "data\n")
    put(source, "data", "x" * 100)
    assert copied(source, most=50).size == len("data\n")


def test_a_folder_that_is_not_there_is_an_error_of_the_user(source: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        copy_folder(source / "missing", source.parent / "copy", most=ENOUGH)
