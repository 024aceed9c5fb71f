"""What a client wants, read from the fields that both protocols share, and everything that is wrong with them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import frozen

from codeconductor_serve._errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor import Query

_LARGEST_SEED = 2_000_000_000
_LARGEST = 2**31 - 1
_FUNCTION = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_MOST_STOPS = 16


@frozen(kw_only=True)
class Wish:
    """One request.

    Attributes:
        model: The name as the client gave it.
        query: The conversation and its settings.
        stream: Whether the reply comes in pieces.
        include_usage: Whether a stream tells the tokens at its end.
        note: Whether a reply of the team should end with a note; None: as the settings say.
        echo: Fields of the request that stand in its reply.
    """

    model: str
    query: Query
    stream: bool
    include_usage: bool = False
    note: bool | None = None
    echo: Mapping[str, Any] = attrs.field(factory=dict)


def text(value: object, param: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise invalid(f"{param}: expected a text, got {_kind(value)}", param)
    return value


def content_of(content: object, param: str, kinds: Mapping[str, str]) -> str:
    """What a message says: a text, or the texts of its parts, one to a line; null says nothing.

    Args:
        content: As it was sent.
        param: Where it stands.
        kinds: The types of parts that are texts, each with the name of the field that holds it.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return text(content, param)
    if not isinstance(content, list):
        raise invalid(f"{param}: expected a text or a list of parts", param)
    texts = []
    for position, part in enumerate(content):
        where = f"{param}[{position}]"
        kind = part.get("type") if isinstance(part, dict) else None
        field = kinds.get(kind) if isinstance(kind, str) else None
        if field is None:
            raise refused_part(kind, where)
        texts.append(text(part.get(field), f"{where}.{field}"))
    return "\n".join(texts)


def model_of(body: Mapping[str, Any]) -> str:
    """The model's name."""
    if not body.get("model"):
        raise invalid("model: no model is named; GET /v1/models lists them", "model")
    return text(body["model"], "model")


def flag(body: Mapping[str, Any], name: str) -> bool:
    """A field that is true or false; absent and null are false."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name}: expected true or false, got {_kind(value)}", name)
    return bool(value)


def an_object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A field that is an object; absent and null are an empty one."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"{name}: expected an object, got {_kind(value)}", name)
    return value or {}


def note_of(body: Mapping[str, Any]) -> bool | None:
    """The extension's ``{"conductor": {"note": true}}``; None where it is not said."""
    said = body.get("conductor")
    if said is None:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("note", False), bool):
        raise invalid('conductor: expected {"note": true} or {"note": false}', "conductor")
    return said.get("note")


def sampling(body: Mapping[str, Any], *longest: str) -> dict[str, Any]:
    """Temperature, seed, stop and the longest reply, which the protocols name differently."""
    limit = next((name for name in longest if body.get(name) is not None), None)
    seed = _whole(body, "seed", least=None)
    return {
        "temperature": _number(body, "temperature"),
        "seed": None if seed is None else seed % _LARGEST_SEED,
        "max_tokens": _whole(body, limit, least=1) if limit else None,
        "stop": _stops(body.get("stop")),
    }


def schema_of(wanted: object, param: str) -> Mapping[str, Any] | None:
    """The JSON schema of a reply, from ``response_format`` or ``text.format``; None: any text will do."""
    if wanted is None:
        return None
    if not isinstance(wanted, dict):
        raise invalid(f"{param}: expected an object, got {_kind(wanted)}", param)
    kind = wanted.get("type")
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        raise invalid(f"{param}.type: expected 'text', 'json_object' or 'json_schema', got {kind!r}", param)
    schema = wanted.get("json_schema", wanted)
    schema = schema.get("schema") if isinstance(schema, dict) else None
    if not isinstance(schema, dict):
        raise invalid(f"{param}: expected a JSON schema, got {_kind(schema)}", param)
    return schema


def function(described: object, param: str) -> dict[str, Any]:
    """A function that may be called, in the form of chat completions.

    Raises:
        ApiError: Its name or its schema is broken.
    """
    if not isinstance(described, dict):
        raise invalid(f"{param}: expected an object, got {_kind(described)}", param, code="invalid_tool")
    name = described.get("name")
    if not isinstance(name, str) or not _FUNCTION.fullmatch(name):
        raise invalid(
            f"{param}.name: expected 1 to 128 letters, digits and '_.:/-', got {name!r:.80}", param, code="invalid_tool"
        )
    made: dict[str, Any] = {"name": name}
    if described.get("description") is not None:
        made["description"] = text(described["description"], f"{param}.description")
    parameters = described.get("parameters")
    if parameters is not None:
        _check_schema(parameters, f"{param}.parameters")
        made["parameters"] = parameters
    if isinstance(described.get("strict"), bool):
        made["strict"] = described["strict"]
    return {"type": "function", "function": made}


def refused_part(kind: object, param: str) -> ApiError:
    """A part of a message that is no text."""
    what = "images are" if isinstance(kind, str) and "image" in kind else f"parts of type {kind!r:.60} are"
    return invalid(
        f"{param}: {what} not supported: the models are asked with text alone", param, code="unsupported_content"
    )


def _check_schema(schema: object, param: str) -> None:
    """What no server could read; it is not checked against the whole of JSON Schema."""
    if not isinstance(schema, dict):
        raise invalid(f"{param}: expected a JSON schema, got {_kind(schema)}", param, code="invalid_tool")
    if schema.get("type", "object") != "object":
        raise invalid(
            f"{param}.type: expected 'object', got {schema['type']!r:.80}", f"{param}.type", code="invalid_tool"
        )
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(one, dict | bool) for one in properties.values()):
        where = f"{param}.properties"
        raise invalid(f"{where}: expected a schema for each name", where, code="invalid_tool")
    required = schema.get("required") or []
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise invalid(f"{param}.required: expected a list of names", f"{param}.required", code="invalid_tool")


def _number(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= 2):
        raise invalid(f"{name}: expected a number from 0 to 2, got {value!r:.80}", name)
    return float(value)


def _whole(body: Mapping[str, Any], name: str, *, least: int | None) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    wrong = isinstance(value, bool) or not isinstance(value, int)
    if wrong or (least is not None and not least <= value <= _LARGEST):
        span = "" if least is None else f" from {least} to {_LARGEST}"
        raise invalid(f"{name}: expected a whole number{span}, got {value!r:.80}", name)
    whole: int = value
    return whole


def _stops(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or len(stops) > _MOST_STOPS or not all(isinstance(one, str) for one in stops):
        raise invalid(f"stop: expected a text, or a list of {_MOST_STOPS} at most", "stop")
    return tuple(text(stop, "stop") for stop in stops if stop)


def _kind(value: object) -> str:
    """A JSON value's type in words."""
    if value is None:
        return "null"
    words = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return words.get(type(value), "an object")
