"""How a task is worded for a model that is too small to keep to a form."""

from __future__ import annotations

import pytest
from codeconductor.dispatch import question
from codeconductor.testing.values import a_model, a_task

SMALL = a_model(parameters=135_000_000)


def wording(text: str, **fields: str | None) -> str:
    (message,) = question(a_task(text, **fields), SMALL).messages
    assert message.role == "user"
    return message.content


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("Write a function is_palindrome(text) that ignores case", "def is_palindrome(text):"),
        ("Write add(a: int, b: int = 0), and document add(a: int, b: int = 0)", "def add(a: int, b: int = 0):"),
        ("Write a function now()", "def now():"),
    ],
)
def test_a_small_model_is_given_the_head_of_the_function_that_the_task_names(text: str, head: str) -> None:
    """Left to itself it forgets the name, and nothing can call what it writes."""
    assert wording(text).startswith(text)
    assert wording(text).endswith(f"```python\n{head}\n    ...\n```")


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that adds two numbers",
        "Convert push(item) and pop() into a class",
        "Write a function is_even(n, see below)",
        "Use f(1) as a check",
        "Write print(f'{x}')",
        "Write f(a=1is 2, b=)",
    ],
)
def test_without_one_function_named_with_its_parameters_no_head_is_made_up(text: str) -> None:
    """Several names, an example call, or a remark in parentheses are no head of a function."""
    assert wording(text) == f"{text}\n\nWrite Python code only, in one code block."


def test_other_languages_are_asked_without_a_head() -> None:
    """Their functions begin in other ways."""
    text = "Write a function add(a, b)"
    assert wording(text, language="rust") == f"{text}\n\nWrite Rust code only, in one code block."
