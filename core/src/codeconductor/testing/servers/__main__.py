"""`python -m codeconductor.testing.servers ollama --model NAME …` runs one scripted server and prints its address."""

from __future__ import annotations

import argparse
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
)

if TYPE_CHECKING:
    from codeconductor.testing.servers.wire import Fault

_KINDS: dict[str, type[ScriptedServer]] = {
    "ollama": ScriptedOllama,
    "lmstudio": ScriptedLMStudio,
    "openai": ScriptedOpenAI,
}
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def read_model(text: str) -> ScriptedModel:
    """`NAME` or `NAME,pace=0.01,loaded=no,reply=@FILE,fault=cut:40`; the fields are those of `ScriptedModel`."""
    name, *settings = text.split(",")
    known = {field.name: field.default for field in attrs.fields(ScriptedModel)}
    values: dict[str, object] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals or field not in known:
            raise argparse.ArgumentTypeError(f"{setting!r}: expected FIELD=VALUE, FIELD one of {', '.join(known)}")
        try:
            values[field] = _value(field, value, known[field])
        except (ValueError, KeyError, TypeError, OSError) as exc:
            raise argparse.ArgumentTypeError(f"{setting!r}: {exc}") from exc
    return ScriptedModel(name=name, **values)  # type: ignore[arg-type]  # read as the type of the field's default


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
    return int(text) if default is None or isinstance(default, int) else text


def read_fault(text: str) -> Fault:
    """`NAME` or `NAME:ARGUMENT`, such as `cut:40` or `status:503`."""
    name, colon, argument = text.partition(":")
    if name not in FAULTS:
        raise ValueError(f"no such fault; known: {', '.join(sorted(FAULTS))}")
    if not colon:
        return FAULTS[name]()
    return FAULTS[name](int(argument) if argument.isdecimal() else argument)


def main(arguments: list[str] | None = None) -> int:
    """Serve until it is interrupted, terminated, or its standard input ends where that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m codeconductor.testing.servers",
        description="Runs one scripted model server on loopback and prints its address.",
    )
    parser.add_argument("kind", choices=_KINDS)
    parser.add_argument(
        "--model", action="append", type=read_model, required=True, metavar="NAME[,FIELD=VALUE]…", help="repeatable"
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default: a free one")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    options = parser.parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with _KINDS[options.kind](*options.model, port=options.port) as server:
        print(server.host, flush=True)
        if options.until_eof:
            sys.stdin.read()
        else:
            ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
