"""Function calls that an answer asks for: read in the forms that models write, compared by name and arguments."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeconductor import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Answer

LONGEST = 100_000
"""Characters of the longest text that is looked through for calls."""

DEEPEST = 50
"""Levels of an argument that are looked at."""


@frozen
class Call:
    """A function and its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


def calls_of(answer: Answer, *, spoken: bool) -> tuple[Call, ...]:
    """The calls of an answer, in its order.

    Args:
        answer: Its `tool_calls` count, where it has any.
        spoken: Whether calls that stand in its text count as well.
    """
    if answer.tool_calls:
        return tuple(_call(call.name, call.arguments) for call in answer.tool_calls)
    if not spoken:
        return ()
    found = tuple(_in_json(answer.data)) if answer.data is not None else ()
    return found or tuple(_in_text(answer.text[:LONGEST]))


def _call(name: str, arguments: object) -> Call:
    return Call(name, {name: _plain(value) for name, value in _arguments(arguments).items()})


def _plain(value: object, depth: int = 0) -> Any:
    """A value as JSON could hold it; what is nested deeper than anybody means is cut off."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {str(name): _plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return [_plain(item, depth + 1) for item in sorted(value, key=repr)]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def key_of(calls: tuple[Call, ...]) -> str:
    """Equal for answers that ask for the same calls: order, number forms, case of texts and idle blanks do not count.

    Servers do not take a dot in a name, so models write an underline in its place: both are one.
    """
    return "\n".join(sorted(f"{call.name.replace('.', '_')}{_normal(call.arguments)}" for call in calls))


def _normal(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{name}:{_normal(item)}" for name, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_normal, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return repr(int(value))
    if isinstance(value, str):
        return json.dumps(" ".join(value.casefold().split()))
    return repr(value)


def _arguments(text: object) -> dict[str, Any]:
    """Arguments as a mapping; what is none is kept under the empty name."""
    value = _read(text) if isinstance(text, str) else text
    if isinstance(value, Mapping):
        return {str(name): item for name, item in value.items()}
    return {} if value is None or text == "" else {"": value if value is not _NOTHING else text}


_NOTHING = object()


def _read(text: str) -> object:
    """A JSON value, or the same in Python's spelling; `_NOTHING` where it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return _NOTHING


def _in_json(value: object, depth: int = 0) -> Iterator[Call]:
    if depth > 5:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _in_spoken(item) if isinstance(item, str) else _in_json(item, depth + 1)
    elif isinstance(value, Mapping):
        name = value.get("name") or value.get("function") or value.get("tool")
        given = next((value[key] for key in ("arguments", "parameters", "args", "input") if key in value), None)
        if isinstance(name, str):
            yield _call(name.strip(), given)
        else:
            for key in ("tool_calls", "function_call", "function", "calls"):
                if key in value:
                    yield from _in_json(value[key], depth + 1)
                    return


_TAGGED = re.compile(r"<(tool_call|function_call|functioncall)>\s*(.*?)(?=</?\1>|\Z)", re.DOTALL)
_FENCED = re.compile(r"```[\w-]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_NAMED = re.compile(r"\A\s*([A-Za-z_][\w.]*)\s*\n\s*(\{.*\})\s*\Z", re.DOTALL)


def _in_text(text: str) -> Iterator[Call]:
    tagged = [match[2] for match in _TAGGED.finditer(text)]
    fenced = [match[1] for match in _FENCED.finditer(text)]
    for parts in (tagged, fenced, [text]):
        found = [call for part in parts for call in _in_part(part.strip())]
        if found:
            yield from found
            return


def _in_part(text: str) -> Iterator[Call]:
    value = _read(text)
    if isinstance(value, Mapping | list | tuple):
        yield from _in_json(value)
        return
    named = _NAMED.match(text)
    if named:
        yield _call(named[1], named[2])
        return
    yield from _in_spoken(text)


def _in_spoken(text: str) -> Iterator[Call]:
    """Calls as Python writes them: `[f(a=1), g(b="x")]`; what is behind the first line that holds one is prose."""
    text = text.replace("\\_", "_")
    for part in (text.strip(), *text.strip().splitlines()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(part.strip().removeprefix("return "), mode="eval").body
            nodes = tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]
            found = [_spoken(node) for node in nodes if isinstance(node, ast.Call)]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if found:
            yield from found
            return


def _spoken(node: ast.Call) -> Call:
    arguments = {keyword.arg or "**": _value(keyword.value) for keyword in node.keywords}
    arguments |= {str(number): _value(argument) for number, argument in enumerate(node.args)}
    return _call(ast.unparse(node.func), arguments)


def _value(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return ast.unparse(node)
