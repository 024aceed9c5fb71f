"""What a pool tells of programs and their inputs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import pytest
from codeconductor.sandbox import Limits, Outcome, Pool, trial_of
from codeconductor.sandbox.pool import _outcomes
from codeconductor.sandbox.tiers import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.sandbox import Sandbox

AMPLE = Limits(seconds=120.0)

HANGING = Outcome("timeout")


class Run(Protocol):
    def __call__(
        self, programs: str | Sequence[str], *inputs: str, entry_point: str = "f", limits: Limits = AMPLE
    ) -> list[list[Outcome]]: ...


class RunHanging(Protocol):
    def __call__(self, program: str, *inputs: str, entry_point: str = "f") -> list[Outcome]: ...


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    found = [sandbox for tier in BUILTIN if (sandbox := trial_of(tier).sandbox) is not None]
    if not found or found[0].strength == "none":
        pytest.skip("no sandbox works here")
    return found[0]


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Run programs in a pool of one interpreter that is closed at the end."""

    def run(
        programs: str | Sequence[str], *inputs: str, entry_point: str = "f", limits: Limits = AMPLE
    ) -> list[list[Outcome]]:
        async def rows() -> list[list[Outcome]]:
            pool = Pool(sandbox, limits, size=1)
            try:
                return await pool.run([programs] if isinstance(programs, str) else programs, inputs, entry_point)
            finally:
                await pool.aclose()

        return asyncio.run(rows())

    return run


@pytest.fixture
def run_hanging(run: Run) -> RunHanging:
    """Run a program that hangs at one input within the time that the machine needs for the others."""

    def run_hanging(program: str, *inputs: str, entry_point: str = "f") -> list[Outcome]:
        for seconds in (2.0, 20.0, 100.0):
            (row,) = run(program, *inputs, entry_point=entry_point, limits=Limits(seconds=seconds))
            if row.count(HANGING) == 1:
                break
        return row

    return run_hanging


def returned(text: str, arguments: str | None = None) -> Outcome:
    return Outcome("returned", text, arguments)


class TestCalls:
    """A function is called once an input."""

    def test_rows_are_in_the_order_of_programs_and_of_inputs(self, run: Run) -> None:
        programs = [f"def f(x): return x * {factor}" for factor in range(4)]
        assert run(programs, "1", "'a'") == [
            [returned("0"), returned('""')],
            [returned("1"), returned('"a"')],
            [returned("2"), returned('"aa"')],
            [returned("3"), returned('"aaa"')],
        ]

    def test_arguments_stand_as_between_parentheses(self, run: Run) -> None:
        program = "def f(a, b=2, *rest, k=None): return [a, b, rest, k]"
        assert run(program, "1, *[5, 6], k={'x': 1}", "3  # as it was given", "") == [
            [
                returned('["list",[1,5,["tuple",[6]],["dict",[["x",1]]]]]'),
                returned('["list",[3,2,["tuple",[]],null]]'),
                Outcome("raised", "TypeError"),
            ]
        ]

    def test_arguments_are_evaluated_among_the_names_of_the_program(self, run: Run) -> None:
        program = "class Node:\n def __init__(self, value): self.value = value\ndef f(node): return node.value"
        assert run(program, "Node(4)", "Missing(4)") == [[returned("4"), Outcome("raised", "NameError")]]

    def test_a_method_is_called_on_an_object_of_its_own_each_time(self, run: Run) -> None:
        program = (
            "class Solution:\n def __init__(self): self.seen = []\n"
            " def add(self, x):\n  self.seen.append(x)\n  return self.seen"
        )
        assert run(program, "1", "2", entry_point="Solution().add") == [
            [returned('["list",[1]]'), returned('["list",[2]]')]
        ]

    def test_what_is_not_there_is_absent(self, run: Run) -> None:
        assert run("def g(x): return x\nf = 3", "1", "2") == [[Outcome("absent"), Outcome("absent")]]
        assert run("class Solution: pass", "1", entry_point="Solution().add") == [[Outcome("absent")]]
        assert run("", "1", entry_point="Solution().add") == [[Outcome("absent")]]

    def test_arguments_that_the_call_has_changed_are_told(self, run: Run) -> None:
        program = "def f(values, more=()): values.sort()"
        assert run(program, "[2, 1]", "[1, 2]", "[2, 1], more=[3]") == [
            [
                returned("null", '["tuple",[["tuple",[["list",[1,2]]]],["dict",[]]]]'),
                returned("null"),
                returned("null", '["tuple",[["tuple",[["list",[1,2]]]],["dict",[["more",["list",[3]]]]]]]'),
            ]
        ]

    def test_an_iterator_among_the_arguments_is_left_whole(self, run: Run) -> None:
        assert run("def f(values): return sum(values)", "iter([1, 2])", "(x for x in [3])") == [
            [returned("3"), returned("3")]
        ]

    def test_a_coroutine_is_awaited(self, run: Run) -> None:
        assert run("async def f(x): return x", "1") == [[returned("1")]]

    def test_a_program_does_not_run_what_is_meant_for_the_command_line(self, run: Run) -> None:
        assert run("def f(x): return x\nif __name__ == '__main__':\n raise SystemExit(3)", "1") == [[returned("1")]]

    def test_dataclasses_find_their_module(self, run: Run) -> None:
        program = (
            "from __future__ import annotations\nfrom dataclasses import dataclass\n"
            "@dataclass\nclass Point:\n x: int\ndef f(x): return Point(x)"
        )
        assert run(program, "1") == [[returned('["object","Point",[["x",1]]]')]]

    def test_sets_have_one_order_in_every_run(self, run: Run) -> None:
        program = "def f(words): return list(set(words))"
        first, second = (run(program, "'the order of these is by chance'.split()") for _ in range(2))
        assert first == second

    def test_a_program_that_is_given_again_has_other_random_numbers(self, run: Run) -> None:
        program = "import random\ndef f(): return random.random()"
        first, second, third = run([program, program, "import random\n\ndef f(): return random.random()"], "")
        assert first == third
        assert first != second

    def test_no_program_and_no_input_are_no_outcomes(self, run: Run) -> None:
        assert run([], "1") == []
        assert run(["def f(x): return x"]) == [[]]


class TestReruns:
    """What comes behind an input at which the process ended is tried in a new one."""

    PROGRAM = "import os\ndef f(x):\n if x < 0: os._exit(3)\n return x"

    def test_the_inputs_behind_one_that_ended_it_are_run(self, run: Run) -> None:
        assert run(self.PROGRAM, "1", "-1", "2", "-1", "3") == [
            [returned("1"), Outcome("died"), returned("2"), Outcome("died"), returned("3")]
        ]

    def test_after_two_more_processes_the_rest_is_told_as_the_last(self, run: Run) -> None:
        assert run(self.PROGRAM, "-1", "-1", "-1", "4", "5") == [[Outcome("died")] * 5]

    def test_the_inputs_behind_one_that_hangs_are_run(self, run_hanging: RunHanging) -> None:
        program = "def f(x):\n while x < 0: pass\n return x"
        assert run_hanging(program, "1", "-1", "2") == [returned("1"), HANGING, returned("2")]


class TestWholePrograms:
    """A program without an entry point reads standard input and prints, in a process of its own each time."""

    def test_it_is_told_what_it_printed(self, run: Run) -> None:
        program = "import sys\nfor line in sys.stdin: print(line.strip()[::-1])"
        assert run(program, "abc\ndef\n", "", entry_point="") == [
            [Outcome("printed", "cba\nfed\n"), Outcome("printed")]
        ]

    @pytest.mark.parametrize(
        "program",
        [
            "print(input())",
            "import os\nos.write(1, os.read(0, 99))",
            "print(open(0).read())",
            "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
            "import sys\nsys.stdout.write(sys.stdin.readline())\nsys.exit()",
            "import os\nos.write(1, os.read(0, 99))\nos._exit(0)",
            "if __name__ == '__main__':\n print(input())",
            "import threading\nthread = threading.Thread(target=lambda: print(input()))\nthread.start()\nthread.join()",
        ],
    )
    def test_it_reads_and_prints_by_whatever_means(self, run: Run, program: str) -> None:
        (row,) = run(program, "one", "two", entry_point="")
        assert [(outcome.kind, outcome.value.strip()) for outcome in row] == [("printed", "one"), ("printed", "two")]

    def test_each_input_finds_a_program_that_has_not_run(self, run: Run) -> None:
        program = "import builtins\nprint(getattr(builtins, 'seen', 'new'))\nbuiltins.seen = 'old'"
        assert run(program, "", "", entry_point="") == [[Outcome("printed", "new\n")] * 2]

    @pytest.mark.parametrize(
        ("program", "outcome"),
        [
            ("1 / 0", Outcome("raised", "ZeroDivisionError")),
            ("print('here')\nraise KeyError(1)", Outcome("raised", "KeyError")),
            ("import sys\nsys.exit(2)", Outcome("raised", "SystemExit")),
            ("raise SystemExit", Outcome("printed")),
            ("import os\nos._exit(2)", Outcome("died")),
            ("import os\nos.abort()", Outcome("died")),
            ("def f(:", Outcome("raised", "SyntaxError")),
            ("while True: print('flood')", Outcome("unreadable")),
            ("import os\nos.write(1, bytes([255, 254]))", Outcome("unreadable")),
            ("print('a\\0b')", Outcome("printed", "a\0b\n")),
        ],
    )
    def test_how_it_ended_is_told(self, run: Run, program: str, outcome: Outcome) -> None:
        assert run(program, "", "", entry_point="") == [[outcome, outcome]]

    def test_a_child_that_keeps_its_output_open_is_not_waited_for(self, run: Run) -> None:
        program = "import os, signal\nprint('here', flush=True)\nif os.fork() == 0: signal.pause()"
        assert run(program, "", "", entry_point="") == [[Outcome("printed", "here\n")] * 2]

    def test_the_inputs_behind_one_that_hangs_are_run(self, run_hanging: RunHanging) -> None:
        program = "word = input()\nwhile word == 'hang': pass\nprint(word)"
        assert run_hanging(program, "a", "hang", "b", entry_point="") == [
            Outcome("printed", "a\n"),
            HANGING,
            Outcome("printed", "b\n"),
        ]

    def test_a_large_input_arrives_whole(self, run: Run) -> None:
        text = "x" * 3_000_000
        assert run("import sys\nprint(len(sys.stdin.read()))", text, entry_point="") == [
            [Outcome("printed", "3000000\n")]
        ]


class TestLines:
    """What a process says of itself is data, and may be anything."""

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"no JSON",
            b"[]",
            b'{"kind": "returned"}',
            b'["returned", 1, null]',
            b'["returned", "no JSON", null]',
            b'["returned", "NaN", null]',
            b'["returned", "1", 2]',
            b'["returned", "1", "no JSON"]',
            b'["timeout", "", null]',
            b'["returned", "1", null, null]',
            b'["\\ud800", "1", null]',
            b"\xff\xfe",
            b"[" * 100_000,
            b'["returned", "' + b"[" * 100_000 + b'", null]',
            b"9" * 10_000,
        ],
    )
    def test_a_line_that_tells_nothing_ends_what_is_told(self, line: bytes) -> None:
        good = b'["returned", "1", null]'
        assert _outcomes([good, line, good], 3) == [returned("1")]

    def test_more_lines_than_inputs_tell_nothing(self) -> None:
        assert _outcomes([b'["returned", "1", null]'] * 3, 2) == [Outcome("unreadable")] * 2


def test_a_pool_that_is_closed_while_it_runs_ends_what_it_runs(sandbox: Sandbox) -> None:
    async def run_and_close() -> None:
        pool = Pool(sandbox, AMPLE, size=1)
        ready = await pool.run(["def f(x): return x"], ["1"], "f")
        assert ready == [[returned("1")]]
        hanging = asyncio.create_task(pool.run(["def f(x):\n while True: pass"] * 3, ["1"], "f"))
        while not any(zygote.served == 2 for zygote in pool._running):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises((Exception, asyncio.CancelledError)):
            await hanging
        assert not any(zygote._folder.exists() for zygote in pool._running)

    asyncio.run(run_and_close())


def test_an_interpreter_that_was_lost_costs_no_candidate(sandbox: Sandbox) -> None:
    """It is killed from outside, as by a machine that is out of memory; the program is run once more."""

    async def run_twice() -> list[list[Outcome]]:
        pool = Pool(sandbox, AMPLE, size=1)
        try:
            await pool.run(["def f(x): return x"], ["1"], "f")
            (zygote,) = pool._running
            zygote._started.process.kill()
            zygote._started.process.wait()
            return await pool.run(["def f(x): return x"], ["2"], "f")
        finally:
            await pool.aclose()

    assert asyncio.run(run_twice()) == [[returned("2")]]
