"""When two programs are the same for certain: the same bytecode, whatever their local names; one run is then enough."""

from __future__ import annotations

import ast
import hashlib
import warnings
from types import CodeType
from typing import Any

from codeconductor_consensus_execution._syntax import parse

_READS_NAMES = frozenset({"locals", "vars", "eval", "exec", "inspect", "globals", "__annotations__", "__doc__"})
"""A program with one of these may read its own local names, annotations or docstrings."""


def shape_of(source: str, entry_name: str = "") -> str:
    """Equal for programs that differ in layout, comments, docstrings, annotations and local names alone.

    Args:
        source: A whole program; of one that does not parse, or may read its own names, the text itself is the shape.
        entry_name: A function that is called from outside, whose parameters' names count.
    """
    tree, _ = parse(source)
    if tree is None:
        return source
    words = {it.id for it in ast.walk(tree) if isinstance(it, ast.Name)}
    words |= {it.attr for it in ast.walk(tree) if isinstance(it, ast.Attribute)}
    if words & _READS_NAMES:
        return source
    tree = _Bare().visit(tree)
    keywords = {it.arg for it in ast.walk(tree) if isinstance(it, ast.keyword)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(tree, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    return hashlib.sha256(repr(_plain(code, keywords, entry_name)).encode("utf-8", "surrogatepass")).hexdigest()


class _Bare(ast.NodeTransformer):
    """Takes off docstrings and the annotations of functions; a class keeps its own, which make its fields."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        listed = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        for argument in filter(None, listed):
            argument.annotation = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
        return node


def _plain(code: CodeType, keywords: set[str | None], entry_name: str) -> tuple[Any, ...]:
    """What a code object does, without names of locals and places in the text."""
    count = code.co_argcount + code.co_kwonlyargcount
    named = [name for name in code.co_varnames[:count] if name in keywords or code.co_name == entry_name]
    constants = [
        _plain(it, keywords, entry_name) if isinstance(it, CodeType) else (type(it).__name__, repr(it))
        for it in code.co_consts
    ]
    return (
        code.co_code,
        code.co_exceptiontable,
        constants,
        code.co_names,
        named,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        (len(code.co_cellvars), len(code.co_freevars), code.co_nlocals),
    )
