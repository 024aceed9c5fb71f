"""What came of running tests, and what a plugin that runs them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from codeconductor.sandbox import Strength
    from codeconductor.session import Session
    from codeconductor.verification.bench import TestBench

CaseStatus = Literal["passed", "failed", "error", "skipped"]
"""``error``: the test could not be run, or its surroundings failed."""

LONGEST_MESSAGE = 4000
"""Characters of a case's message that are kept."""


def _shortened(message: str | None) -> str | None:
    if message is None or len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    return f"{message[:half]}\n[…]\n{message[-half:]}"


@frozen(kw_only=True)
class TestCase:
    """One test and how it ended.

    Attributes:
        name: As its runner calls it, without its file.
        file: Its file, relative to the folder, with slashes; None: the runner does not tell.
        status: How it ended.
        message: Why it did not pass, of a long one the beginning and the end; None: there is nothing to say.
        seconds: How long it took; None: the runner does not tell.
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a test

    name: str
    file: str | None = None
    status: CaseStatus
    message: str | None = attrs.field(default=None, converter=_shortened)
    seconds: float | None = None


def _tuple(items: Iterable[TestCase]) -> tuple[TestCase, ...]:
    return tuple(items)


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@frozen(kw_only=True)
class TestRun:
    """What a runner found out.

    Attributes:
        cases: Every test that it knows of.
        fault: Why the tests did not pass whatever the cases say: a report that is not whole, or was tampered with;
            None: the cases are all there is to say.
        warnings: What a person should know.
    """

    __test__: ClassVar[bool] = False

    cases: tuple[TestCase, ...] = attrs.field(default=(), converter=_tuple)
    fault: str | None = None
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)


@frozen(kw_only=True)
class SandboxUsed:
    """The sandbox that tests ran in: its name, its strength, and what it cannot hold back."""

    name: str
    strength: Strength
    missing: tuple[str, ...] = ()


@frozen(kw_only=True)
class TestReport:
    """What came of verifying a folder.

    Attributes:
        runner: Name of the runner.
        sandbox: Where the tests ran.
        cases: Every test.
        seconds: From the start of the first command to the end of the last.
        timed_out: Whether the tests were ended since their time was over.
        fault: Why it is not green beside the cases; None: nothing.
        output_tail: The end of what the tests and their runner printed.
        warnings: What a person should know.
    """

    __test__: ClassVar[bool] = False

    runner: str
    sandbox: SandboxUsed
    cases: tuple[TestCase, ...] = attrs.field(default=(), converter=_tuple)
    seconds: float = 0.0
    timed_out: bool = False
    fault: str | None = None
    output_tail: str = ""
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)

    def _count(self, status: CaseStatus) -> int:
        return sum(case.status == status for case in self.cases)

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return self._count("passed")

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return self._count("failed")

    @property
    def errors(self) -> int:
        """How many tests could not be run."""
        return self._count("error")

    @property
    def skipped(self) -> int:
        """How many tests were skipped, or were expected to fail and did."""
        return self._count("skipped")

    @property
    def is_empty(self) -> bool:
        """Whether there was no test at all, and nothing else to complain of."""
        return not self.cases and not self.timed_out and self.fault is None

    @property
    def is_green(self) -> bool:
        """Whether at least one test ran, all that ran passed, and the report is whole."""
        return self.passed > 0 and not (self.failed or self.errors or self.timed_out or self.fault)


@runtime_checkable
class TestRunner(Protocol):
    """Runs the tests of a language; ``--runner`` finds it by its name.

    It may also have ``lacks(session) -> str | None``: what to install or set before it can run anything here, as advice
    to a person; None: nothing.
    """

    name: str

    def fits(self, folder: Path, session: Session) -> int | None:
        """How well it fits what a folder contains: the highest is taken, ties by name; None: not at all."""
        ...

    async def run_tests(self, bench: TestBench) -> TestRun:
        """Run the tests with ``bench.run``, which is the only way that anything of the folder may be run.

        What a test process says of itself is a claim: it may end early, print a summary of its own or rewrite files. A
        case counts as passed only where the runner's own machine report says so, is whole, and fits the exit status.
        """
        ...
