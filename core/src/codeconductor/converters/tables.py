"""Checks settings tables against their classes: nothing is coerced, and what is wrong is told with its place."""

from __future__ import annotations

import types
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from codeconductor.errors import InputError, nearest
from codeconductor.settings import Origin, Table, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cattrs import Converter

T = TypeVar("T")


@cache
def own_files() -> Converter:
    """Nothing is coerced: a wrong type is an error, as a person should see it."""
    from cattrs import Converter

    converter = Converter(detailed_validation=False)
    for scalar in (bool, int, str):
        converter.register_structure_hook(scalar, _exactly)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(_is_union, lambda value, union: _one_of(converter, value, union))
    converter.register_structure_hook_func(_is_list, lambda value, cls: _list_of(converter, value, cls))
    converter.register_structure_hook_func(_is_table, lambda value, cls: _table_of(converter, value, cls))
    return converter


def _is_union(cls: Any) -> bool:
    return get_origin(cls) in {Union, types.UnionType}


def _is_list(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _is_table(cls: Any) -> bool:
    return get_origin(cls) is dict


def _exactly(value: object, expected: type) -> object:
    if isinstance(value, Text):
        return _read(value, expected)
    if type(value) is not expected:  # not isinstance: True is an int
        raise ValueError(value)
    return value


def _read(text: Text, expected: type) -> object:
    if expected is str:
        return str(text)
    if expected is bool:
        word = text.strip().lower()
        if word not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            raise ValueError(text)
        return word in {"true", "1", "yes", "on"}
    return expected(text)


def _number(value: object, _expected: type) -> float:
    if isinstance(value, Text):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)
    return float(value)


def _one_of(converter: Converter, value: object, union: Any) -> object:
    for choice in get_args(union):
        if choice is type(None):
            if value is None:
                return None
            continue
        try:
            return converter.structure(value, choice)
        except Exception:  # noqa: BLE001, S112 - the next choice may fit; none fitting is said below
            continue
    raise ValueError(value)


def _list_of(converter: Converter, value: object, cls: Any) -> tuple[object, ...]:
    if isinstance(value, Text):
        value = [Text(item.strip()) for item in value.split(",") if item.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError(value)
    return tuple(converter.structure(item, get_args(cls)[0]) for item in value)


def _table_of(converter: Converter, value: object, cls: Any) -> dict[str, object]:
    if isinstance(value, Text):
        pairs = [item.partition("=") for item in value.split(",") if item.strip()]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError(value)
        value = {key.strip(): Text(item.strip()) for key, _, item in pairs}
    if not isinstance(value, dict):
        raise ValueError(value)
    return {str(key): converter.structure(item, get_args(cls)[1]) for key, item in value.items()}


def expected(cls: Any) -> str:
    """What a type expects, in words."""
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        dict: "a table",
        type(None): "nothing",
    }
    origin = get_origin(cls)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in get_args(cls))
    if _is_union(cls):
        return " or ".join(expected(choice) for choice in get_args(cls) if choice is not type(None))
    if origin is tuple:
        return f"a list, each {expected(get_args(cls)[0])}"
    if origin is dict:
        return f"a table, each value {expected(get_args(cls)[1])}"
    return names.get(origin or cls, getattr(cls, "__name__", str(cls)))


def structure_table(table: Table, name: str, cls: type[T]) -> T:
    """Check one settings table against its class.

    Raises:
        InputError: An unknown key or a wrong value; names the file, the key, what was expected and the nearest key.
    """
    if table.values:  # most tables of most users are empty, and reading the types takes longer than the rest
        attrs.resolve_types(cls)  # type: ignore[type-var]  # any settings class is an attrs class
    fields = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, object] = {}
    for key, value in table.values.items():
        origin = table.origins[key]
        field = fields.get(key)
        if field is None:
            close = nearest(key, fields)
            hint = f"did you mean {close!r}?" if close else f"known: {', '.join(sorted(fields))}"
            raise InputError(f"{origin.layer}: unknown setting {origin.key}", hint=hint)
        inner = get_args(field.type)[1] if _is_table(field.type) else None
        if inner is not None and attrs.has(inner) and isinstance(value, dict):
            values[key] = {
                str(own): _structure_named(
                    item, table.origins.get(f"{key}.{own}", origin), f"{name}.{key}.{own}", inner
                )
                for own, item in value.items()
            }
            continue
        try:
            values[key] = own_files().structure(value, field.type)
        except Exception as exc:
            raise InputError(
                f"{origin.layer}: {origin.key}: expected {expected(field.type)}, got {_plain(value)!r}",
                hint=f"correct {origin.key}; {_shown_by(origin)}",
            ) from exc
    try:
        return cls(**values)
    except (ValueError, TypeError) as exc:
        blamed = _blamed(cls, values, table)
        place = f"{blamed.layer}: {blamed.key}" if blamed else f"settings of {name}"
        remedy = f"correct {blamed.key}; " if blamed else ""
        raise InputError(f"{place}: {exc}", hint=f"{remedy}{_shown_by(blamed)}") from exc


def _structure_named(item: object, origin: Origin, name: str, cls: type[T]) -> T:
    """One of several tables that stand beside each other by their names.

    Raises:
        InputError: It is no table, lacks something, or has something wrong.
    """
    if not isinstance(item, dict):
        raise InputError(
            f"{origin.layer}: {origin.key}: expected a table, got {_plain(item)!r}", hint=_shown_by(origin)
        )
    attrs.resolve_types(cls)  # type: ignore[type-var]  # any settings class is an attrs class
    given = {str(key).replace("-", "_"): value for key, value in item.items()}
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        if field.default is attrs.NOTHING and field.name not in given:
            raise InputError(
                f"{origin.layer}: {origin.key}: {field.name} is missing, expected {expected(field.type)}",
                hint=f"write {field.name} under [{name}]",
            )
    separator = "__" if origin.key.isupper() else "."
    origins = {key: type(origin)(origin.layer, f"{origin.key}{separator}{key}") for key in given}
    return structure_table(Table(given, origins), name, cls)


def _blamed(cls: type, values: Mapping[str, object], table: Table) -> Origin | None:
    """Where the value comes from that a validator refuses even when it stands alone; None: no single one."""
    for key, value in values.items():
        try:
            cls(**{key: value})
        except (ValueError, TypeError):
            return table.origins[key]
    return None


def _shown_by(origin: Origin | None) -> str:
    """The command that shows what may be written there."""
    if origin is not None and origin.layer == "command line":
        return "`conductor --help` shows the options"
    return "`conductor config` shows the settings in force"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Text) else value
