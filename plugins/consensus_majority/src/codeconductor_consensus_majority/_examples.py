"""Blocks of Python that show how a program is used: all they do is call and print what a block before them defines."""

from __future__ import annotations

import ast
import symtable
import warnings
from typing import TYPE_CHECKING

from codeconductor_consensus_majority._python import dedented

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PRINTS = frozenset({"pprint", "print"})

_STARTS = frozenset({"__file__", "input", "open", "sys"})
"""Names that a program mentions where it begins: what reads its input is no example."""


def examples(sources: Sequence[str]) -> frozenset[int]:
    """Which of the blocks of one program, by number, are examples of its use.

    An example defines nothing, binds no name that the program has or needs, and does not start it (``main()``).

    Args:
        sources: Each of them compiles.
    """
    defined: set[str] = set()
    needed: set[str] = set()
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a model's program is not ours to report
        for number, source in enumerate(map(dedented, sources)):
            tree = ast.parse(source)
            if defined and _Example(defined, needed).shown(tree):
                found.add(number)
                continue
            defined |= {
                s.name for s in tree.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            }
            needed |= set(_globals(symtable.symtable(source, "", "exec")))
    return frozenset(found)


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that functions and classes look for outside of themselves."""
    for inner in table.get_children():
        yield from (symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global())
        yield from _globals(inner)


class _Example:
    """What is known while a block is looked at, statement by statement."""

    def __init__(self, defined: set[str], needed: set[str]) -> None:
        self._defined = defined
        self._taken = defined | needed
        self._bound: set[str] = set()

    def shown(self, tree: ast.Module) -> bool:
        """Whether the block is an example."""
        mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return bool(mentioned & self._defined) and not mentioned & _STARTS and all(map(self._shows, tree.body))

    def _shows(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                return self._calls(call)
            case ast.Expr():
                return True
            case ast.Assign(targets=targets):
                return all(map(self._binds, targets))
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                return self._binds(target)
            case ast.For(target=target, body=body, orelse=orelse):
                return self._binds(target) and all(map(self._shows, [*body, *orelse]))
            case ast.If(body=body, orelse=orelse):
                return all(map(self._shows, [*body, *orelse]))
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                handled = [inner for handler in handlers for inner in handler.body]
                return all(map(self._shows, [*body, *handled, *orelse, *final]))
        return False

    def _binds(self, target: ast.expr) -> bool:
        """Whether this binds new names alone."""
        if isinstance(target, ast.Tuple):
            return all(map(self._binds, target.elts))
        if not isinstance(target, ast.Name) or target.id in self._taken:
            return False
        self._bound.add(target.id)
        return True

    def _calls(self, call: ast.Call) -> bool:
        """Whether a call whose result is dropped prints, or shows what is defined; ``main()`` starts the program."""
        root: ast.expr = call
        while isinstance(root, ast.Call | ast.Attribute | ast.Subscript):
            root = root.func if isinstance(root, ast.Call) else root.value
        if not isinstance(root, ast.Name):
            return False
        if root.id in self._defined:
            return root is not call.func or bool(call.args or call.keywords)
        return root.id in _PRINTS or root.id in self._bound
