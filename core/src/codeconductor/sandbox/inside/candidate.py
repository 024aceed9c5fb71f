"""Runs one candidate in this very process: the program once, then each input, and a line of JSON after each.

What the candidate does to this process it does to its own outcomes alone: the process was forked for it, ends with it,
and never holds what is expected of it.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import sys
import types
from typing import Any, NoReturn, TypedDict

from .encode import Encoder, UnreadableError
from .script import Write, run_scripts

_exit, _getpid, _dumps = os._exit, os.getpid, json.dumps  # as they are before a candidate has changed them

_FIXED = frozenset({bool, bytes, complex, float, int, str, type(None)})
"""Types of values that no call changes."""


class Work(TypedDict):
    """What the host sends: the program, its inputs from the first that is still to be run, and the form they have.

    Attributes:
        program: Python source.
        inputs: Sources of arguments, or standard inputs.
        entry_point: A function, `Solution().method`, or empty for a whole program.
        output: Characters of one result.
        state: Of the random numbers.
    """

    program: str
    inputs: list[str]
    entry_point: str
    output: int
    state: int


def run(told: int, heard: int) -> NoReturn:
    """Do the work, and end the process.

    Args:
        told: Descriptor of a file that holds the `Work`.
        heard: Descriptor of a file of zero bytes, which the outcomes are written over.
    """
    with mmap.mmap(told, 0, access=mmap.ACCESS_READ) as text:
        work: Work = json.loads(text[:])
    write = _writer(mmap.mmap(heard, 0))
    os.close(told)
    os.close(heard)
    random.seed(work["state"])
    if work["entry_point"]:
        _run_calls(work, write)
    else:
        run_scripts(work["program"], work["inputs"], work["output"], write)
    _exit(0)


def _writer(shared: mmap.mmap) -> Write:
    """Writes outcomes into memory that the host shares, a line each, so that nobody is woken for each of them."""
    me = _getpid()

    def write(kind: str, value: str, arguments: str | None) -> None:
        if _getpid() != me:  # the candidate has forked, and its child came back here too
            _exit(0)
        shared.write(_dumps([kind, value, arguments]).encode("ascii") + b"\n")

    return write


def _run_calls(work: Work, write: Write) -> None:
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module  # dataclasses and pickle look there
    namespace = module.__dict__
    try:
        exec(compile(work["program"], "<candidate>", "exec", dont_inherit=True), namespace)  # noqa: S102
    except BaseException as exc:  # noqa: BLE001 - a program may raise anything, SystemExit too
        for _ in work["inputs"]:
            write("raised", _class_name(exc), None)
        return
    for arguments in work["inputs"]:
        _run_call(namespace, work["entry_point"], arguments, work["output"], write)


def _run_call(namespace: dict[str, Any], entry_point: str, source: str, most: int, write: Write) -> None:
    """One call, with what its arguments were and are; an object that the entry point needs is made anew for each."""
    owner, _, method = entry_point.rpartition("().")
    if not _is_there(namespace, owner, method):
        write("absent", "", None)
        return
    try:
        arguments, keywords = eval(f"(lambda *a, **k: (a, k))({source}\n)", namespace)  # noqa: S307
        before = _told(arguments, keywords, most)
        function = getattr(namespace[owner](), method) if owner else namespace[method]
        returned = function(*arguments, **keywords)
        if type(returned) is types.CoroutineType:
            import asyncio

            returned = asyncio.run(returned)
        value = Encoder(most).encode(returned)
        after = _told(arguments, keywords, most)
    except (UnreadableError, RecursionError) as exc:
        if type(exc) is RecursionError:
            write("raised", "RecursionError", None)
        else:
            write("unreadable", "", None)
    except BaseException as exc:  # noqa: BLE001 - a program may raise anything, SystemExit too
        write("raised", _class_name(exc), None)
    else:
        write("returned", value, after if after != before else None)


def _is_there(namespace: dict[str, Any], owner: str, method: str) -> bool:
    return hasattr(namespace.get(owner), method) if owner else callable(namespace.get(method))


def _told(arguments: tuple[object, ...], keywords: dict[str, object], most: int) -> str | None:
    """Arguments as they are, iterators left alone; None: no call can change them, or they cannot be told."""
    if all(type(value) in _FIXED for value in (*arguments, *keywords.values())):
        return None
    try:
        return Encoder(most, drain=False).encode((arguments, keywords))
    except Exception:  # noqa: BLE001 - a program's own objects may fail in any way, and are then not compared
        return None


def _class_name(exc: BaseException) -> str:
    return str(type.__getattribute__(type(exc), "__name__"))[:200]
