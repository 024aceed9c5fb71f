"""The same tests as an ordinary user, where root runs these: limits and signals are others for root."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

NOBODY = 65534

CORE = Path(__file__).parent.parent

REPEATED = ("attacks", "candidates", "commands", "outcomes", "sweep")


def environment(folder: Path) -> dict[str, str]:
    """What lets another interpreter of this version import what this one does."""
    places = [str(CORE / "src"), sysconfig.get_path("purelib")]
    return {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(places), "HOME": str(folder), "TMPDIR": str(folder)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the ordinary user's, which the ones above it let through."""
    folder = tmp_path_factory.mktemp("home")
    os.chown(folder, NOBODY, NOBODY)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to(tmp_path_factory.getbasetemp().parent):
            parent.chmod(parent.stat().st_mode | 0o011)
    return folder


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


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="they are an ordinary user's already")
@pytest.mark.parametrize("name", REPEATED)
def test_an_ordinary_user_is_as_safe(python: str, folder: Path, name: str) -> None:
    ended = subprocess.run(
        [
            *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error"),
            *("--rootdir", str(CORE), "-c", os.devnull, f"--basetemp={folder / name}"),
            str(CORE / "tests" / f"test_core_sandbox_{name}.py"),
        ],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={**environment(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert re.search(r"^[1-9]\d* passed", ended.stdout, re.MULTILINE), ended.stdout
