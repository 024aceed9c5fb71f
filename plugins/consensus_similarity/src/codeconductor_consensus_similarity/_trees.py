"""The syntax tree of a Python program as a bag of its subtrees, in which names of its own do not count."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections import Counter

from codeconductor import parse_python

_BUILTINS = frozenset(dir(builtins))
_CONSTANT = 20
"""Characters of a constant that count."""

_ACTS = (ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If, ast.FunctionDef, ast.Import, ast.ImportFrom)
"""What code has and prose that happens to parse has not."""


class Trees:
    """Numbers the subtrees of several programs: those with the same number are the same.

    Subtrees that both have are how clones are found in source (Baxter et al., ICSM 1998) and how CodeBLEU compares
    syntax (Ren et al. 2020). Layout, comments, docstrings, annotations, imports and the names that a program chooses
    itself do not count; built-in names, attributes, operators and constants do.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, tuple[int, ...]], int] = {}

    def of(self, source: str) -> Counter[int] | None:
        """The subtrees of a program or of a function's body, counted; None where it is no Python."""
        tree = parsed(source)
        if tree is None:
            return None
        found: Counter[int] = Counter()
        try:
            self._number(tree, found)
        except RecursionError:
            return None
        return found

    def _number(self, node: ast.AST, found: Counter[int]) -> int:
        below = tuple(self._number(child, found) for child in _children(node))
        number = self._numbers.setdefault((_label(node), below), len(self._numbers))
        found[number] += 1
        return number


def parsed(source: str) -> ast.Module | None:
    """The tree of a program, of one that is indented as a whole, or of a function's body."""
    body = textwrap.dedent(source.strip("\n"))
    tree = parse_python(body)
    if tree is not None:
        return tree
    return parse_python("def body():\n" + textwrap.indent(body, "    "))


def is_code(text: str) -> bool:
    """Whether a text without fences is Python that does something."""
    tree = parsed(text)
    return tree is not None and any(isinstance(node, _ACTS) for node in ast.walk(tree))


def _children(node: ast.AST) -> list[ast.AST]:
    """What stands below a node, less what says nothing of what the program does."""
    below = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context | ast.alias)]
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        below = [child for child in below if not _is_idle(child)]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        below = [child for child in below if child is not node.returns]
    return [] if isinstance(node, ast.arg) else below


def _is_idle(node: ast.AST) -> bool:
    """A docstring, `...`, or an import."""
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _label(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return f"name {node.id}" if node.id in _BUILTINS else "name"
    if isinstance(node, ast.Constant):
        return f"constant {node.value!r:.{_CONSTANT}}"
    if isinstance(node, ast.Attribute):
        return f"attribute {node.attr}"
    return type(node).__name__
