"""What Rust's test harness prints, recorded with Rust 1.95, and what does not fit together in it."""

from __future__ import annotations

from codeconductor_runner_cargo._lines import judged

LISTED = b"tests::bad: test\ntests::good: test\ntests::ign: test\n\n3 tests, 0 benchmarks\n"

RAN = b"""
running 3 tests
test tests::ign ... ignored
test tests::good ... ok
test tests::bad ... FAILED

failures:

---- tests::bad stdout ----
thread 'tests::bad' panicked at src/lib.rs:5:100:
  left: 3

failures:
    tests::bad

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""

PASSED = b"""
running 1 test
test good ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""


def test_every_way_to_end_is_told() -> None:
    run = judged(LISTED, RAN, 101)
    told = {case.name: case.status for case in run.cases}
    assert told == {"tests::bad": "failed", "tests::good": "passed", "tests::ign": "skipped"}
    assert "left: 3" in str([case.message for case in run.cases])
    assert run.fault is None


def test_an_early_exit_is_no_pass() -> None:
    """There is no result, or there are fewer tests than were listed."""
    assert judged(b"good: test\n", b"running 1 test\n", 0).fault == "a test process ended without its full report"
    assert judged(b"good: test\nmore: test\n", PASSED, 0).fault == "of 2 tests that were listed, 1 were reported"


def test_counts_and_status_must_agree() -> None:
    assert judged(b"good: test\n", PASSED, 0).fault is None
    assert judged(b"good: test\n", PASSED, 101).fault == "cargo test ended with status 101"
    assert judged(b"good: test\n", PASSED + b"test good ... ok\n", 0).fault
    assert judged(b"good: test\n", PASSED, 0, is_cut=True).fault
