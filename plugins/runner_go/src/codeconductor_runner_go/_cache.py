"""Keeps Go's standard library compiled: that takes 20 s and more, and is the same for every project.

Only what the go command made before any tested code ran is kept. A run works on a copy of it, so what tests write there
goes with them.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import data_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from codeconductor import Ended, TestBench

    Run = Callable[..., Awaitable[Ended]]

_USED = ("list", "-buildvcs=false", "-deps", "-test", "-f", "{{if .Standard}}{{.ImportPath}}{{end}}", "./...")
"""Runs nothing of the project, nor what the settings of its git repository name."""

_IMPORTABLE = re.compile(r"(?!(?:.*/)?(?:internal|vendor)(?:/|$))[\w./-]+")
"""A package that a program can name; what it stands on is compiled with it."""

_IN_FOLDER = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')

_CACHE, _PACKAGES = "cache", "packages.txt"


async def fill(
    cache: Path, bench: TestBench, run: Run, go: str, *, root: Path, module: Path, options: Sequence[str]
) -> None:
    """Fill the go command's cache with what the project's packages use of the standard library.

    What goes wrong here costs time alone: the tests are run all the same.

    Args:
        cache: Of this run alone; it is not there yet.
        bench: Where the tests will run.
        run: Runs a command there with Go's variables.
        go: The go command.
        root: The folder that Go was installed in.
        module: A folder for a module of our own, not there yet either.
        options: What tests are built with; paths in them start from `module`.
    """
    kept = _kept(root)
    known = _copied(kept, cache)
    listed = await run([go, *_USED], prints_report=True)
    used = {name for name in listed.report.decode("utf-8", "replace").split() if _IMPORTABLE.fullmatch(name)}
    if listed.status != 0 or used <= known:
        return
    _write_module(module, used | known)
    # `true` stands for the test program, which so is compiled, linked and examined, and not run
    built = await run([*_IN_FOLDER, bench.inside(module), go, "test", "-exec=true", *options, "."])
    if built.status == 0:
        _keep(cache, used | known, kept)


def _write_module(module: Path, packages: Iterable[str]) -> None:
    """A module with one test, which imports the packages."""
    names = [f'_ "{name}"' for name in sorted({*packages} - {"testing"})]
    imports = "; ".join([*names, '"testing"'])
    module.mkdir()
    (module / "go.mod").write_text("module standard\n\ngo 1.18\n", encoding="utf-8")
    (module / "standard_test.go").write_text(
        f"package standard\n\nimport ({imports})\n\nfunc TestNothing(*testing.T) {{}}\n", encoding="utf-8"
    )


def _kept(root: Path) -> Path:
    """Where the library of this Go is kept."""
    try:
        version = (root / "VERSION").read_bytes()
    except OSError:
        version = b""
    return data_folder() / "go" / sha256(str(root).encode() + version).hexdigest()[:16]


def _copied(kept: Path, cache: Path) -> set[str]:
    """Copy what is kept; gives the packages that are in it."""
    try:
        packages = (kept / _PACKAGES).read_text(encoding="utf-8").split()
        shutil.copytree(kept / _CACHE, cache)
    except (OSError, UnicodeError):  # none yet; or another process is about to put a larger one there
        shutil.rmtree(cache, ignore_errors=True)
        return set()
    return set(packages)


def _keep(cache: Path, packages: Iterable[str], kept: Path) -> None:
    """Put a cache in place of what is kept, and of what was kept for other versions; not where that cannot be done."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as fresh:
            made = Path(fresh) / "made"
            shutil.copytree(cache, made / _CACHE)
            (made / _PACKAGES).write_text("\n".join(sorted(packages)), encoding="utf-8")
            for other in kept.parent.iterdir():  # what a killed run left half made, too
                if other != Path(fresh):
                    shutil.rmtree(other, ignore_errors=True)
            made.rename(kept)
