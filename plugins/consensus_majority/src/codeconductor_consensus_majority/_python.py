"""The shape of a Python program: what is left when everything is dropped that does not change what it does.

Programs with the same shape are the same program. It is the bytecode, which knows local variables by number and
nothing of comments and formatting; docstrings, annotations that nobody reads, imports that only annotations needed and
the order of imports that bind different names are dropped before. Nothing is run.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_SOURCE = 200_000
"""Characters of the longest program that is compiled; a longer one is compared as text."""

_PLAIN_DECORATORS = frozenset(
    {"abstractmethod", "cache", "cached_property", "classmethod", "lru_cache", "property", "staticmethod", "wraps"}
    | {"setter", "deleter"}
)
"""Decorators that do not look at annotations; any other one may (routes, command lines, dispatch by type)."""

_TYPING = frozenset({"__future__", "collections.abc", "numbers", "types", "typing", "typing_extensions"})
"""Modules whose import does nothing but bind names."""

_SEE_NAMES = frozenset({"dir", "eval", "exec", "globals", "locals", "vars"})
"""Functions that see the names of variables: in a program that mentions one, these count."""

_READERS = ("__doc__", "__annotations__", "getdoc", "get_annotations", "get_type_hints", "signature")
"""What reads docstrings or annotations: in a program that mentions any, these count."""

_NOWHERE = {"lineno": 1, "end_lineno": 1, "col_offset": 0, "end_col_offset": 0}

_WITH_BODY = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module})

_UNNAMED = {ast.DictComp: "key", ast.GeneratorExp: "elt", ast.Lambda: "body", ast.ListComp: "elt", ast.SetComp: "elt"}
"""Functions without a name, and the field that holds what they give."""

_PLAIN = frozenset({"arg", "attr", "conversion", "ctx", "id", "is_async", "kind", "op", "ops", "type_comment"})
_FIELDS = {
    kind: tuple(name for name in kind._fields if name not in _PLAIN and kind is not ast.Constant)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""The fields of each kind of node that may hold others with a place in the source, or lists of them."""

_Shape: TypeAlias = tuple[object, ...]


def python_shape(source: str) -> str | None:
    """The shape of a program; None where it cannot be compiled or does nothing."""
    if len(source) > MAX_SOURCE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a model's program is not ours to report
            tree = ast.parse(dedented(source))
            imports = _bare(tree, whole=any(word in source for word in _READERS))
            compiled = compile(tree, "", "exec", dont_inherit=True, optimize=0)
        names = set(_names(compiled))
        needed = [i for i in imports if i[0] not in _TYPING or i[2] in names or i[1] == "*"]
        needed = needed if _order_counts(needed) else sorted(set(needed))
        return repr((needed, _shape(compiled, names_count=not names.isdisjoint(_SEE_NAMES))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dedented(source: str) -> str:
    """A block that is indented as a whole, as it would stand in a file."""
    source = source.strip("\n")
    return textwrap.dedent(source) if source[:1].isspace() else source


def _bare(tree: ast.Module, *, whole: bool) -> list[tuple[str, str, str]]:
    """Take out what does nothing, and the imports; (module, name, name that is bound) of each of these.

    Args:
        whole: Leave docstrings and annotations.

    Raises:
        ValueError: Nothing is left.
    """
    if not tree.body:
        raise ValueError("an empty program")
    imports = [binding for statement in tree.body for binding in _bindings(statement)]
    tree.body = [_without_annotation(s) for s in tree.body if not isinstance(s, ast.Import | ast.ImportFrom)]
    found: list[Any] = [tree]
    unnamed: list[Any] = []
    while found:  # by hand, as this is a good part of the time that a decision takes
        node = found.pop()
        kind = type(node)
        if kind not in _FIELDS:  # a name, or an optional part that is not there
            continue
        if kind in _WITH_BODY and not whole:
            _forget(node)
        elif kind in _UNNAMED:
            unnamed.append(node)
        node.lineno = 1  # line breaks leave traces in bytecode
        for name in _FIELDS[kind]:
            value = getattr(node, name)
            if type(value) is list:
                found += value
            else:
                found.append(value)
    for number, node in enumerate(unnamed):  # or two could be one constant where their variables have the same names
        getattr(node, _UNNAMED[type(node)]).end_col_offset = MAX_SOURCE + number
    return imports


def _order_counts(imports: Sequence[tuple[str, str, str]]) -> bool:
    """Whether two of these imports may bind the same name to different things: the last one wins then."""
    bound = {(name, module if what else module.split(".")[0], what) for module, what, name in imports}
    return len({name for name, _, _ in bound}) < len(bound) or (len(bound) > 1 and any("*" in one for one in bound))


def _bindings(statement: ast.stmt) -> Iterator[tuple[str, str, str]]:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname in (None, alias.name):
                yield (alias.name, "", alias.name.split(".")[0])
            else:
                yield (alias.name, "as", alias.asname)
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            yield ("." * statement.level + (statement.module or ""), alias.name, alias.asname or alias.name)


def _without_annotation(statement: ast.stmt) -> ast.stmt:
    """A variable of the module without its annotation; those of a class may be fields."""
    if isinstance(statement, ast.AnnAssign) and statement.simple and statement.value is not None:
        return ast.copy_location(ast.Assign([statement.target], statement.value), statement)
    return statement


def _forget(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> None:
    """Take out the docstring, and a function's annotations."""
    body = [statement for statement in node.body if not _is_constant(statement)]
    node.body = body or [ast.Pass(**_NOWHERE)]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if not all(_called(decorator) in _PLAIN_DECORATORS for decorator in node.decorator_list):
            return
        node.returns = None
        given = node.args
        for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
            if arg is not None:
                arg.annotation = None


def _called(decorator: ast.expr) -> str:
    """The last name of a decorator: `functools.lru_cache(maxsize=None)` is `lru_cache`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _is_constant(statement: ast.stmt) -> bool:
    """A docstring, `...`, or another constant that stands alone and does nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes that a program mentions."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _shape(code: CodeType, *, names_count: bool, depth: int = 0) -> _Shape:
    """What a code object does, less the names of its local variables.

    Parameters keep theirs, as a caller may use them, but for those of a lambda within a function.
    """
    taken = code.co_argcount + code.co_kwonlyargcount
    if code.co_name.startswith("<") and depth > 1 and not code.co_kwonlyargcount:
        taken = 0
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_varnames if names_count else code.co_varnames[:taken],
        code.co_names,
        code.co_code,
        code.co_exceptiontable,
        tuple(_constant(constant, names_count, depth + 1) for constant in code.co_consts),
    )


def _constant(value: object, names_count: bool, depth: int) -> object:
    if isinstance(value, CodeType):
        return _shape(value, names_count=names_count, depth=depth)
    if isinstance(value, tuple):
        return tuple(_constant(item, names_count, depth) for item in value)
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(map(repr, value)))
    return (type(value).__name__, repr(value))
