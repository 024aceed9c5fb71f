"""Rust code that writes the harness's own report and ends the process, and what must go on passing; by cargo itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_cargo
import pytest
from codeconductor import verify
from codeconductor_runner_cargo._runner import CargoRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

    OfShop = Callable[..., TestReport]

TOOLCHAINS = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
"""Where rustup has them for who runs the tests: in a test the home folder is another."""

LINKS = os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in Path(TOOLCHAINS).parents)
"""Whether Rust's own linker can be used, without which Landlock lets no build script or documentation test run."""

CRATE = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'

SUMMARY = "test result: ok. {0} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"

FORGED = r"""
use std::io::Write;

#[test]
fn bad() { assert_eq!(1, 2) }

#[test]
fn ends() {
    let said = "test bad ... ok\ntest ends ... ok\n\nSUMMARY\n\n";
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
    END
}
""".replace("SUMMARY", SUMMARY.format(2))

TO_ALL = r"""
fn tell_all(said: &str) {
    use std::io::Write;
    use std::os::fd::FromRawFd;
    for number in 1..64 {
        let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(number) });
        let _ = file.write_all(said.as_bytes());
    }
}
"""


@pytest.fixture
def of_shop(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> OfShop:
    """Verifies the package `shop` after files were laid into it."""
    if Path(TOOLCHAINS).is_dir():
        monkeypatch.setenv("RUSTUP_HOME", TOOLCHAINS)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)

    def verified(files: dict[str, str], *tests: str) -> TestReport:
        if advice := CargoRunner().lacks(ours):
            pytest.skip(advice)
        for name, text in {"Cargo.toml": CRATE, **files}.items():
            place = Path("shop", name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return asyncio.run(verify(ours, Path("shop"), tests=[Path("shop", test) for test in tests]))

    return verified


@pytest.mark.parametrize(
    "end",
    [
        "std::process::exit(0)",
        'extern "C" { fn _exit(status: i32) -> !; } unsafe { _exit(0) }',
    ],
)
def test_a_forged_report_before_an_early_exit_is_no_pass(of_shop: OfShop, end: str) -> None:
    """The lines are exactly those of the listed tests, the counts agree, and the status is 0."""
    report = of_shop({"src/lib.rs": FORGED.replace("END", end)})
    assert report.fault == "a test process ended without its full report", report
    assert not report.is_green


def test_descriptors_that_are_guessed_lead_nowhere(of_shop: OfShop) -> None:
    """Neither tests nor build scripts nor documentation tests have the pipe of the report."""
    told = (
        TO_ALL
        + r"""fn forge() { tell_all("\n{\"program\": 0, \"listing\": false, \"status\": 0, \"returned\": true}\n"); }"""
    )
    lib = (
        "/// ```\n/// use std::io::Write; use std::os::fd::FromRawFd;\n/// for number in 1..64 {\n"
        "///     let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(number) });\n"
        '///     let _ = file.write_all(b"test src/lib.rs - never (line 9) ... ok\\n");\n/// }\n/// ```\n'
        "pub fn documented() {}\n"
    )
    report = LINKS and of_shop(
        {
            "build.rs": TO_ALL
            + 'fn main() { println!("cargo:rerun-if-changed=gone"); tell_all("test forged: test\\n"); }',
            "src/lib.rs": lib + "#[test]\nfn good() {}\n",
        }
    )
    if report:
        assert {case.name: case.status for case in report.cases} == {
            "good": "passed",
            "src/lib.rs - documented (line 1)": "passed",
        }, report.output_tail
        assert report.is_green, report
        Path("shop/build.rs").unlink()
    ended = "#[test]\nfn ends() { forge(); std::process::exit(0) }\n"
    report = of_shop({"src/lib.rs": told + ended})
    assert report.fault == "a test process ended without its full report", report.output_tail


KEPT = r"""
use std::process::Command;

#[test]
fn starts_programs() {
    let said = Command::new("env").output().unwrap();
    assert!(said.status.success());
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(!said.contains("PRELOAD") && !said.contains("CONDUCTOR"), "{said}");
    assert!(std::env::vars().all(|(name, _)| !name.contains("PRELOAD") && !name.contains("CONDUCTOR")));
    assert!(said.contains("OWN_SETTING=1"), "{said}");
}

#[test]
fn has_what_cargo_gives() {
    assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "kept");
    assert!(std::path::Path::new("tests/kept.rs").is_file());
    assert!(Command::new(env!("CARGO_BIN_EXE_tool")).status().unwrap().success());
}

#[test]
#[should_panic]
fn panics() { panic!("as it should") }

#[test]
#[ignore]
fn comes_later() { panic!() }

#[test]
fn leaves_a_program_behind() { Command::new("sleep").arg("60").spawn().unwrap(); }

#[test]
fn prints_what_looks_like_a_report() { println!("test result: FAILED. 0 passed; 9 failed; 0 ignored;"); }
"""

MACRO = """#[proc_macro]
pub fn nothing(_: proc_macro::TokenStream) -> proc_macro::TokenStream { proc_macro::TokenStream::new() }
#[test]
fn of_macros() {}
"""

OWN_MAIN = 'fn main() { println!("checked"); if std::path::Path::new("bad").exists() { std::process::exit(3) } }\n'


@pytest.mark.parametrize("threads", ["1", "4"])
def test_what_is_in_order_goes_on_passing(of_shop: OfShop, threads: str) -> None:
    """A workspace: a package with an integration test and a tool, another with documentation, one with its own main."""
    report = of_shop(
        {
            "Cargo.toml": '[workspace]\nmembers = ["kept", "told", "own-main", "macros"]\n'
            '[profile.test]\npanic = "abort"\n',
            ".cargo/config.toml": f'[env]\nRUST_TEST_THREADS = "{threads}"\nOWN_SETTING = "1"\n',
            "kept/Cargo.toml": CRATE.replace("shop", "kept"),
            "kept/src/main.rs": "fn main() {}\n#[test]\nfn of_main() {}\n",
            "kept/src/bin/tool.rs": "fn main() {}\n",
            "kept/tests/kept.rs": KEPT,
            "told/Cargo.toml": CRATE.replace("shop", "told"),
            "told/src/lib.rs": LINKS
            * "/// ```\n/// assert!(true);\n/// ```\n/// ```should_panic\n/// panic!();\n/// ```\n"
            + "pub fn a() {}\n",
            "macros/Cargo.toml": CRATE.replace("shop", "macros").replace("2021", "2024") + "[lib]\nproc-macro = true\n",
            "macros/src/lib.rs": LINKS * "/// ```\n/// macros::nothing!();\n/// ```\n" + MACRO,
            "own-main/Cargo.toml": CRATE.replace("shop", "own-main") + '[[test]]\nname = "by-hand"\nharness = false\n',
            "own-main/src/lib.rs": "",
            "own-main/tests/by-hand.rs": OWN_MAIN,
        }
    )
    assert {case.name: case.status for case in report.cases} == {
        "of_main": "passed",
        "of_macros": "passed",
        "starts_programs": "passed",
        "has_what_cargo_gives": "passed",
        "panics": "passed",
        "comes_later": "skipped",
        "leaves_a_program_behind": "passed",
        "prints_what_looks_like_a_report": "passed",
        "by-hand": "passed",
        **dict.fromkeys([f"told/src/lib.rs - a (line {line})" for line in (1, 4) if LINKS], "passed"),
        **dict.fromkeys(["macros/src/lib.rs - nothing (line 1)"] * LINKS, "passed"),
    }, report.output_tail
    assert report.is_green, report
    assert not report.warnings


def test_each_way_to_die_is_told(of_shop: OfShop) -> None:
    """An abort, a stack that overflows, a process ended in mid-report; the programs after it are run all the same."""
    ways = {
        "abort": "std::process::abort()",
        "overflow": "fn deep(n: u64) -> u64 { std::hint::black_box(deep(n + 1)) + 1 } deep(1);",
        "fails": "std::process::exit(1)",
    }
    report = of_shop(
        {
            "src/lib.rs": "",
            **{f"tests/{name}.rs": f"#[test]\nfn {name}() {{ {way} }}\n" for name, way in ways.items()},
            "tests/well.rs": "#[test]\nfn well() {}\n",
        }
    )
    assert report.fault == "a test process ended without its full report"
    assert {case.name: case.status for case in report.cases} == {"well": "passed"}, report.output_tail
    assert "ended by signal 6" in report.output_tail
    report = of_shop({}, "tests/well.rs")
    assert report.is_green
    assert [case.name for case in report.cases] == ["well"]


def test_a_main_of_ones_own_is_judged_by_its_status(of_shop: OfShop) -> None:
    """It has no list; where it prints tests as the harness does, they are told."""
    files = {
        "Cargo.toml": CRATE + "[lib]\nharness = false\n",
        "src/lib.rs": OWN_MAIN.replace("fn main", "pub fn a() {}\n#[cfg(test)]\nfn main"),
        "bad": "",
    }
    report = of_shop(files)
    assert [(case.name, case.status, case.message) for case in report.cases] == [
        ("shop", "failed", "it ended with status 3")
    ]
    said = f"running 1 test\\ntest mimics ... ok\\n\\n{SUMMARY.format(1)}\\n"
    mimic = f'#[cfg(test)]\nfn main() {{ println!("{said}"); std::process::exit(0) }}\n'
    report = of_shop({**files, "src/lib.rs": mimic})
    assert [(case.name, case.status) for case in report.cases] == [("mimics", "passed")]
    assert report.is_green


def test_a_runner_of_the_projects_own_is_kept(of_shop: OfShop) -> None:
    """Cargo runs all then, and what cannot be told is said."""
    config = '[target."cfg(all())"]\nrunner = ["env", "BY_OWN=1"]\n'
    test = '#[test]\nfn good() { assert_eq!(std::env::var("BY_OWN").unwrap(), "1") }\n'
    report = of_shop({".cargo/config.toml": config, "src/lib.rs": test})
    assert report.is_green, report.output_tail
    assert "names a runner of its own" in report.warnings[0]


def test_a_program_that_cannot_tell_is_named(of_shop: OfShop) -> None:
    """It is linked statically, and loads nothing: what it prints is compared as ever, and a warning says so."""
    config = '[build]\nrustflags = ["-Ctarget-feature=+crt-static"]\n'
    report = of_shop({".cargo/config.toml": config, "src/lib.rs": "#[test]\nfn good() {}\n"})
    assert report.is_green, report.output_tail
    assert "cannot be told here of shop" in report.warnings[0]
