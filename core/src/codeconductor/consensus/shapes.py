"""When two answers say the same for certain: equal texts, or programs with the same bytecode."""

from __future__ import annotations

import ast
import hashlib
import json
import warnings
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeconductor.dispatch import Answer, CodeBlock

LONGEST = 200_000
"""Characters of the longest source that is parsed."""

_READS_NAMES = frozenset({"locals", "vars", "eval", "exec", "inspect", "globals", "__annotations__", "__doc__"})
"""A program with one of these may read its own local names, annotations or docstrings."""

_PYTHON = frozenset({"python", "python3", "py"})


def parse_python(source: str) -> ast.Module | None:
    """The syntax tree, without warnings; None where the text is no Python, or longer than `LONGEST`."""
    if len(source) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def answer_shape(answer: Answer, language: str | None) -> str:
    """Equal for answers that say the same for certain.

    Of code it is the programs' shape; of function calls, their names and arguments; of other answers, the value of an
    `answer` in their JSON, else the text with its blanks squeezed.

    Args:
        answer: Its code, calls, data and text are looked at, in this order.
        language: Of blocks that do not name theirs.
    """
    if answer.code:
        return "\n".join(_block_shape(block, language) for block in answer.code)
    if answer.tool_calls:
        return "\n".join(f"{call.name} {_arguments(call.arguments)}" for call in answer.tool_calls)
    value = (answer.data or {}).get("answer")
    return _squeezed(answer.text if value is None else str(value))


def _block_shape(block: CodeBlock, language: str | None) -> str:
    return program_shape(block.text) if (block.language or language) in _PYTHON else _squeezed(block.text)


def _arguments(text: str) -> str:
    """Equal for arguments that differ in the order of names, in blanks, or in whether a whole number has a point."""
    try:
        return json.dumps(json.loads(text, parse_float=_number), sort_keys=True)
    except (ValueError, RecursionError):
        return _squeezed(text)


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def program_shape(source: str, entry_name: str = "") -> str:
    """Equal for Python programs that differ in layout, comments, docstrings, annotations and local names alone.

    Args:
        source: A whole program; of one that does not parse, is nested deeper than the interpreter goes, or may read its
            own names, the text itself is the shape.
        entry_name: A function that is called from outside, whose parameters' names count.
    """
    tree = parse_python(source)
    if tree is None:
        return source
    words = {it.id for it in ast.walk(tree) if isinstance(it, ast.Name)}
    words |= {it.attr for it in ast.walk(tree) if isinstance(it, ast.Attribute)}
    if words & _READS_NAMES:
        return source
    keywords = {it.arg for it in ast.walk(tree) if isinstance(it, ast.keyword)}
    try:
        tree = _Bare().visit(tree)
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
