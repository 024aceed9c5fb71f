"""What went wrong between us and a server, in the contract's kinds."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_OVERFLOW = re.compile(
    r"context.{0,40}(length|size|window|maximum|overflow)|exceed_context_size|prompt.{0,20} too long"
    r"|max(imum)?[ _](model|seq(uence)?|prompt|input|allowed)[ _]len|`?inputs`? tokens? \+ `?max_new_tokens",
    re.IGNORECASE | re.DOTALL,
)
"""Of llama.cpp, LM Studio, Ollama, SGLang; and of vLLM, TabbyAPI and TGI where they do not speak of a context."""
_NOT_OVERFLOW = re.compile(r"fail\w* to load|loading model", re.IGNORECASE)
"""A load that fails names its context length too, and a shorter task would not help it."""

_STATUS_OF_OVERFLOW = frozenset({400, 413, 422, 500})
"""Statuses that servers give for a prompt that is too long: a 404 may have such words in the name of a model."""

_UNKNOWN_PATH = "unexpected endpoint or method"
"""LM Studio's words, with status 200, for a path that it does not know."""

_BUSY = re.compile(
    r"maximum pending requests|server (is )?(busy|overloaded)|too many requests|queue is full", re.IGNORECASE
)
"""A full queue, which not every server or proxy tells by a status."""

_EXCERPT = 200
"""Characters of a server's own words that an error message repeats."""

_SHORTEN = "shorten the task or its context files"
_ASK_LESS = "ask fewer models or samples at once"
_LOOK = "look into the server's log"
_NO_TLS = "write http:// where the server speaks no TLS; else this system must trust its certificate"


@contextmanager
def http_faults(host: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn the HTTP library's exceptions into `ProviderError` of the right kind.

    Args:
        host: Base address, named in the message.
        hint: What to do when the host cannot be reached, such as "start it with `ollama serve`".
    """
    import httpx2

    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as exc:
        if _is_of_tls(exc):
            hint = _NO_TLS
        raise ProviderError(f"cannot connect to {host}: {_reason(exc)}", kind="unreachable", hint=hint) from exc
    except httpx2.TimeoutException as exc:
        raise ProviderError(f"{host} did not answer in time", kind="timeout") from exc
    except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError, httpx2.DecodingError) as exc:
        raise ProviderError(f"{host} broke off its reply: {_reason(exc)}", kind="protocol", hint=_LOOK) from exc
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
        raise ProviderError(f"{host}: {_reason(exc)}", kind="protocol") from exc


def _is_of_tls(exc: BaseException) -> bool:
    """Whether somebody listens there, with whom no TLS connection could be made."""
    cause: BaseException | None = exc
    while cause is not None:
        if type(cause).__module__ == "ssl":
            return True
        cause = cause.__cause__ or cause.__context__
    return False


_NUMBER = re.compile(r"\[Errno (\d+)\]")


def _reason(exc: BaseException) -> str:
    """The system's own words, which stand innermost: "connection refused", not "all connection attempts failed"."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):  # one failure for each address of the name
            cause = cause.exceptions[0]
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, OSError):
            number = _NUMBER.search(str(cause))  # where several addresses failed, one after the other: of the first
            said = os.strerror(int(number[1])) if number else cause.strerror
            if said:
                return said.lower()
        cause = cause.__cause__ or cause.__context__
    return _excerpt(str(exc)) or type(exc).__name__


async def checked(response: httpx2.Response, *, hint: str | None = None) -> httpx2.Response:
    """The response as it is when its status is a success; otherwise the `ProviderError` that its body tells.

    Args:
        response: May still be unread; the body of a failure is read, up to 64 KiB.
        hint: What to do when the server says no.
    """
    if response.is_success:
        return response
    body = await beginning_of(response)
    wait = retry_after(response.headers.get("retry-after"))
    raise fault_of_status(response.status_code, body, str(response.url), hint=hint, retry_after=wait)


async def beginning_of(response: httpx2.Response, *, limit: int = 64 * 1024, seconds: float = 1.0) -> str:
    """The first bytes of a body as text, for messages: what is not UTF-8 is replaced, and the rest is not read.

    A body that breaks off, or does not come within so many seconds, gives what has come: its status says enough.
    """
    import httpx2

    body = b""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(seconds):
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    break
    return body[:limit].decode("utf-8", "replace")


def retry_after(header: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, which has them or a date; None: it says nothing of use."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):  # some servers give fractions, which the standard does not
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, until - time.time())


def fault_of_status(
    status: int, body: str, url: str, *, hint: str | None = None, retry_after: float | None = None
) -> ProviderError:
    """The failure that a status and a body tell, with the server's own words."""
    fault = _fault_of_status(status, body, url, hint)
    fault.status, fault.retry_after = status, retry_after
    return fault


def _fault_of_status(status: int, body: str, url: str, hint: str | None) -> ProviderError:
    words, labels = _told(_parsed(body))
    excerpt = _excerpt(words)
    said = f"HTTP {status} from {url}" + (f": {excerpt}" if excerpt else "")
    if status in _STATUS_OF_OVERFLOW and _is_overflow(words, labels):
        return ProviderError(said, kind="context_overflow", hint=_SHORTEN)
    if 300 <= status < 400:
        return ProviderError(
            said + " (redirects are not followed)", kind="protocol", hint="configure the final address"
        )
    if status == 413:
        hint = f"{_SHORTEN}, or raise the limit of the proxy before the server"
    if status in {429, 503}:
        return ProviderError(said, kind="overloaded", hint=_ASK_LESS)
    if status < 500:
        return ProviderError(said, kind="refused", hint=hint)
    return ProviderError(said, kind="server", hint=hint or _LOOK)


def fault_in_reply(data: object, host: str) -> ProviderError | None:
    """The failure that an object tells which came in place of an answer, with a status of success; None: it is none."""
    if not isinstance(data, dict) or not _is_fault(data):
        return None
    words, labels = _told(data)
    said = f"{host} reported an error: {_excerpt(words)}"
    if _UNKNOWN_PATH in words.lower():
        return ProviderError(said, kind="protocol", hint="is its address right? another program may listen there")
    if _is_overflow(words, labels):
        return ProviderError(said, kind="context_overflow", hint=_SHORTEN)
    if re.search(r"\b(429|503)\b", labels) or _BUSY.search(words):
        return ProviderError(said, kind="overloaded", hint=_ASK_LESS)
    return ProviderError(said, kind="server", hint=_LOOK)


def _is_fault(data: dict[str, Any]) -> bool:
    """OpenAI's form, the one of older vLLM servers, or FastAPI's, whose `detail` stands alone."""
    return bool(data.get("error") or data.get("object") == "error" or ("choices" not in data and data.get("detail")))


def _is_overflow(words: str, labels: str) -> bool:
    return bool(_OVERFLOW.search(words) or _OVERFLOW.search(labels)) and not _NOT_OVERFLOW.search(words)


def _parsed(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return re.sub(r"<[^>]*>", " ", body)  # the page of a proxy


def _told(data: object) -> tuple[str, str]:
    """(the words, the type and code) of an error body in any of the forms that servers use."""
    if not isinstance(data, dict):
        return _text_of(data), ""
    error = data.get("error")
    inner = error if isinstance(error, dict) else data
    labels = " ".join(str(inner[name]) for name in ("type", "code") if inner.get(name))
    words = error if isinstance(error, str) and error else None
    for source in (inner, data):
        for name in ("message", "detail", "type"):
            words = words or source.get(name)
    return _text_of(words or data), labels


def _text_of(words: Any) -> str:
    if isinstance(words, str):
        return words
    if isinstance(words, list):  # FastAPI: one entry a fault, each repeating the input that it is about
        words = [item.get("msg", item) if isinstance(item, dict) else item for item in words]
        return "; ".join(map(str, words))
    return json.dumps(words)


def _excerpt(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 50 * _EXCERPT]).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
