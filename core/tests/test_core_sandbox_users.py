"""The same tests as an ordinary user, where root runs these: limits and signals are others for root."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534

CORE = Path(__file__).parent.parent

REPEATED = ("attacks", "candidates", "commands", "outcomes", "sweep")


def environment(folder: Path) -> dict[str, str]:
    """What lets another interpreter of this version import what this one does."""
    places = [str(CORE / "src"), sysconfig.get_path("purelib")]
    return {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(places), "HOME": str(folder), "TMPDIR": str(folder)}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder of the ordinary user's; pytest's own are closed to others whenever another pytest is started."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def python(folder: Path) -> str:
    """An interpreter that an ordinary user can start: root's own may lie where only root goes."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            started = subprocess.run(
                [candidate, "-c", "import attrs, pluggy, pytest, codeconductor.sandbox"],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                env=environment(folder),
                cwd=folder,
                capture_output=True,
            )
        except OSError:
            continue
        if started.returncode == 0:
            return candidate
    pytest.skip(f"no ordinary user can start a {name} with what the tests need")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="they are an ordinary user's already")
@pytest.mark.parametrize("name", REPEATED)
def test_an_ordinary_user_is_as_safe(python: str, folder: Path, name: str) -> None:
    """One of each file's own: what else a user runs counts against the processes that a sandbox of theirs may have."""
    user = NOBODY - 1 - REPEATED.index(name)
    own = folder / name
    own.mkdir()
    os.chown(own, user, user)
    ended = subprocess.run(
        [
            *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error"),
            *("--rootdir", str(CORE), "-c", os.devnull, f"--basetemp={own / 'tests'}"),
            str(CORE / "tests" / f"test_core_sandbox_{name}.py"),
        ],
        user=user,
        group=user,
        extra_groups=[],
        env={**environment(own), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=own,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert re.search(r"^[1-9]\d* passed", ended.stdout, re.MULTILINE), ended.stdout
