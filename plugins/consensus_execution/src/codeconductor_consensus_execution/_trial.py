"""Tries the candidates of one task: on its examples all of them, on inputs that are made those that pass."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
from codeconductor import frozen

from codeconductor_consensus_execution._examples import cases_in, cases_of, planned
from codeconductor_consensus_execution._inputs import make_inputs
from codeconductor_consensus_execution._outcomes import Row, classified, same_twice
from codeconductor_consensus_execution._programs import Program, program_of
from codeconductor_consensus_execution._stdin import make_texts
from codeconductor_consensus_execution._target import Target, guessed, target_of, usual_parameters
from codeconductor_consensus_execution._values import ABSOLUTE, same_print, same_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Outcome, Task

    from codeconductor_consensus_execution._cases import Case

INPUTS = 40
"""Inputs that are made for a function; beyond, a hundred more separated no further candidate of our recordings."""

TEXTS = 24
"""Inputs that are made for a program on standard input, each of which runs the whole of it."""

TWICE = 2
"""Inputs that are given twice, to notice what depends on chance or on earlier calls."""

WRITTEN = 12
"""Inputs that are taken over from the tests that models wrote, those of most models first."""

_ITSELF = "def itself(value):\n    return value\n"


@frozen(kw_only=True)
class Trial:
    """What the candidates did; everything is by the answer's position, and identical programs were run once.

    Attributes:
        target: What was called.
        programs: The program of each answer; None where it has none.
        cases: The task's examples, where they filter.
        passed: How many of them each answer's program passes; -1 without a program.
        left: The answers that pass the most, which alone were given the inputs.
        inputs: Those of the tests that models wrote, then those that were made, and examples that do not filter.
        written: Tests that models wrote, whose inputs are the first ones; what they expect is a model's word.
        outcomes: By answer: of the examples, then of the inputs; empty without a program.
        rows: Classes of the outcomes on `inputs`, for the answers in `left`.
        failing: For each input the classes that are exceptions.
        sound: Places of the inputs that count: on the others half of the candidates or more raised an exception.
        unstable: Answers whose programs did not do the same twice; they match nobody.
    """

    target: Target
    programs: tuple[Program | None, ...]
    cases: tuple[Case, ...]
    passed: tuple[int, ...]
    left: tuple[int, ...]
    inputs: tuple[str, ...]
    written: tuple[Case, ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    rows: dict[int, Row]
    failing: tuple[frozenset[int], ...]
    sound: tuple[int, ...]
    unstable: frozenset[int]


async def tried(task: Task, answers: Sequence[Answer], bench: Bench, *, filters: bool = True) -> Trial | None:
    """Run the candidates; None where there is nothing to run: no sandbox, no entry point, no program.

    Args:
        filters: Leave those that pass most examples; else examples are inputs like others, and all are left.
    """
    if not bench.can_run or task.language not in ("python", None):
        return None
    target = target_of(task) or guessed(task, answers)
    if target is None:
        return None
    programs = tuple(program_of(answer, target) for answer in answers)
    distinct = {program.shape: program.source for program in programs if program is not None}
    if not distinct:
        return None
    known = cases_of(task, target)
    if target.parameters is None and not target.is_program:
        target = attrs.evolve(
            target, parameters=usual_parameters(target, [p.source for p in programs if p is not None])
        )
    cases = known if filters else ()
    results = await _examples(cases, distinct, target, bench)
    met = await _met(cases, results, bench)
    passed = tuple(-1 if program is None else met[program.shape] for program in programs)
    left = tuple(place for place, count in enumerate(passed) if count == max(passed))
    kept = {p.shape: p.source for i in left if (p := programs[i]) is not None}
    written = _written(answers, programs, target, {case.input for case in known})
    inputs = _inputs(task, target, known, written, bench.seed)
    if not filters:
        inputs = (*inputs, *(case.input for case in known if case.input not in inputs))
    twice = inputs[:TWICE]
    made: dict[str, tuple[Outcome, ...]] = {}
    if inputs:
        ran = await bench.run(list(kept.values()), [*inputs, *twice], target.entry_point)
        made = {shape: tuple(row) for shape, row in zip(kept, ran, strict=True)}
    table = classified(list(made.values()))
    rows = dict(zip(made, table.rows, strict=True))
    wavering = {shape for shape, row in made.items() if not all(map(same_twice, row[: len(twice)], row[len(inputs) :]))}
    by_answer = {i: rows[p.shape][: len(inputs)] for i in left if (p := programs[i]) is not None and p.shape in rows}
    return Trial(
        target=target,
        programs=programs,
        cases=cases,
        passed=passed,
        left=left,
        inputs=inputs,
        written=written,
        outcomes=tuple(
            () if p is None else (*results[p.shape], *made.get(p.shape, ())[: len(inputs)]) for p in programs
        ),
        rows=by_answer,
        failing=table.failing[: len(inputs)],
        sound=_sound(by_answer, table.failing, len(inputs)),
        unstable=frozenset(i for i in left if (p := programs[i]) is not None and p.shape in wavering),
    )


async def _examples(
    cases: Sequence[Case], programs: dict[str, str], target: Target, bench: Bench
) -> dict[str, tuple[Outcome, ...]]:
    if not cases:
        return dict.fromkeys(programs, ())
    ran = await bench.run(list(programs.values()), [case.input for case in cases], target.entry_point)
    return {shape: tuple(row) for shape, row in zip(programs, ran, strict=True)}


async def _met(cases: Sequence[Case], results: dict[str, tuple[Outcome, ...]], bench: Bench) -> dict[str, int]:
    """How many examples each program passes."""
    wanted = await expected(cases, bench)
    return (
        {
            shape: sum(meets(outcome, case, it) for outcome, case, it in zip(row, cases, wanted, strict=True))
            for shape, row in results.items()
        }
        if cases
        else dict.fromkeys(results, 0)
    )


async def expected(cases: Sequence[Case], bench: Bench) -> list[Outcome | None]:
    """What cases expect, in the canonical form; None for what is no value.

    It is source text, which the sandbox evaluates: by a program of ours, in a process that no candidate shares.
    """
    sources = [case.expected for case in cases if case.check in ("equals", "close")]
    told: list[Outcome] = []
    if sources:
        (row,) = await bench.run([_ITSELF], sources, "itself")
        told = list(row)
    return [told.pop(0) if case.check in ("equals", "close") else None for case in cases]


def meets(outcome: Outcome, case: Case, wanted: Outcome | None) -> bool:
    """Whether an outcome is what a case expects."""
    if case.check == "printed":
        return outcome.kind == "printed" and same_print(outcome.value, case.expected)
    if case.check == "raises":
        return outcome.kind == "raised" and outcome.value == case.expected
    if wanted is None or wanted.kind != "returned" or outcome.kind != "returned":
        return False
    return same_value(outcome.value, wanted.value, "lenient", max(case.tolerance, ABSOLUTE))


def _written(
    answers: Sequence[Answer], programs: Sequence[Program | None], target: Target, known: set[str]
) -> tuple[Case, ...]:
    """The tests in programs and plans, of each input the first; those that most of them have go first."""
    found: dict[str, Case] = {}
    counts: Counter[str] = Counter()
    tests = [cases_in(code, target) for code in sorted({program.code for program in programs if program is not None})]
    tests += [planned(plan, target) for plan in sorted({_planned(answer) for answer in answers})]
    for cases in tests:
        for case in cases:
            if case.input not in known:
                found.setdefault(case.input, case)
                counts[case.input] += 1
    ranked = sorted(found, key=lambda source: (-counts[source], len(source), source))
    return tuple(found[source] for source in ranked[:WRITTEN])


def _planned(answer: Answer) -> str:
    """The tests of an answer's proposal, a line each."""
    tests = (answer.data or {}).get("tests")
    return "\n".join(map(str, tests)) if isinstance(tests, list) else ""


def _inputs(task: Task, target: Target, cases: Sequence[Case], written: Sequence[Case], seed: int) -> tuple[str, ...]:
    examples = [case.input for case in cases]
    if target.is_program:
        return make_texts(task.text, examples, seed=seed, count=TEXTS)
    own = [case.input for case in written]
    made = make_inputs(task.text, target.parameters or (), examples, seed=seed, count=INPUTS)
    return (*own, *(source for source in made if source not in own))


def _sound(rows: dict[int, Row], failing: Sequence[frozenset[int]], count: int) -> tuple[int, ...]:
    """The inputs on which most candidates give a result: what most refuse was not meant."""
    return tuple(
        place
        for place in range(count)
        if 2 * sum(row[place] is not None and row[place] not in failing[place] for row in rows.values()) > len(rows)
    )
