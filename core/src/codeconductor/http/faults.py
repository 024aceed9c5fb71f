"""What went wrong between us and a server, in the contract's kinds."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codeconductor.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

_OVERFLOW = re.compile(
    r"context.{0,40}(length|size|window|maximum|overflow)|exceed_context_size", re.IGNORECASE | re.DOTALL
)
_EXCERPT = 200
"""Characters of a server's own words that an error message repeats."""


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
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
        raise ProviderError(f"cannot connect to {host}: {_reason(exc)}", kind="unreachable", hint=hint) from exc
    except httpx2.TimeoutException as exc:
        raise ProviderError(f"{host} did not answer in time", kind="timeout") from exc
    except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError, httpx2.DecodingError) as exc:
        raise ProviderError(
            f"{host} broke off its reply: {_reason(exc)}", kind="protocol", hint="look into the server's log"
        ) from exc
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
        raise ProviderError(f"{host}: {_reason(exc)}", kind="protocol") from exc


def _reason(exc: Exception) -> str:
    cause: BaseException | None = exc
    while cause is not None:  # the innermost error names the reason: "connection refused", not "all attempts failed"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(exc) or type(exc).__name__


async def checked(response: httpx2.Response, *, hint: str | None = None) -> httpx2.Response:
    """The response as it is when its status is a success; otherwise the `ProviderError` that its body tells.

    Args:
        response: May still be unread; the body of a failure is read, up to 64 KiB.
        hint: What to do when the server says no.
    """
    if response.is_success:
        return response
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > 64 * 1024:
            break
    raise fault_of_status(response.status_code, body.decode("utf-8", "replace"), str(response.url), hint=hint)


def fault_of_status(status: int, body: str, url: str, *, hint: str | None = None) -> ProviderError:
    """The failure that a status and a body tell, with the server's own words."""
    words = message_of(body)
    said = f"HTTP {status} from {url}" + (f": {words}" if words else "")
    if _OVERFLOW.search(words) or _OVERFLOW.search(body[:2000]):
        return ProviderError(said, kind="context_overflow", hint="shorten the task or its context files")
    if 300 <= status < 400:
        return ProviderError(
            said + " (redirects are not followed)", kind="protocol", hint="configure the final address"
        )
    if status in {429, 503}:
        return ProviderError(said, kind="overloaded", hint="ask fewer models or samples at once")
    if status < 500:
        return ProviderError(said, kind="refused", hint=hint)
    return ProviderError(said, kind="server", hint=hint or "look into the server's log")


def message_of(body: str) -> str:
    """The words of an error body in any of the forms that servers use; else its first 200 characters."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _excerpt(re.sub(r"<[^>]*>", " ", body))
    if isinstance(data, dict):
        error = data.get("error")
        if isinstance(error, dict):
            error = error.get("message") or error.get("type")
        words = error or data.get("message") or data.get("detail")
        if words:
            return _excerpt(words if isinstance(words, str) else json.dumps(words))
    return _excerpt(body)


def _excerpt(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
