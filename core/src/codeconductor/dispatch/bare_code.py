"""Finds a Python program in a reply without fences: alone, with prose around it, or only the rest of a function."""

from __future__ import annotations

import ast
import re
import warnings

MAX_SOURCE = 64 * 1024
"""Characters of the longest text that is looked at."""

_TRIES = 8
"""Times that prose behind a program is cut off, a line at which it stops being one after the other."""

_MARK = re.compile(r"^[ \t]*+(?:`{3,}|~{3,})[ \t]*$", re.MULTILINE)
_BEGINNING = re.compile(r"^(?:def|class|async def|import|from)\s+\w|^@\w", re.MULTILINE)
_MAY_BE_AN_ANSWER = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Pass)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def bare_code(text: str) -> str | None:
    """The program in a text as it was written, indentation included; None where there is none.

    What might as well be prose or a value is none: expressions, or a single `x = 4`.
    """
    if len(text) > MAX_SOURCE:
        return None
    source = _MARK.sub("", text).strip("\n").rstrip()  # the end of a block whose beginning was forgotten
    if _is_program(source):
        return f"{source}\n"
    beginning = _BEGINNING.search(source)
    found = _definitions(source[beginning.start() :]) if beginning else None
    if beginning is None or found is None:
        return None
    before = source[: beginning.start()]
    return f"{before if _parse(before)[0] else ''}{found}\n"


def _is_program(source: str) -> bool:
    indented = source[:1] in (" ", "\t")
    tree, _ = _parse(f"if True:\n{source}" if indented else source)
    if tree is None or not tree.body:
        return False
    body = [*tree.body[0].body, *tree.body[1:]] if indented and isinstance(tree.body[0], ast.If) else tree.body
    acts = [it for it in body if not _says_little(it)]
    return bool(acts) and (indented or len(body) > 1 or not isinstance(acts[0], _MAY_BE_AN_ANSWER))


def _says_little(statement: ast.stmt) -> bool:
    """Whether prose may look like it: words, a call, `Answer: B`."""
    return isinstance(statement, ast.Expr) or (isinstance(statement, ast.AnnAssign) and statement.value is None)


def _definitions(source: str) -> str | None:
    """The beginning of a text that parses, where it defines a function or a class."""
    lines = source.split("\n")
    for _ in range(_TRIES):
        tree, line = _parse("\n".join(lines))
        if tree is not None:
            return "\n".join(lines).rstrip() if any(isinstance(it, _DEFINITIONS) for it in tree.body) else None
        lines = lines[: max(0, min(line, len(lines)) - 1)]
        while lines and (not lines[-1].strip() or lines[-1].rstrip().endswith(":")):
            lines.pop()
        if not lines:
            return None
    return None


def _parse(source: str) -> tuple[ast.Module | None, int]:
    """The syntax tree, or the line at which a text stops being Python; 0 where that is not known."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source), 0
    except SyntaxError as exc:
        return None, exc.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return None, 0
