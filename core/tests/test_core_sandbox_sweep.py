"""Folders that untrusted code wrote into are emptied, whatever is in them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from codeconductor.sandbox.inside.sweep import empty

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_what_links_point_to_stays(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("here")
    (folder / "file").symlink_to(outside / "kept")
    (folder / "folder").symlink_to(outside)
    (folder / "broken").symlink_to("nowhere")
    os.link(outside / "kept", folder / "hard")
    empty(folder)
    assert list(folder.iterdir()) == []
    assert (outside / "kept").read_text() == "here"


def test_folders_that_are_closed_are_opened(folder: Path) -> None:
    for mode in (0o000, 0o100, 0o300, 0o500):
        inner = folder / f"{mode:o}"
        (inner / "deeper").mkdir(parents=True)
        (inner / "deeper" / "file").write_text("here")
        (inner / "deeper").chmod(mode)
        inner.chmod(mode)
    empty(folder)
    assert list(folder.iterdir()) == []


def test_a_path_longer_than_any_name_may_be_is_no_hindrance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for _ in range(1200):
        os.mkdir("deep")  # noqa: PTH102 - as relative as the path is long
        os.chdir("deep")
    (folder / "beside").mkdir()
    (folder / "beside" / "file").write_text("here")
    os.chdir(folder)
    empty(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("what", ["gone", "file", "link"])
def test_what_is_no_folder_any_more_is_made_one(folder: Path, tmp_path: Path, what: str) -> None:
    folder.rmdir()
    if what == "file":
        folder.write_text("here")
    if what == "link":
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "kept").write_text("here")
        folder.symlink_to(tmp_path / "outside")
    empty(folder)
    assert folder.is_dir()
    assert not folder.is_symlink()
    assert list(folder.iterdir()) == []


def test_pipes_sockets_and_odd_names_go_too(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name in ("new\nline", "-rf", " ", "\udcff"):
        (folder / name).write_text("here")
    empty(folder)
    assert list(folder.iterdir()) == []
