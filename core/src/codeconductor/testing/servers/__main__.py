"""`python -m codeconductor.testing.servers ollama --model NAME …` runs one scripted server and prints its address."""

from __future__ import annotations

import argparse
import inspect
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from codeconductor.testing.servers import (
    FAULTS,
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    ScriptedServer,
    combined,
    only_first,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.testing.servers.wire import Fault

_KINDS: dict[str, type[ScriptedServer]] = {
    "ollama": ScriptedOllama,
    "lmstudio": ScriptedLMStudio,
    "openai": ScriptedOpenAI,
}
_WORDS = {"yes": True, "true": True, "no": False, "false": False}
_NOT_SET = {"models", "faults", "port"}
"""Arguments of a server that have options of their own."""


def read_model(text: str) -> ScriptedModel:
    """`NAME` or `NAME,pace=0.01,loaded=no,reply=@FILE,fault=cut:40`; the fields are those of `ScriptedModel`."""
    name, *settings = text.split(",")
    values = _settings(settings, {field.name: field.default for field in attrs.fields(ScriptedModel)})
    return ScriptedModel(name=name, **values)  # type: ignore[arg-type]  # read as the type of the field's default


def _settings(settings: list[str], known: Mapping[str, object]) -> dict[str, object]:
    """`FIELD=VALUE`, each read as the type of the field's default."""
    values: dict[str, object] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals or field not in known:
            raise argparse.ArgumentTypeError(f"{setting!r}: expected FIELD=VALUE, FIELD one of {', '.join(known)}")
        try:
            values[field] = _value(field, value, known[field])
        except (ValueError, KeyError, TypeError, OSError) as exc:
            raise argparse.ArgumentTypeError(f"{setting!r}: {exc}") from exc
    return values


def _value(field: str, text: str, default: object) -> object:
    if field == "fault":
        return read_fault(text)
    if field == "reply":
        return Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    if isinstance(default, bool):
        return _WORDS[text.lower()]
    if isinstance(default, tuple):
        return tuple(text.split("+"))
    if isinstance(default, float):
        return float(text)
    if field == "key":
        return text
    return int(text) if default is None or isinstance(default, int) else text


def read_fault(text: str) -> Fault:
    """`NAME` or `NAME:ARGUMENT+…`, such as `cut:40`, `overloaded:429+retry_after=2`, `only_first:1+dies_idle`.

    Faults of one reply are joined by `|`: `huge_frame:1000000|gzipped`.

    Raises:
        ValueError: There is no such fault.
        TypeError: It has no such arguments.
    """
    if "|" in text:
        return combined(*map(read_fault, text.split("|")))
    name, _, rest = text.partition(":")
    if name == only_first.__name__:
        requests, _, rest = rest.partition("+")
        return only_first(int(requests), read_fault(rest))
    if name not in FAULTS:
        raise ValueError(f"no such fault; known: {', '.join(sorted([*FAULTS, only_first.__name__]))}")
    given: list[object] = []
    named: dict[str, object] = {}
    for argument in filter(None, rest.split("+")):
        field, equals, value = argument.partition("=")
        if equals and field.isidentifier():
            named[field] = _argument(value)
        else:
            given.append(_argument(argument))
    return FAULTS[name](*given, **named)


def _argument(text: str) -> object:
    """A number or a word of yes and no where the text is one."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _read_fault_of_path(text: str) -> tuple[str, Fault]:
    path, _, fault = text.partition("=")
    try:
        return path, read_fault(fault)
    except (ValueError, TypeError) as exc:
        raise argparse.ArgumentTypeError(f"{text!r}: {exc}") from exc


def _list_faults() -> str:
    """A line for every fault that has a name."""
    lines = []
    for name, maker in sorted({**FAULTS, only_first.__name__: only_first}.items()):
        arguments = "+".join(inspect.signature(maker).parameters)
        lines.append(f"  {name}{':' if arguments else ''}{arguments}\n      {(maker.__doc__ or '').splitlines()[0]}")
    return "\n".join(["faults, `|` between those of one reply:", *lines])


def main(arguments: list[str] | None = None) -> int:
    """Serve until it is interrupted, terminated, or its standard input ends where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m codeconductor.testing.servers",
        description="Runs one scripted model server on loopback and prints its address.",
        epilog=_list_faults(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=_KINDS)
    parser.add_argument(
        "--model", action="append", type=read_model, required=True, metavar="NAME[,FIELD=VALUE]…", help="repeatable"
    )
    parser.add_argument(
        "--fault",
        action="append",
        type=_read_fault_of_path,
        default=[],
        metavar="PATH=FAULT",
        help="what goes wrong with a path, `*` for every one; repeatable",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="an argument of the server; repeatable"
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default: a free one")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    options = parser.parse_args(arguments)
    kind = _KINDS[options.kind]
    signature = inspect.signature(kind).parameters.values()
    try:
        own = _settings(options.set, {one.name: one.default for one in signature if one.name not in _NOT_SET})
    except argparse.ArgumentTypeError as exc:
        parser.error(str(exc))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    faults = dict(options.fault)
    with kind(*options.model, faults=faults, port=options.port, **own) as server:
        print(server.host, flush=True)
        if options.until_eof:
            sys.stdin.read()
        else:
            ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
