"""What is compiled once for all projects, and what tested code can do to it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_go
import pytest
from codeconductor import data_folder, verify
from codeconductor_runner_go._cache import _copied, _keep

if TYPE_CHECKING:
    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

WRITES = """package writes

import ("os"; "path/filepath"; "testing")

func TestWrites(t *testing.T) {
	cache := os.Getenv("GOCACHE")
	if err := os.WriteFile(filepath.Join(cache, "evil"), nil, 0o600); err != nil { t.Fatal(err) }
	found, _ := filepath.Glob(filepath.Join(cache, "*", "*"))
	for _, file := range found { os.WriteFile(file, []byte("evil"), 0o600) }
}
"""

OTHER = """package other

import ("path"; "testing")

func TestOther(t *testing.T) { if path.Base("a/b") != "b" { t.Fatal("no") } }
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_the_standard_library_is_compiled_once_and_tests_cannot_change_it(make_session: MakeSession) -> None:
    """They write into a copy, and what they import beyond what is there is compiled beside it."""

    def verified(source: str) -> TestReport:
        Path("go.mod").write_text("module shop\ngo 1.18\n")
        Path("a_test.go").write_text(source)
        ours = make_session({"sandbox": {"minimum": "none"}}, runner_go=codeconductor_runner_go)
        return asyncio.run(verify(ours, Path()))

    def kept() -> tuple[set[str], int, dict[Path, int]]:
        (folder,) = (data_folder() / "go").iterdir()
        sizes = {file: file.stat().st_size for file in (folder / "cache").rglob("*") if file.is_file()}
        return set((folder / "packages.txt").read_text().split()), folder.stat().st_ino, sizes

    assert verified(WRITES).is_green
    packages, made, sizes = kept()
    assert {"os", "path/filepath", "testing"} <= packages
    assert "evil" not in {file.name for file in sizes}
    assert 4 not in sizes.values()

    assert verified(WRITES).is_green
    assert kept() == (packages, made, sizes)

    assert verified(OTHER).is_green
    assert kept()[0] == packages | {"path"}


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    """A disk may be full, and the folder may be a file."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "go").write_text("")
    _keep(tmp_path / "cache", {"os"}, tmp_path / "go" / "one")
    assert (tmp_path / "go").read_text() == ""


def test_a_version_of_go_takes_the_place_of_another(tmp_path: Path) -> None:
    """Else each update would leave some 60 MB behind."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a").write_text("1")
    _keep(tmp_path / "cache", {"os"}, tmp_path / "go" / "old")
    (tmp_path / "go" / "tmpkilled").mkdir()
    _keep(tmp_path / "cache", {"os", "fmt"}, tmp_path / "go" / "new")
    assert [folder.name for folder in (tmp_path / "go").iterdir()] == ["new"]
    assert _copied(tmp_path / "go" / "new", tmp_path / "copy") == {"os", "fmt"}
    assert (tmp_path / "copy" / "a").read_text() == "1"


def test_what_is_damaged_counts_as_nothing(tmp_path: Path) -> None:
    """All is compiled then, as the first time."""
    kept = tmp_path / "go"
    kept.mkdir()
    (kept / "packages.txt").write_text("os")
    assert _copied(kept, tmp_path / "copy") == set()
    assert not (tmp_path / "copy").exists()
