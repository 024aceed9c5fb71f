"""A bench that runs the tests' own programs in this process, and deciding with it."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Outcome
from codeconductor.testing import ScriptedBench, a_bench, a_task
from codeconductor_consensus_execution._strategies import B4, MBR, CodeT, Execution
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeconductor import Answer, Consensus

# no test may depend on the machine's speed
settings.register_profile("consensus_execution", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("consensus_execution")

STRATEGIES = {"execution": Execution(), "mbr": MBR(), "codet": CodeT(), "b4": B4()}


@attrs.frozen
class TrustingBench(ScriptedBench):
    """Runs what it is given without a sandbox: the tests' own programs, which are written here.

    Attributes:
        ran: (number of programs, inputs, entry point) of each call.
    """

    ran: list[tuple[int, tuple[str, ...], str]] = attrs.field(factory=list)

    @property
    def can_run(self) -> bool:
        """It does."""
        return True

    async def run(self, programs: Sequence[str], inputs: Sequence[Any], entry_point: str) -> Sequence[Sequence[Any]]:
        """A row of outcomes a program."""
        self.ran.append((len(programs), tuple(inputs), entry_point))
        return [_ran(program, inputs, entry_point) for program in programs]


def _ran(program: str, inputs: Sequence[str], entry_point: str) -> list[Outcome]:
    if not entry_point:
        return [_printed(program, text) for text in inputs]
    names: dict[str, Any] = {}
    try:
        exec(program, names)
        called = eval(entry_point, names)
    except Exception:
        return [Outcome("absent")] * len(inputs)
    return [_called(called, names, source) for source in inputs]


def _called(called: Any, names: dict[str, Any], source: str) -> Outcome:
    args, kwargs = eval(f"(lambda *a, **k: (a, k))({source}\n)", names)
    before = _encoded([*args, kwargs])
    try:
        value = called(*args, **kwargs)
    except TimeoutError:  # by which a test's program says that it would hang
        return Outcome("timeout")
    except Exception as exc:
        return Outcome("raised", type(exc).__name__)
    after = _encoded([*args, kwargs])
    return Outcome("returned", _encoded(value), after if after != before else None)


def _printed(program: str, text: str) -> Outcome:
    printed = io.StringIO()
    lines = iter(text.split("\n"))
    try:
        with redirect_stdout(printed):
            exec(program, {"__name__": "__main__", "input": lambda: next(lines)})
    except Exception as exc:
        return Outcome("raised", type(exc).__name__)
    return Outcome("printed", printed.getvalue())


def _encoded(value: Any) -> str:
    return json.dumps(_form(value), separators=(",", ":"))


def _form(value: Any) -> Any:
    if isinstance(value, float):
        return ["float", repr(value)]
    if isinstance(value, list | tuple):
        return [type(value).__name__, [_form(item) for item in value]]
    if isinstance(value, dict):
        return ["dict", sorted(([_form(key), _form(item)] for key, item in value.items()), key=json.dumps)]
    return value


@pytest.fixture(scope="session")
def new_bench() -> type[TrustingBench]:
    """Make a bench that runs what it is given."""
    return TrustingBench


@pytest.fixture(scope="session")
def decide() -> Callable[..., Consensus]:
    """Let a strategy decide; what is not named is a field of the task."""

    def decided(
        answers: Sequence[Answer],
        strategy: str = "execution",
        weights: dict[str, float] | None = None,
        bench: ScriptedBench | None = None,
        **task: Any,
    ) -> Consensus:
        known = a_bench(answers, weights=weights).weights
        bench = TrustingBench(weights=known) if bench is None else bench
        return asyncio.run(STRATEGIES[strategy].decide(a_task(**task), answers, bench))

    return decided
