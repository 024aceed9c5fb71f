"""Logs of what happens: on standard error as far as -v asks, and as JSON lines in a file; never a key in them."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from codeconductor.cli import console
from codeconductor.converters import answer_document, consensus_document, to_plain
from codeconductor.errors import InputError
from codeconductor.events import Answered, Arriving, Asked, Decided, Discovered, Event, RunStarted, Stepped, Warned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codeconductor.session import Session

log = logging.getLogger("codeconductor")

_REQUESTS = logging.getLogger("httpx2")

_LOGGED: ContextVar[Session | None] = ContextVar("_LOGGED", default=None)
"""Whose doings these are: sessions that are open at once each have handlers of their own."""


@contextmanager
def logging_to(session: Session | None, path: str | None) -> Iterator[None]:
    """Log the session's events, and what a command says to `log`, while the context lasts.

    Args:
        session: None: the command needs none, and knows no keys.
        path: That of `--log-file`; None: no file is written.

    Raises:
        InputError: The file cannot be written.
    """
    blanked = str if session is None else session.blanked
    handlers: list[logging.Handler] = []
    if console.Verbosity.verbose and not console.Verbosity.quiet:
        handlers.append(_OnConsole(blanked, logging.DEBUG if console.Verbosity.verbose >= 2 else logging.INFO))
    if path is not None:
        handlers.append(_InFile(blanked, path))
    if not handlers:
        yield
        return
    if session is not None:
        session.events.subscribe(_log_event)
    token = _LOGGED.set(session)
    for handler in handlers:
        handler.addFilter(lambda _record: _LOGGED.get() is session)
    for logger in (log, _REQUESTS):
        logger.setLevel(min(handler.level for handler in handlers))
        logger.propagate = False
        for handler in handlers:
            logger.addHandler(handler)
    try:
        yield
    finally:
        _LOGGED.reset(token)
        for handler in handlers:
            for logger in (log, _REQUESTS):
                logger.removeHandler(handler)
            handler.close()


def _log_event(event: Event) -> None:
    if isinstance(event, Arriving):
        return
    level, message, data = _described(event)
    log.log(level, message, extra={"event": type(event).__name__, "data": data})


def _described(event: Event) -> tuple[int, str, dict[str, Any]]:
    match event:
        case Discovered(models, problems):
            ids = [model.id for model in models]
            found = f"found {', '.join(ids) or 'no model'}"
            failed = "".join(f"; {problem.provider}: {problem.error}" for problem in problems)
            return logging.INFO, found + failed, {"models": ids, "problems": to_plain(problems)}
        case RunStarted(run):
            ids = [model.id for model in run.models]
            return logging.INFO, f"run {run.id} asks {', '.join(ids)}", {"run": run.id, "models": ids}
        case Asked(model, sample, loading):
            message = f"asking {model.id}, sample {sample}" + (", which has to load first" if loading else "")
            return logging.DEBUG, message, {"model": model.id, "sample": sample, "loading": loading}
        case Answered(answer):
            ended = "answered" if answer.error is None else f"failed ({answer.error.kind}: {answer.error.message})"
            message = f"{answer.model.id}, sample {answer.sample}: {ended}"
            return logging.INFO, message, answer_document(answer)
        case Decided(consensus):
            message = f"{consensus.strategy}: agreement {consensus.agreement:.2f}. {consensus.explanation}"
            return logging.INFO, message, consensus_document(consensus)
        case Stepped(message):
            return logging.INFO, message, {}
        case Warned(message):
            return logging.WARNING, message, {}
    return logging.DEBUG, type(event).__name__, {}


class _OnConsole(logging.Handler):
    """Lines for people; warnings are shown already by whoever shows progress."""

    def __init__(self, blanked: Callable[[str], str], level: int) -> None:
        super().__init__(level)
        self._blanked = blanked

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        if record.name == _REQUESTS.name and console.Verbosity.verbose < 2:
            return
        event = getattr(record, "event", None)
        for line in _details(record) if event in _SHOWN_ALREADY else [record.getMessage()]:
            console.notice(self._blanked(line))


_SHOWN_ALREADY = frozenset({"RunStarted", "Answered", "Decided", "Stepped", "Warned"})
"""Events that progress shows; of a decision, -v adds what it consists of."""


def _details(record: logging.LogRecord) -> Iterator[str]:
    data: dict[str, Any] = getattr(record, "data", {})
    for field in data.get("fields", ()):
        yield f"  agreed, {field['support']:.2f}: {field['name']}: {_brief(field['value'])}"
    for disagreement in data.get("disagreements", ()):
        for option in disagreement["options"]:
            yield f"  open, {option['support']:.2f}: {disagreement['field']}: {_brief(option['value'])}"


def _brief(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 100 else text[:99] + "…"


class _InFile(logging.Handler):
    """JSON lines: time, level, message, event and its data."""

    def __init__(self, blanked: Callable[[str], str], path: str) -> None:
        super().__init__(logging.DEBUG)
        self._blanked = blanked
        try:
            self._file = open(path, "a", encoding="utf-8")  # noqa: PTH123, SIM115 - closed by close()
        except OSError as exc:
            raise InputError(f"cannot write the log {path!r}: {exc.strerror}", hint="give another --log-file") from exc

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a full disk stops no run."""
        entry = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None),
            "message": record.getMessage(),
            "data": getattr(record, "data", {}),
        }
        try:
            self._file.write(self._blanked(json.dumps(entry, ensure_ascii=False, default=str)) + "\n")
            self._file.flush()
        except OSError:
            return

    def close(self) -> None:
        """Close the file; what a full disk did not take is tried once more, and is then lost."""
        with suppress(OSError):
            self._file.close()
        super().close()
