"""Code in replies as models really write them: in fences of every form, in the proposal, or without a fence."""

from __future__ import annotations

import json

import pytest
from codeconductor import fence_for, read_reply
from codeconductor.dispatch.fences import fences
from hypothesis import given
from hypothesis import strategies as st

CODE = "```python\nx = 1\n```\n"


def code_of(text: str) -> list[tuple[str | None, str | None, str]]:
    return [(block.language, block.path, block.text) for block in read_reply(text).code]


FUNCTION = "def add(a, b):\n    return a + b\n"


# Fences


@pytest.mark.parametrize(
    ("fence", "language", "path"),
    [
        ("```python", "python", None),
        ("```py", "python", None),
        ("```Python", "python", None),
        ("```js", "javascript", None),
        ("```c++", "c++", None),
        ("```objective-c", "objective-c", None),
        ("```", None, None),
        ("``` python", "python", None),
        ("```python src/a.py", "python", "src/a.py"),
        ("```python path=src/a.py", "python", "src/a.py"),
        ('```python title="src/a.py"', "python", "src/a.py"),
        ("```python {file=src/a.py}", "python", "src/a.py"),
        ("```src/a.py", None, "src/a.py"),
        ("```python:src/a.py", "python", "src/a.py"),
        ("src/a.py\n```python", "python", "src/a.py"),
        ("**src/a.py**\n\n```python", "python", "src/a.py"),
        ("### `src/a.py`\n```python", "python", "src/a.py"),
        ("File: src/a.py\n```python", "python", "src/a.py"),
        ("Filename: `a.py`:\n```python", "python", "a.py"),
        ("**File**: `src/a.py`\n```python", "python", "src/a.py"),
        ("1. **File: src/a.py**\n```python", "python", "src/a.py"),
        ("`__init__.py`\n```python", "python", "__init__.py"),
        ("__main__.py\n```python", "python", "__main__.py"),
        ("file.test.py\n```python", "python", "file.test.py"),
        ("Now look at a.py, it is fine:\n```python", "python", None),
    ],
)
def test_a_block_knows_its_language_and_its_path(fence: str, language: str | None, path: str | None) -> None:
    """In the info string, or alone on the line above."""
    assert code_of(f"{fence}\nx = 1\n```\n") == [(language, path, "x = 1\n")]


def test_a_path_above_belongs_to_its_own_block_alone() -> None:
    """Not to the next one."""
    assert [path for _, path, _ in code_of("a.py\n" + CODE + "\n" + CODE)] == ["a.py", None]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("1. Do:\n   ```python\n   if x:\n       y\n   ```\n", ["if x:\n    y\n"]),
        ('````python\nx = """\n```\n"""\n````\n', ['x = """\n```\n"""\n']),
        ("```python\nx = 1", ["x = 1\n"]),
        ("```python\n```\n", []),
        ("```python\n\n\n", []),
        ("Use ```inline``` code.\n" + CODE, ["x = 1\n"]),
        ("```print(1)```\nand then\n" + CODE, ["x = 1\n"]),
        ("~~~ `odd`\nx\n~~~\n", ["x\n"]),
        ("```python def f(x):\n    return x\n```\n", ["def f(x):\n    return x\n"]),
        ("  ```python class A(B):\n      pass\n  ```\n", ["class A(B):\n    pass\n"]),
        ("```python from a.b import c\nc()\n```\n", ["from a.b import c\nc()\n"]),
        ("```js const x = 1;\n```\n", ["const x = 1;\n"]),
        ("```python def f(x): return x```\n" + CODE, ["def f(x): return x\n", "x = 1\n"]),
        ("```python def f(x): return x", ["def f(x): return x\n"]),
        ("```text from the file\nx\n```\n", ["x\n"]),
        ("```python {title='def f(x)'}\nx\n```\n", ["x\n"]),
    ],
    ids=[
        "in a list",
        "four backticks",
        "never closed",
        "empty",
        "blank",
        "in a line",
        "a line of its own",
        "tildes",
        "head behind the language",
        "indented head",
        "import behind the language",
        "constant behind the language",
        "on one line",
        "on one line, never closed",
        "words behind the language",
        "attributes behind the language",
    ],
)
def test_blocks_are_found_as_markdown_means_them(text: str, blocks: list[str]) -> None:
    """Indented, nested, unclosed; code in a line opens nothing."""
    assert [block for _, _, block in code_of(text)] == blocks


@given(st.text())
def test_no_text_can_close_the_fence_that_is_made_for_it(text: str) -> None:
    """What is quoted in a prompt cannot break out of it."""
    fence = fence_for(text)
    closing = [line for line in text.split("\n") if line.strip().startswith(fence)]
    assert closing == []
    found = list(fences(f"{fence}\n{text}x\n{fence}\n"))
    assert [block.text for block in found if block.closed][:1] == [
        "".join(line.rstrip("\r") + "\n" for line in f"{text}x".split("\n"))
    ]


# Elsewhere


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FUNCTION.rstrip(), FUNCTION),
        (FUNCTION + "```", FUNCTION),
        (f"Sure, here it is:\n\n{FUNCTION}\nIt adds two numbers.\nHope this helps!", FUNCTION),
        (f'```json\n{{"approach": "a"}}\n```\n\n{FUNCTION}', FUNCTION),
        (f"LIMIT = 3\n\n{FUNCTION}\nThat is all.", f"LIMIT = 3\n\n{FUNCTION}"),
        ("a = int(input())\nprint(a + 1)", "a = int(input())\nprint(a + 1)\n"),
        ("    total = a + b\n    return total", "    total = a + b\n    return total\n"),
        ("    return a\n\n\ndef other():\n    pass", "    return a\n\n\ndef other():\n    pass\n"),
        ("return a + b", "return a + b\n"),
    ],
    ids=["alone", "end of a fence", "in prose", "plan", "constant", "script", "rest", "rest and more", "one line"],
)
def test_python_without_a_fence_is_code(text: str, code: str) -> None:
    """Small models answer so, and some only go on where a function's head ended."""
    assert code_of(text) == [("python", None, code)]


@pytest.mark.parametrize(
    "text",
    [
        "import this\n",
        "def is a keyword of Python",
        "from here on it goes\n\nclass of 2020",
        "42",
        "answer = 42",
        "Answer: B\nReason: A",
        "  hello",
        "get_weather(city='Oslo')",
        "def half(",
        "def half():",
        "x = 1\n" * 20_000,
    ],
)
def test_prose_and_values_are_no_code(text: str) -> None:
    """However much like Python they look."""
    assert code_of(text) == []


@pytest.mark.parametrize(
    ("data", "blocks"),
    [
        ({"approach": "a", "code": FUNCTION}, [(None, None, FUNCTION)]),
        ({"approach": "a", "language": "Py", "code": FUNCTION}, [("python", None, FUNCTION)]),
        ({"approach": "a", "code": f"```python\n{FUNCTION}```"}, [("python", None, FUNCTION)]),
        ({"files": [{"path": "a.py", "content": FUNCTION}, "b.py", {"path": 1}]}, [(None, "a.py", FUNCTION)]),
        ({"approach": "a", "code": ["no", 1], "files": "none"}, []),
        ({"answer": "see there", "code": "E42"}, []),
    ],
)
def test_code_within_the_proposal_is_code(data: dict[str, object], blocks: list[object]) -> None:
    """It was asked not to be there; what stands in blocks of its own goes before it."""
    assert code_of(f"```json\n{json.dumps(data)}\n```") == blocks
    assert code_of(f"```json\n{json.dumps(data)}\n```\n{CODE}") == [("python", None, "x = 1\n")]


def test_an_object_without_known_keys_among_blocks_is_code() -> None:
    """A configuration file that the task asked for, say; a proposal beside it stays the proposal."""
    config = '```json config.json\n{"port": 80}\n```\n'
    assert ("json", "config.json", '{"port": 80}\n') in code_of('```json\n{"approach": "a"}\n```\n' + config)
