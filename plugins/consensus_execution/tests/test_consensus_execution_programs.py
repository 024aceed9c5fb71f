"""Taking the program out of an answer."""

from __future__ import annotations

from textwrap import indent
from typing import Any

import pytest
from codeconductor import program_shape
from codeconductor.testing import a_task, an_answer
from codeconductor_consensus_execution._programs import program_of
from codeconductor_consensus_execution._target import Parameter, target_of

PROMPT = '''\
from typing import List
import math

def helper(x):
    return x + 1

def total(numbers: List[int], start: int = 0) -> int:
    """Add them up.

    >>> total([1, 2])
    3
    """
'''

WHOLE = '''\
def total(numbers: List[int], start: int = 0) -> int:
    """Add them up."""
    result = start
    for number in numbers:
        result += number
    return result
'''

BODY = "    result = start\n    for number in numbers:\n        result += number\n    return result\n"


def run(answer: str, **task: Any) -> Any:
    """What the entry point of the answer's program gives for ([1, 2], 4); it is trusted, as it stands above."""
    task = {"text": PROMPT, "entry_point": "total"} | task
    target = target_of(a_task(**task))
    assert target is not None
    program = program_of(an_answer(answer), target)
    if program is None:
        return None
    names: dict[str, Any] = {}
    exec(program.source, names)
    called = getattr(names[target.class_name](), target.name) if target.class_name else names[target.name]
    return called([1, 2], 4)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"Here it is:\n\n```python\n{WHOLE}```\nIt adds.",
        f"Here it is:\n\n```\n{WHOLE}",
        f"```python\nprint(total([1]))\n```\nThe function:\n```python\n{WHOLE}```\n```bash\npython it.py\n```",
        f"<think>\n```python\ndef total(a, b):\n    return 0\n```\n</think>\n```python\n{WHOLE}```",
        BODY,
        f"```python\n{BODY}```",
        BODY.removeprefix("    "),
        BODY.replace("    ", "   "),
        BODY.replace("    ", "\t"),
        f"{BODY}\n\nThis adds all of them up.",
        f"{BODY}\n\ndef main():\n    print(total(",
        "return sum(numbers) + start```",
        f"{WHOLE}\nI hope that helps!",
        WHOLE.replace("total", "sum_all"),
        "class Solution:\n" + indent(WHOLE.replace("(numbers", "(self, numbers"), "    "),
        "```python\ndef add(a, b):\n    return a + b\n```\nand with it\n```python\ndef total(numbers, start=0):\n"
        "    for number in numbers:\n        start = add(start, number)\n    return start\n```",
        "```java\nint total;\n```\n```py\n" + WHOLE + "```",
        "total = lambda numbers, start=0: sum(numbers) + start\nassert total([1]) == 1",
    ],
    ids=[
        "whole", "fence", "unclosed", "several", "reasoning", "body", "fenced-body", "first-line", "blanks", "tabs",
        "prose-behind", "cut", "one-line", "bare-and-prose", "other-name", "wrapped", "helping", "other-language",
        "lambda",
    ],
)  # fmt: skip
def test_the_program_is_found(text: str) -> None:
    """However a model wraps or cuts it."""
    assert run(text) == 7


@pytest.mark.parametrize(
    "text", ["I cannot do that.", "```json\n{}\n```", "def other(a, b, c, d):\n    return 1\n", "```\n```"]
)
def test_what_is_no_program_is_none(text: str) -> None:
    """Prose, data, and a function with other parameters."""
    assert run(text) is None


def test_a_method_is_found_by_name_and_by_signature() -> None:
    """`Solution().total`: in the class, in a class whose method has another name, or outside of it."""
    task = {
        "text": "Add.\n\n```python\nclass Solution:\n    def total(self, numbers: List[int], k: int):\n        \n```",
        "entry_point": "Solution().total",
    }
    method = (
        "class Solution:\n    def total(self, numbers: List[int], start: int):\n"
        "        return reduce(add, numbers, start)\n\ndef add(a, b):\n    return a + b\n"
    )
    assert run(method, **task) == 7
    assert run(method.replace("def total", "def sum_up"), **task) == 7
    assert run("def total(numbers, start):\n    return sum(numbers, start)\n", **task) == 7
    assert run("        return sum(numbers, k)", **task) == 7


def test_what_the_task_shows_is_known() -> None:
    """Signature, helpers before it, and parameters."""
    target = target_of(a_task(text=PROMPT, entry_point="total"))
    assert target is not None
    assert target.parameters == (
        Parameter(name="numbers", annotation="List[int]"),
        Parameter(name="start", annotation="int", optional=True),
    )
    assert "def helper" in target.head
    assert target.stub.startswith("def total(")
    assert target.stub.endswith('"""\n')


def test_without_an_entry_point_there_is_no_target() -> None:
    """The candidates have to tell; a whole program needs none."""
    assert target_of(a_task()) is None
    for fields in ({"entry_point": ""}, {"style": "stdin"}):
        target = target_of(a_task(**fields))
        assert target is not None
        assert target.is_program


@pytest.mark.parametrize(
    "text",
    [
        "n = int(input())\nprint(n * 2)\n",
        "Read it:\n```python\nn = int(input())\nprint(n * 2)\n```\nwhich prints\n```\n4\n```",
        "def main():\n    print(int(input()) * 2)\n\nif __name__ == '__main__':\n    main()",
        "def main():\n    print(int(input()) * 2)\n",
    ],
    ids=["bare", "fenced", "guarded", "never-called"],
)
def test_a_whole_program_does_something(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its main function is called where the answer forgot to."""
    target = target_of(a_task(entry_point=""))
    assert target is not None
    program = program_of(an_answer(text), target)
    assert program is not None
    monkeypatch.setattr("builtins.input", lambda: "2")
    exec(program.source, {"__name__": "__main__"})
    assert capsys.readouterr().out == "4\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WHOLE, WHOLE.replace("result", "sum_").replace("number ", "n ").replace("+= number", "+= n")),
        (
            WHOLE,
            WHOLE.replace('    """Add them up."""\n', "    # adds\n\n")
            .replace(": List[int]", "")
            .replace(" -> int", ""),
        ),
        (
            "def f(a):\n    def g(b):\n        return a + b\n    return g(a)",
            "def f(a):\n    def h(c):\n        return a + c\n    return h(a)",
        ),
    ],
    ids=["locals", "docstring", "nested"],
)
def test_programs_with_other_local_names_are_one(one: str, other: str) -> None:
    """Names, comments, docstrings, annotations and layout do not count."""
    assert one != other
    assert program_shape(one) == program_shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WHOLE, WHOLE.replace("+=", "-=")),
        ("x = 1", "x = 1.0"),
        ("def f(a):\n    return a.x", "def f(a):\n    return a.y"),
        ("def f(a, b):\n    return a - b", "def f(b, a):\n    return a - b"),
        ("def f(a):\n    return locals()", "def f(b):\n    return locals()"),
        (
            "def g(a=1):\n    return a\ndef f(x):\n    return g(a=x)",
            "def g(b=1):\n    return b\ndef f(x):\n    return g(b=x)",
        ),
        ("def f(", "def f(("),
    ],
)
def test_programs_that_may_differ_are_two(one: str, other: str) -> None:
    """A constant's type, an attribute, the order of parameters, names that are read or given by keyword."""
    assert program_shape(one) != program_shape(other)


def test_the_parameters_of_what_is_called_count() -> None:
    """Its arguments may be given by name."""
    one, other = "def f(a):\n    return a", "def f(b):\n    return b"
    assert program_shape(one, "f") != program_shape(other, "f")
    assert program_shape(one) == program_shape(other)


def test_a_large_answer_takes_no_time() -> None:
    """Ten megabytes that are no program are given up at once, and a deep nest is no fault."""
    assert run("x = (" * 2_000_000) is None
    assert run("(" * 100_000 + "```") is None
