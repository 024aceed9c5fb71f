"""What can go wrong, as a small tree; nothing else in core defines an exception.

    ConductorError           a condition that a user can cause or meet       exit 1
    ├── InputError           command line, configuration or an input file    exit 2
    ├── NoModelError         nothing reachable, or nothing matched           exit 3
    ├── NoAnswerError        models were found, none gave a usable answer    exit 4
    ├── NothingWrittenError  a coder failed, or changed nothing              exit 4
    ├── LowConfidenceError   less agreement than `--min-confidence`          exit 5
    ├── NotApprovedError     a person did not approve                        exit 6
    ├── TestsFailedError     the tests failed, or their report is not whole  exit 7
    ├── ConflictError        the result could not be applied                 exit 8
    ├── PluginError          a plugin that was asked for by name failed      exit 1
    └── ProviderError        one model or one host failed                    (becomes part of an answer or a listing)

A plugin may raise any of them for trouble that it expects; everything else that it raises is a fault of the plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

ErrorKind = Literal[
    "unreachable",
    "refused",
    "overloaded",
    "server",
    "protocol",
    "timeout",
    "context_overflow",
    "empty",
    "cancelled",
    "plugin",
]
"""Why an answer failed; the values of ``error.kind`` in the `--json` documents."""

ERROR_KINDS: frozenset[str] = frozenset(get_args(ErrorKind))


class ConductorError(Exception):
    """A condition that a user can cause or meet: shown as two lines, without a traceback.

    Args:
        message: What happened, lower case, with the value that caused it.
        hint: What to do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = str(message)  # `ProviderError(exc)` is written quickly
        self.hint = None if hint is None else str(hint)
        super().__init__(self.message)


class InputError(ConductorError):
    """The command line, the configuration or an input file is wrong."""

    exit_code = 2


class NoModelError(ConductorError):
    """No model could be found: nothing is reachable, or nothing matched."""

    exit_code = 3


class NoAnswerError(ConductorError):
    """Models were found, but none gave a usable answer."""

    exit_code = 4


class NothingWrittenError(ConductorError):
    """A coder failed, or changed nothing."""

    exit_code = 4


class NotApprovedError(ConductorError):
    """A person did not approve what was written, or nobody was there to be asked."""

    exit_code = 6


class ConflictError(ConductorError):
    """Files changed while the coder worked, or cannot be written: nothing was applied.

    Args:
        message: What happened.
        paths: The files.
        hint: What to do about it.
    """

    exit_code = 8

    def __init__(self, message: str, *, paths: Iterable[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.paths = tuple(paths)


class LowConfidenceError(ConductorError):
    """The consensus reached less than was asked for; its result is printed all the same."""

    exit_code = 5


class TestsFailedError(ConductorError):
    """Tests failed, took too long, or ended without their full report; what is known of them is still printed."""

    exit_code = 7


class PluginError(ConductorError):
    """A strategy or renderer that was asked for by name raised something of its own."""


class ProviderError(ConductorError):
    """One model or one host failed; the others go on.

    Args:
        message: What happened.
        kind: One of the contract's kinds. An unknown one counts as ``"plugin"``. An ``"overloaded"`` server is asked
            again within the model's time limit, where nothing of an answer had come.
        hint: What to do about it.
        status: The HTTP status that told it; None: none did.
        retry_after: Seconds after which the server wants to be asked again; None: it does not say.
        unloaded: The model turned out not to be in memory: it is loaded, and asked once more.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str = "server",
        hint: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        unloaded: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind: str = kind if kind in ERROR_KINDS else "plugin"
        self.status = status
        self.retry_after = retry_after
        self.unloaded = unloaded


def is_fault(exc: BaseException) -> bool:
    """Whether what a plugin's code raised is a fault of its own, which costs only itself.

    So is `SystemExit`, and what libraries derive from `BaseException` or `KeyboardInterrupt`, such as the panics of
    those that are written in Rust. Ctrl-C is none, nor is a cancellation that somebody asked for, nor that a coroutine
    is closed.
    """
    if isinstance(exc, Exception):
        return True
    from asyncio import CancelledError, current_task

    if isinstance(exc, CancelledError):
        try:
            task = current_task()
        except RuntimeError:  # in a thread, where nothing is cancelled
            return True
        return task is not None and not task.cancelling()
    return type(exc) is not KeyboardInterrupt and not isinstance(exc, GeneratorExit)


def in_words(exc: BaseException) -> str:
    """What was raised, as ``ValueError: what it says``; its type alone where it says nothing, or fails to."""
    kind = type(exc).__name__
    try:
        said = str(exc)
    except BaseException as trouble:  # of a plugin's own making
        if not is_fault(trouble):
            raise
        said = ""
    return f"{kind}: {said}" if said else kind


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known name that `name` was most likely meant to be; None: none is as like as that (1: the same)."""
    from difflib import get_close_matches

    candidates = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(name.casefold(), candidates, n=1, cutoff=likeness)
    return candidates[matches[0]] if matches else None


def unknown_name(what: str, name: str, known: Iterable[str], *, hint: str | None = None) -> InputError:
    """An unknown name of a `what`, with the nearest known one in the hint; without one, with all of them."""
    names = sorted(known)
    close = nearest(name, names)
    if close is not None:
        advice = f"did you mean {close!r}?"
    elif names:
        advice = f"known: {', '.join(names)}"
    else:
        advice = hint or f"no {what} is installed"
    return InputError(f"unknown {what} {name!r}", hint=advice)
