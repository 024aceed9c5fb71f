"""When two programs are the same program."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from codeconductor_consensus_majority._python import python_shape
from codeconductor_consensus_majority._source import is_whole, source_shape
from hypothesis import given
from hypothesis import strategies as st

PROGRAM = """
import re
from typing import Optional

def f(text: str, limit: Optional[int] = None) -> list[str]:
    '''Split it.'''
    words: list[str] = []
    for word in re.split(r"\\s+", text):
        if word and word not in [w.lower() for w in words]:
            words.append(word)
    return sorted(words, key=lambda w: (len(w), w))[:limit]
"""


@pytest.mark.parametrize(
    "other",
    [
        PROGRAM.replace("words", "found").replace("word ", "item ").replace("word)", "item)").replace("word,", "item,"),
        PROGRAM.replace("w.lower() for w in", "x.lower() for x in"),
        PROGRAM.replace("lambda w: (len(w), w)", "lambda each: (len(each), each)"),
        PROGRAM.replace("    '''Split it.'''\n", "    # splits it\n\n"),
        PROGRAM.replace("import re\nfrom typing import Optional\n", "import re\n").replace("Optional[int]", "int"),
        PROGRAM.replace(": list[str] = []", " = []"),
        PROGRAM.replace("    return sorted(words,", "    return sorted(\n        words,\n       "),
        "from __future__ import annotations\n" + PROGRAM,
        PROGRAM.replace('r"\\s+"', "'\\\\s+'"),
        "    " + PROGRAM.strip().replace("\n", "\n    "),
        PROGRAM.replace("import re\nfrom typing import Optional", "from typing import Optional\nimport re, re"),
    ],
    ids=[
        "locals",
        "comprehension",
        "lambda",
        "docstring",
        "typing",
        "annotation",
        "layout",
        "future",
        "quotes",
        "indent",
        "imports",
    ],
)
def test_what_does_not_change_a_program_does_not_count(other: str) -> None:
    """Names of local variables, comments, docstrings, annotations and layout make no difference."""
    assert other != PROGRAM
    assert python_shape(other) == python_shape(PROGRAM)


MANY_KINDS = """
import os, sys

@d(1)
class A(B, metaclass=M):
    x: int = 1; y = {**a, 'b': 2}
    async def g(self, /, a, *b, c=None, **k):
        global n
        async with a as x, b: await x
        async for i in b: yield i
        return
    def h(self):
        try: raise E from None
        except (F, G) as e: del e.x, e[0]
        except H if 0 else I: pass
        else: assert 1, 2
        finally: nonlocal_ = [*a, (b := c)]

def m(p):
    match p:
        case 1 | None: return
        case [x, *_] if x > 1 >= 0: x += 1
        case {'k': v, **rest}: return f'{v!r:>{x}} {rest}'
        case K(a, b=c) as d: return lambda *, z=1: z if not z else -z
    while 1 and 2 or 3:
        for i, j in {k: v for k, v in p if k if v}: continue
        else: break
    return x[1:2, ::3], {s for s in p}, [s for s in p], (s async for s in p), b'', ..., 1j
"""


def test_the_layout_of_no_kind_of_statement_counts() -> None:
    """Programs on as few lines as may be, and on many."""
    laid_out = ast.unparse(ast.parse(MANY_KINDS))
    assert laid_out.count("\n") > MANY_KINDS.count("\n")
    assert python_shape(MANY_KINDS) is not None
    assert python_shape(laid_out) == python_shape(MANY_KINDS)


@pytest.mark.parametrize(
    "program",
    [
        "def f(a, b):\n    return sum(x.n for x in a) < sum({} for {} in b)",
        "def f(a, b):\n    return [x.n for x in a],\\\n           [{} for {} in b]",
        "def f(a, b):\n    return g(lambda x: x.n, a), g(lambda {1}: {0}, b)",
    ],
    ids=["generator", "list", "lambda"],
)
def test_what_stands_twice_is_the_same_whatever_its_variables_are(program: str) -> None:
    """Two functions without a name that are equal to the letter are not one in the one program and two in the other."""
    assert python_shape(program.format("x.n", "x")) == python_shape(program.format("y.n", "y"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a):\n    return a", "def f(b):\n    return b"),
        ("def f(a, b):\n    x = a\n    return x - b", "def f(a, b):\n    x = b\n    return x - a"),
        ("def f():\n    return limit", "def f():\n    return other"),
        ("def f(x=y):\n    y = 1\n    return x", "def f(x=z):\n    z = 1\n    return x"),
        ("class A:\n    x: int = 1", "class A:\n    y: int = 1"),
        ("class A:\n    x: int", "class A:\n    x: str"),
        ("@app.get('/')\ndef f(x: int): ...", "@app.get('/')\ndef f(x: str): ..."),
        ("def f():\n    a = 1\n    return locals()", "def f():\n    b = 1\n    return locals()"),
        ("def f():\n    'one'\nprint(f.__doc__)", "def f():\n    'two'\nprint(f.__doc__)"),
        ("'one'\np = P(description=__doc__)", "'two'\np = P(description=__doc__)"),
        ("def f(x: int): pass\ng(signature(f))", "def f(x: str): pass\ng(signature(f))"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a  b'", "x = 'a b'"),
        ("def f(x):\n    assert x", "def f(x): ..."),
        ("import numpy", "import torch"),
        ("from a import f\nfrom b import f\nf()", "from b import f\nfrom a import f\nf()"),
        ("import json\nimport orjson as json", "import orjson as json\nimport json"),
        ("from a import *\nfrom b import f", "from b import f\nfrom a import *"),
        ("import os.path", "import os.path as os"),
        ("f = lambda a: a", "f = lambda b: b"),
        ("def f():\n    global a\n    a = 1", "def f():\n    global b\n    b = 1"),
        (
            "def f(x):\n    def g(y): return y\n    return g(y=x)",
            "def f(x):\n    def g(z): return z\n    return g(z=x)",
        ),
    ],
)
def test_what_changes_a_program_counts(one: str, other: str) -> None:
    """Parameters, globals, attributes, constants and what looks at names are not dropped."""
    assert None not in (python_shape(one), python_shape(other))
    assert python_shape(one) != python_shape(other)


@pytest.mark.parametrize(
    "source", ["", "# nothing", "def f(:", "return 1", "x = '\ud800'", "a" * 300_000, "(" * 5_000, "x\0"]
)
def test_what_is_no_program_has_no_shape(source: str) -> None:
    """Neither does what is too long, too deep, or cannot be compiled."""
    assert python_shape(source) is None


@given(st.text())
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    """Whatever a model wrote into a block of code."""
    assert python_shape(text) is None or isinstance(python_shape(text), str)
    for language in ("javascript", "rust", "bash", "sql", "json", "yaml", "haskell", "", None):
        assert isinstance(source_shape(text, language), str)
        assert is_whole(text, language) in (True, False)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        (
            "javascript",
            "function f(a, b) { // adds\n  return a + b; }",
            "function f(a,b){\n  /* adds */\n  return a + b;\n}",
        ),
        ("c", 'int main() { puts("a // b"); }', 'int main()\n{\n  puts("a // b"); // says it\n}'),
        ("rust", "fn f<'a>(x: &'a str) -> &'a str { x }", "fn f<'a>(x: &'a str) -> &'a str {\n    x // itself\n}"),
        ("bash", "ls # list\n\necho $#", "ls\necho $#"),
        ("sql", "SELECT a -- one\nFROM b", "SELECT a FROM b"),
        ("json", '{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ("go", "func f() {\n\tg(a,  b)\n}", "func f() {\n    g(a, b)\n}"),
        ("kotlin", 'val s = """a\\""" // one\nf()', 'val s = """a\\""" // two\nf()'),
        ("java", 'f("""\n a "b" c""""); // one', 'f("""\n a "b" c"""");'),
    ],
)
def test_layout_and_comments_of_other_languages_do_not_count(language: str, one: str, other: str) -> None:
    """As far as blanks and line breaks mean nothing in the language."""
    assert source_shape(one, language) == source_shape(other, language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("javascript", 'f("a  b")', 'f("a b")'),
        ("javascript", "return\nx", "return x"),
        ("c", 'puts("// a");', 'puts("// b");'),
        ("yaml", "a:\n  b: 1", "a:\nb: 1"),
        ("bash", 'echo "# a"', 'echo "# b"'),
        ("javascript", "let a = `x // 1`", "let a = `x // 2`"),
        ("java", 'String s = """\n  "a" // 1\n  """;', 'String s = """\n  "a" // 2\n  """;'),
        ("java", 'f("""\na \\""" // 1\n""");', 'f("""\na \\""" // 2\n""");'),
        ("kotlin", 'val s = """\n  it\'s /* 1 */ here\n"""', 'val s = """\n  it\'s /* 2 */ here\n"""'),
        ("kotlin", 'val s = """a\\"""; f("// 1")', 'val s = """a\\"""; f("// 2")'),
        ("swift", 'let s = """\n  "a" // 1\n  """', 'let s = """\n  "a" // 2\n  """'),
        ("dart", "var s = '''it's // 1''';", "var s = '''it's // 2''';"),
    ],
)
def test_texts_and_layout_that_mean_something_count(language: str, one: str, other: str) -> None:
    """Nothing inside of quotes is a comment or an idle blank."""
    assert source_shape(one, language) != source_shape(other, language)


def test_a_program_with_an_open_bracket_is_not_whole() -> None:
    """Brackets in texts and comments do not count; a language without brackets is taken as it is."""
    assert is_whole('function f() { return "}{"; /* ) */ }', "javascript")
    assert not is_whole("function f() { return (1;", "javascript")
    assert not is_whole("function f() { return [1); }", "javascript")
    assert not is_whole('{"a": ', "json")
    assert is_whole("case x in a) echo ;; esac", "bash")
    assert is_whole('class A { String s = """\n  it\'s "{" here\n  """; }', "java")
    assert not is_whole('class A { String s = """\n  it\'s } here', "java")


@pytest.mark.parametrize(
    "source",
    ["s.replace(/[(]/g, '');", "const quote = /[\"'(]/;", "if (x) { return /\\(/.test(x); }", "f(a / (b + c) / d)"],
)
def test_brackets_and_quotes_in_a_regular_expression_do_not_count(source: str) -> None:
    """It is no text in quotes, and yet a text; a division is none."""
    assert is_whole(source, "javascript")
    assert not is_whole(source + "{", "javascript")


def test_slashes_in_a_regular_expression_begin_no_comment() -> None:
    """What comes after it counts."""
    one, other = (f"const web = /https?:\\/\\//.test(url); {call}();" for call in "fg")
    assert source_shape(one, "javascript") != source_shape(other, "javascript")


@pytest.mark.parametrize("row", ['\\"', "/* ", "(/[", "\\'", "'", "/*", '\\"""', '"""\\', '""', '"""a'])
def test_a_row_of_marks_takes_no_time_in_proportion_to_its_square(row: str) -> None:
    """Small models end in loops; this would take minutes."""
    for language in ("c", "javascript", "rust", "java", "kotlin", "dart"):
        assert source_shape(row * 50_000, language) is not None
        assert is_whole(row * 50_000, language) in (True, False)


def test_layout_is_no_difference_in_long_programs() -> None:
    """A call over several lines compiles to the same as one on a single line."""
    short = "def f(a, b):\n    if a and b:\n        return g(a, b)\n    return [x for x in a if x]\n"
    long = dedent(
        """
        def f(
            a,
            b,
        ):

            if (
                a
                and b
            ):
                return g(
                    a,
                    b,
                )
            return [
                x
                for x in a
                if x
            ]
        """
    )
    assert python_shape(short) == python_shape(long)
