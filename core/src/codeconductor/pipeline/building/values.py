"""A build: everything that is known of one pass through the loop, kept as it grows; and how it is read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import attrs

from codeconductor.dispatch import Failure
from codeconductor.handover import Approval
from codeconductor.pipeline.run import new_id
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.errors import ConductorError

Outcome = Literal["passed", "failed", "rejected", "no_change", "coder_failed", "conflict", "no_models"]

Phase = Literal["agreeing", "testing", "writing", "approving", "verifying", "applying", "over"]
"""What is to be done next: where an interrupted build goes on."""

EXITS: dict[Outcome, int] = {
    "passed": 0, "failed": 7, "rejected": 6, "no_change": 4, "coder_failed": 4, "conflict": 8, "no_models": 3,
}  # fmt: skip


@frozen(kw_only=True)
class Plan:
    """What was asked for on the command line.

    Attributes:
        text: The task.
        context: Paths of files that the models may read.
        folder: The absolute path of the folder that is to be changed.
        tests: Paths of the tests that the user gives.
        coder: Name of who writes.
        rounds: How often at most.
        apply: Whether what is green is put into the folder.
        overrides: Settings tables of the command line.
    """

    text: str
    context: tuple[str, ...] = ()
    folder: str
    tests: tuple[str, ...] = ()
    coder: str = "local"
    rounds: int = 3
    apply: Literal["auto", "never"] = "auto"
    overrides: Mapping[str, Any] = attrs.field(factory=dict)


@frozen(kw_only=True)
class Round:
    """One round: what was written, what a person said, and what came of the tests.

    Attributes:
        round: 1, 2 …
        files: (path, action) of every file that the coder changed, against the start.
        diff: Of all of them.
        approval: What was decided.
        verification: As in ``conductor.verification/1``; None: nothing was run.
        green: Whether at least one test ran, all passed, and the report is whole.
        error: What went wrong with the coder or the tests.
        output: What the coder said, cut.
        model: Id of the model that wrote, where it is known.
        kept: Paths of what was verified; None: nothing was.
        chosen: Whether what was verified is the code of the chosen answer, word for word.
    """

    round: int
    files: tuple[tuple[str, str], ...] = ()
    diff: str = attrs.field(default="", repr=False)
    approval: Approval = attrs.field(factory=lambda: Approval(decision="not_asked"))
    verification: Mapping[str, Any] | None = None
    green: bool = False
    error: Failure | None = None
    output: str = attrs.field(default="", repr=False)
    model: str | None = None
    kept: tuple[str, ...] | None = None
    chosen: bool = False


@frozen(kw_only=True)
class Build:
    """One pass through the loop.

    Attributes:
        id: A ULID in lower case, that of its run too.
        plan: What was asked for.
        run: As in ``conductor.run/1``, without its schema; None: no model was found, or not yet.
        rounds: In order.
        tests: The tests that the models proposed, as far as they were needed: a round of their own.
        outcome: None while it goes on.
        error: What ended it, where it is more than the outcome says.
        warnings: What is worth a person's attention.
        applied: Whether the folder has the changes now.
        patch: Where the diff is saved.
        phase: What is to be done next.
    """

    plan: Plan
    id: str = attrs.field(factory=new_id)
    started: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    run: Mapping[str, Any] | None = None
    rounds: tuple[Round, ...] = ()
    tests: Round | None = None
    outcome: Outcome | None = None
    error: ConductorError | None = None
    warnings: tuple[str, ...] = ()
    applied: bool = False
    patch: str | None = None
    phase: Phase = "agreeing"

    @property
    def best(self) -> Round | None:
        """The round that got furthest: green, else with most tests passed and fewest failed, the later among equals."""

        def rate(one: Round) -> tuple[bool, bool, int, int, int]:
            told = one.verification or {}
            failed = int(told.get("failed", 0)) + int(told.get("errors", 0))
            return one.green, one.verification is not None, int(told.get("passed", 0)), -failed, one.round

        return max((one for one in self.rounds if one.files), key=rate, default=None)


def to_state(build: Build) -> dict[str, Any]:
    """A build as plain data, for `from_state`."""
    from codeconductor.converters import to_plain

    state: dict[str, Any] = to_plain(attrs.evolve(build, error=None))
    state["started"] = build.started.isoformat()
    return state


def from_state(state: Mapping[str, Any]) -> Build:
    """A build as it was when `to_state` wrote it; KeyError or TypeError where that is none."""
    fields = dict(state)
    plan = dict(fields["plan"])
    plan |= {"context": tuple(plan["context"]), "tests": tuple(plan["tests"])}
    fields["plan"] = Plan(**plan)
    fields["started"] = datetime.fromisoformat(fields["started"])
    fields["rounds"] = tuple(map(_round, fields["rounds"]))
    fields["tests"] = _round(fields["tests"]) if fields["tests"] else None
    fields["warnings"] = tuple(fields["warnings"])
    return Build(**fields)


def _round(state: Mapping[str, Any]) -> Round:
    fields = dict(state)
    approval = dict(fields["approval"])
    approval["named"] = frozenset(approval["named"])
    approval["paths"] = None if approval["paths"] is None else frozenset(approval["paths"])
    fields["approval"] = Approval(**approval)
    fields["files"] = tuple((path, action) for path, action in fields["files"])
    fields["error"] = Failure(**fields["error"]) if fields["error"] else None
    fields["kept"] = None if fields["kept"] is None else tuple(fields["kept"])
    return Round(**fields)
