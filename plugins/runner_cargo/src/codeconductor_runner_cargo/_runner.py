"""The runner `cargo`: builds the tests, asks which there are, runs them, and compares."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import TestCase, TestRun, interpreter

from codeconductor_runner_cargo._lines import judged

if TYPE_CHECKING:
    from codeconductor import Session, TestBench

_TO_REPORT = "import os, sys; os.dup2(int(os.environ.pop('CONDUCTOR_REPORT')), 1); os.execvp(sys.argv[1], sys.argv[1:])"
"""Lets a program's standard output be the report."""


class CargoRunner:
    """Runs `cargo test`, offline."""

    name = "cargo"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Where there is a package or a workspace of packages."""
        return 20 if (folder / "Cargo.toml").is_file() and session else None

    def lacks(self, _session: Session) -> str | None:
        """Cargo itself."""
        return None if shutil.which("cargo") else "install Rust, and put the program cargo on PATH"

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        cargo, readable, environment = _installed(bench.scratch / "cargo")
        run = partial(
            bench.run, environment=environment, places={"CARGO_HOME": bench.scratch / "cargo"}, readable=readable
        )
        chosen = [word for test in bench.tests for word in _target(test)]
        command = [cargo, "test", "--offline", *chosen]
        built = await run([*command, "--no-run"])
        if built.timed_out:
            return TestRun()
        if built.status != 0:
            said = built.output.decode("utf-8", "replace")
            return TestRun(cases=[TestCase(name="cargo test --no-run", status="error", message=said)])
        _make_executable(bench.folder / "target")
        to_report = [str(interpreter()), "-I", "-S", "-c", _TO_REPORT]
        listed = await run([*to_report, *command, "--", "--list"], reports=True)
        ended = await run([*to_report, *command, "--no-fail-fast"], reports=True)
        is_cut = listed.report_cut or ended.report_cut or ended.timed_out or listed.timed_out
        return judged(listed.report, ended.report, ended.status, is_cut=is_cut)


def _installed(home: Path) -> tuple[str, list[Path], dict[str, str]]:
    """The program, what it reads, and its variables; a home of its own is made, with what was downloaded earlier."""
    cargo = shutil.which("cargo") or "cargo"
    readable = [Path(cargo).parent, Path(cargo).resolve().parent]
    environment = {"CARGO_TERM_COLOR": "never", "CARGO_NET_OFFLINE": "true"}
    home.mkdir()
    persons = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for name in ("registry", "git"):  # not what else is in there: a person's tokens
        if (persons / name).is_dir():
            (home / name).symlink_to(persons / name)
            readable.append(persons / name)
    toolchains = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    if toolchains.is_dir():
        readable.append(toolchains)
        environment |= {"RUSTUP_HOME": str(toolchains), "RUSTUP_AUTO_INSTALL": "0"}
        if os.geteuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in toolchains.parents):
            # the compiler asks with access(2), which knows of no right to read all, whether it may start Rust's linker
            environment |= dict.fromkeys(
                ("CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_RUSTDOCFLAGS"), "-Clinker-features=-lld"
            )
    return cargo, readable, environment


def _make_executable(target: Path) -> None:
    """Mark what was linked as a program: most linkers do that by chmod, which a sandbox may hold back."""
    for file in target.glob("*/deps/*"):
        if not file.suffix and not file.is_symlink() and file.is_file():
            with file.open("rb") as content:
                if content.read(4) == b"\x7fELF":
                    file.chmod(0o700)


def _target(test: str) -> list[str]:
    """The option for one file of integration tests; what else is named is run with all the rest."""
    path = Path(test)
    return ["--test", path.stem] if path.suffix == ".rs" and path.parent.name == "tests" else []
