"""Python as models and authors write it: parsed without warnings, and never with an exception."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TypeAlias

LONGEST = 200_000
"""Characters of the longest source that is parsed."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def parse(source: str) -> tuple[ast.Module | None, int]:
    """The syntax tree; or None, and the line at which the text stops being Python (0 where that is not known)."""
    if len(source) > LONGEST or "\0" in source:
        return None, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source), 0
    except SyntaxError as exc:
        return None, exc.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return None, 0


def literal(source: str) -> object:
    """The value of a source text that is nothing but literals.

    Raises:
        ValueError: It is not.
    """
    if len(source) > LONGEST:
        raise ValueError("too long")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(source.strip())
    except (SyntaxError, TypeError, RecursionError, MemoryError) as exc:
        raise ValueError("no literal") from exc


def is_expression(source: str) -> bool:
    """Whether a text is one Python expression."""
    if len(source) > LONGEST or "\0" in source:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def functions(tree: ast.Module | ast.ClassDef) -> dict[str, Function]:
    """The functions of a module or the methods of a class, by name; of two with one name the last."""
    return {it.name: it for it in tree.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)}


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes of a module, by name."""
    return {it.name: it for it in tree.body if isinstance(it, ast.ClassDef)}


def names_bound(tree: ast.Module) -> set[str]:
    """Every name that is bound at the top of a module, also below an `if` or a `try`."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def names_read(tree: ast.AST) -> set[str]:
    """Every name that is read anywhere."""
    return {it.id for it in ast.walk(tree) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Load)}


_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[()\[\]{}]',
    re.DOTALL,
)


def closing(text: str, opened: int) -> int | None:
    """The place of the bracket that closes the one at `opened`; None where there is none. Texts are passed over."""
    waiting: list[str] = []
    for match in _TOKEN.finditer(text, opened):
        mark = match[0]
        if mark in _CLOSING:
            waiting.append(_CLOSING[mark])
        elif len(mark) == 1:
            if not waiting or waiting.pop() != mark:
                return None
            if not waiting:
                return match.start()
    return None
