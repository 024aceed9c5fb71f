"""The shape of a Python program: what is left when everything is dropped that does not change what it does.

Two programs with the same shape are the same program. Dropped are comments, formatting, docstrings, annotations that
nobody reads, imports that only annotations needed, the order of imports, and the names of local variables.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from typing import TYPE_CHECKING, TypeAlias

from codeconductor_consensus_majority._locals import canonical_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_SOURCE = 200_000
"""Characters of the longest program that is parsed; a longer one is compared as text."""

_DEEPEST = 200
"""Levels of nesting that are followed; nobody writes deeper, and Python's own stack ends somewhere."""

_PLAIN_DECORATORS = frozenset(
    {"abstractmethod", "cache", "cached_property", "classmethod", "lru_cache", "property", "staticmethod", "wraps"}
)
"""Decorators that do not look at annotations; any other one may (routes, command lines, dispatch by type)."""

_TYPING = frozenset({"__future__", "collections.abc", "numbers", "types", "typing", "typing_extensions"})
"""Modules whose import does nothing but bind names."""

_Shape: TypeAlias = tuple[object, ...]


def python_shape(source: str) -> str | None:
    """The shape of a program; None where it does not parse or does nothing."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a model's program is not ours to report
            tree = ast.parse(textwrap.dedent(source).strip("\n"))
        shaper = _Shaper()
        body = shaper.block(tree.body, {}, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return repr((_imports(tree, shaper), body)) if tree.body else None


class _Shaper:
    """One pass over a tree; `names` are the global and attribute-free names that the shape mentions."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def block(self, body: list[ast.stmt], renamed: Mapping[str, str], depth: int) -> _Shape:
        kept = [self.shape(s, renamed, depth) for s in body if not (_is_constant(s) or _is_top_import(s, depth))]
        return tuple(shape for shape in kept if shape != ("Pass",)) or ("Pass",)

    def shape(self, node: ast.AST, renamed: Mapping[str, str], depth: int) -> _Shape:
        if depth > _DEEPEST:
            raise RecursionError
        match node:
            case ast.Name(id=name):
                self.names.add(name)
                return ("Name", renamed.get(name, name), type(node.ctx).__name__)
            case ast.Constant(value=value):
                return ("Constant", type(value).__name__, repr(value))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(node, renamed, depth)
            case ast.ClassDef():  # its annotations may be fields
                return self._fields(node, {name: new for name, new in renamed.items() if name}, depth)
            case ast.AnnAssign(simple=1, value=ast.expr() as value, target=target) if depth and "" in renamed:
                return self.shape(ast.Assign([target], value, lineno=0), renamed, depth)
            case ast.arg(arg=name, annotation=annotation):
                kept = self.shape(annotation, renamed, depth + 1) if annotation and "" not in renamed else None
                return ("arg", renamed.get(name, name), kept)
            case ast.ExceptHandler(name=str(name)):
                return (*self._fields(node, renamed, depth, skip="name"), renamed.get(name, name))
        return self._fields(node, renamed, depth)

    def _fields(self, node: ast.AST, renamed: Mapping[str, str], depth: int, skip: str = "") -> _Shape:
        parts: list[object] = [type(node).__name__]
        for field in node._fields:
            value = getattr(node, field, None)
            if field in (skip, "kind", "type_comment"):
                continue
            if isinstance(value, ast.AST):
                parts.append(self.shape(value, renamed, depth + 1))
            elif isinstance(value, list) and field in ("body", "orelse", "finalbody") and value:
                parts.append(self.block(value, renamed, depth + 1))
            elif isinstance(value, list):
                items = (self.shape(i, renamed, depth + 1) if isinstance(i, ast.AST) else i for i in value)
                parts.append(tuple(items))
            else:
                parts.append(value)
        return tuple(parts)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, renamed: Mapping[str, str], depth: int) -> _Shape:
        plain = all(_called(decorator) in _PLAIN_DECORATORS for decorator in node.decorator_list)
        # the key "" in `renamed` says that annotations are dropped; defaults are evaluated outside
        outside = {**renamed, "": ""} if plain else {name: new for name, new in renamed.items() if name}
        inside = {**renamed, **canonical_names(node, depth), "": ""}
        return (
            type(node).__name__,
            renamed.get(node.name, node.name),
            tuple(self.shape(decorator, renamed, depth + 1) for decorator in node.decorator_list),
            self.shape(node.args, outside, depth + 1),
            None if plain or node.returns is None else self.shape(node.returns, renamed, depth + 1),
            tuple(self.shape(parameter, renamed, depth + 1) for parameter in getattr(node, "type_params", ())),
            self.block(node.body, inside, depth + 1),
        )


def _called(decorator: ast.expr) -> str:
    """The last name of a decorator: `functools.lru_cache(maxsize=None)` is `lru_cache`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr if decorator.attr not in ("setter", "deleter", "getter") else "property"
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _is_constant(statement: ast.stmt) -> bool:
    """A docstring, `...`, or another constant that stands alone and does nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_top_import(statement: ast.stmt, depth: int) -> bool:
    return depth == 0 and isinstance(statement, ast.Import | ast.ImportFrom)


def _imports(tree: ast.Module, shaper: _Shaper) -> _Shape:
    """The imports of the module in a fixed order, one name each, without those that only annotations needed."""
    return tuple(sorted(set(_bound(tree, shaper.names))))


def _bound(tree: ast.Module, used: set[str]) -> Iterator[tuple[str, str, str]]:
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.name not in _TYPING or (alias.asname or alias.name.split(".")[0]) in used:
                    yield ("", alias.name, alias.asname or "")
        elif isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            for alias in statement.names:
                if module not in _TYPING or (alias.asname or alias.name) in used or alias.name == "*":
                    yield (module, alias.name, alias.asname or "")
