"""Errors in OpenAI's form, and which one each of CodeConductor's becomes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from codeconductor import ConductorError, InputError, NoAnswerError, NoModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeconductor import Answer

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

_LISTED = 8
"""Names that a message lists at most."""


_SETTINGS = {
    "--load-timeout": "[run] load_timeout",
    "--timeout": "[serve] timeout",
    "--samples": "[run] samples",
    "--min-confidence": "[run] min_confidence",
}
"""What options of a run are called here, where hints name them: a request has no options."""


class ApiError(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: What happened, and what to do.
        code: A short word for programs.
        param: The field of the request that it is about.
    """

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def document(self) -> dict[str, Any]:
        """The body of the reply."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None = None, *, code: str = "invalid_request") -> ApiError:
    """A request that is wrong."""
    return ApiError(400, message, code=code, param=param)


def unknown_model(name: str, known: Iterable[str]) -> ApiError:
    """No model of that name; the message has the nearest ones, or else some of all."""
    names = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    bare = {candidate.rpartition("/")[2].casefold(): candidate for candidate in names}
    near = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    near += [bare[match] for match in get_close_matches(name.rpartition("/")[2].casefold(), bare, n=3, cutoff=0.6)]
    near = list(dict.fromkeys(near))[:3]
    shown = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(names[:_LISTED])}"
    return ApiError(404, f"the model {name[:200]!r} does not exist; {shown}", code="model_not_found", param="model")


def of_answers(answers: Iterable[Answer], message: str) -> ApiError:
    """Nobody gave a usable answer: the prompt was too long for each model, or 502."""
    kinds = {answer.error.kind for answer in answers if answer.error is not None}
    if kinds == {"context_overflow"}:
        return ApiError(400, message, code="context_length_exceeded", param="messages")
    return ApiError(502, message, code="no_answer")


def in_words(message: str, hint: str | None) -> str:
    """What happened, and what to do about it where the server runs."""
    if hint is None:
        return message
    for option, named in _SETTINGS.items():
        hint = hint.replace(option, named)
    return f"{message} ({hint})"


def of_conductor(error: ConductorError, answers: Iterable[Answer] = ()) -> ApiError:
    """What stopped a run."""
    message = in_words(error.message, error.hint)
    if isinstance(error, NoModelError):
        return ApiError(503, message, code="no_models")
    if isinstance(error, NoAnswerError):
        return of_answers(answers, message)
    if isinstance(error, InputError):
        return invalid(message)
    return ApiError(500, message, code="plugin_failed")
