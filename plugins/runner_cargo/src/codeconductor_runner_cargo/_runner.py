"""The runner `cargo`: builds the tests, asks how they are started, runs them itself, and compares."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from codeconductor import TestCase, TestRun, interpreter

from codeconductor_runner_cargo._lines import judged
from codeconductor_runner_cargo._programs import judge_programs, split_listing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codeconductor import Ended, Session, TestBench

    from codeconductor_runner_cargo._programs import Program

    _Run = Callable[..., Awaitable[Ended]]

INSIDE = Path(__file__).resolve().parent / "inside"

_PYTHON = (str(interpreter()), "-I", "-S")

_MESSAGES = "--message-format=json-render-diagnostics"
"""What is built as lines of JSON on standard output, errors for people on standard error."""


class CargoRunner:
    """Runs `cargo test`, offline."""

    name = "cargo"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Where there is a package or a workspace of packages."""
        return 20 if (folder / "Cargo.toml").is_file() and session else None

    def lacks(self, _session: Session) -> str | None:
        """Cargo itself; a toolchain, where it is rustup that stands for cargo."""
        cargo = shutil.which("cargo")
        if cargo is None:
            return "install Rust, and put the program cargo on PATH"
        if Path(cargo).resolve().stem == "rustup" and not any(_rustups().glob("toolchains/*")):
            return "install a toolchain of Rust with `rustup default stable`"
        return None

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        cargo, readable, environment = _installed(bench.scratch / "cargo")
        run = partial(
            bench.run,
            environment=environment,
            places={"CARGO_HOME": bench.scratch / "cargo"},
            readable=[*readable, INSIDE],
        )
        chosen = [word for test in bench.tests for word in _target(test)]
        command = [cargo, "test", "--offline", *chosen]
        built = await run([*command, "--no-run", _MESSAGES], prints_report=True)
        if built.timed_out:
            return TestRun()
        if built.status != 0:
            said = built.output.decode("utf-8", "replace")
            return TestRun(cases=[TestCase(name="cargo test --no-run", status="error", message=said)])
        _make_executable(bench.folder / "target")
        if _has_own_runner(bench.folder):
            return await _run_by_cargo(run, command)
        # no tested code runs while cargo tells how it would start each program
        recording = [*_PYTHON, str(INSIDE / "record.py")]
        config = f"target.'cfg(all())'.runner={json.dumps(recording)}"
        listed = await run([*command, "--config", config, "--", "--list"], prints_report=True)
        if listed.timed_out:
            return TestRun()
        found = split_listing(built.report, listed.report)
        if found is None or listed.status != 0 or listed.report_cut or built.report_cut:
            return TestRun(fault="cargo did not tell which test programs it would start")
        programs, documented = found
        runs = [await _drive(run, bench, programs, environment)] if programs else []
        if b": test" in documented and not bench.timed_out:
            ended = await run([*command, "--doc", "--no-fail-fast"], prints_report=True)
            is_cut = ended.timed_out or ended.report_cut
            runs.append(judged(documented, ended.report, ended.status, is_cut=is_cut))
        return TestRun(
            cases=[case for one in runs for case in one.cases],
            fault=next((one.fault for one in runs if one.fault), None),
            warnings=[warning for one in runs for warning in one.warnings],
        )


async def _drive(run: _Run, bench: TestBench, programs: list[Program], environment: dict[str, str]) -> TestRun:
    """Run the test programs as cargo would, with nothing but our own process that holds the report."""
    job = bench.scratch / "programs.json"
    job.write_text(json.dumps([attrs.asdict(program) for program in programs]), encoding="utf-8")
    words = environment.get("CARGO_BUILD_RUSTFLAGS", "").split()
    places = [bench.inside(job), str(INSIDE / "returned.rs"), bench.inside(bench.scratch)]
    ended = await run([*_PYTHON, str(INSIDE / "drive.py"), *places, *words], reports=True)
    is_cut = ended.status != 0 or ended.timed_out or ended.report_cut
    return judge_programs(programs, ended.report, is_cut=is_cut)


async def _run_by_cargo(run: _Run, command: list[str]) -> TestRun:
    """Have cargo itself run all, by the project's own program for that."""
    listed = await run([*command, "--", "--list"], prints_report=True)
    ended = await run([*command, "--no-fail-fast"], prints_report=True)
    is_cut = listed.report_cut or ended.report_cut or ended.timed_out or listed.timed_out
    warning = "whether a test program ended itself early cannot be told: .cargo/config.toml names a runner of its own"
    return attrs.evolve(judged(listed.report, ended.report, ended.status, is_cut=is_cut), warnings=[warning])


def _has_own_runner(folder: Path) -> bool:
    """Whether the project's settings for cargo name a program that starts its test programs."""
    for name in ("config", "config.toml"):
        try:
            settings = tomllib.loads((folder / ".cargo" / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        targets = settings.get("target")
        if isinstance(targets, dict) and any(
            "runner" in table for table in targets.values() if isinstance(table, dict)
        ):
            return True
    return False


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
    toolchains = _rustups()
    if toolchains.is_dir():
        readable.append(toolchains)
        environment |= {"RUSTUP_HOME": str(toolchains), "RUSTUP_AUTO_INSTALL": "0"}
        if os.geteuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in toolchains.parents):
            # the compiler asks with access(2), which knows of no right to read all, whether it may start Rust's linker
            environment |= dict.fromkeys(
                ("CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_RUSTDOCFLAGS"), "-Clinker-features=-lld"
            )
    return cargo, readable, environment


def _rustups() -> Path:
    """Where rustup has its toolchains and settings, if it is there."""
    return Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")


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
