"""Who may ask: the token, and against DNS rebinding and foreign web pages the headers Host and Origin."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from codeconductor import frozen
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from codeconductor_serve._errors import ApiError
from codeconductor_serve._json import reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = "/healthz"
"""Needs no token: it tells nothing but that the server is there."""


@frozen(kw_only=True)
class Door:
    """Who may ask.

    Attributes:
        host: The address that the server is bound to.
        token: That every request has to bring; None: nobody needs one.
        hosts: Further names of the server.
        origins: Of web pages that may ask, beside those of this machine.
    """

    host: str
    token: str | None = attrs.field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def foreign(self, _path: str, headers: Headers) -> ApiError | None:
        """Why a request is refused for where it comes from; None: it is not."""
        host = _name(f"//{headers.get('host', '')}")
        if not self._is_ours(host):
            return ApiError(403, f"host {host[:100]!r} is not this server", code="foreign_host")
        origin = headers.get("origin")
        if origin is not None and not self.is_welcome(origin):
            message = f"web pages of {origin[:100]!r} may not ask; [serve] origins lists those that may"
            return ApiError(403, message, code="foreign_origin")
        return None

    def locked(self, path: str, headers: Headers) -> ApiError | None:
        """Why a request is refused for want of the token; None: it is not."""
        if self.token is not None and path != OPEN:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            right = hmac.compare_digest(given.strip().encode(), self.token.encode())
            if scheme.lower() != "bearer" or not right:
                return ApiError(401, "the token is missing or wrong", code="invalid_api_key")
        return None

    def _is_ours(self, host: str) -> bool:
        """A name that somebody else could point at this machine is not ours; a bare address nobody can."""
        if host in self.hosts or host == self.host.lower() or is_here(host):
            return True
        try:
            ip_address(host)
        except ValueError:
            return False
        return not is_here(self.host)

    def is_welcome(self, origin: str) -> bool:
        """Whether pages of that origin may ask."""
        return origin.rstrip("/").lower() in self.origins or is_here(_name(origin))


def is_here(host: str) -> bool:
    """Whether a host name or address is this machine's loopback, whatever a name server says."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _name(address: str) -> str:
    """The host in an address, in lower case; empty where there is none."""
    try:
        parts = urlsplit(address)
        return "" if parts.username is not None else (parts.hostname or "")
    except ValueError:
        return ""


class Guard:
    """Refuses before anything of a request is looked at.

    Args:
        app: What is behind it.
        refusal: Why a request for a path with its headers is refused; None: it is not.
    """

    def __init__(self, app: ASGIApp, refusal: Callable[[str, Headers], ApiError | None]) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "http":
            refusal = self._refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else None
                await reply(refusal.document(), refusal.status, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Pages(CORSMiddleware):
    """Tells browsers which pages may ask and read the replies: those that are not refused.

    A browser asks beforehand without the token, so this stands before that is looked at.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),  # clients send many of their own
            allow_private_network=True,
            expose_headers=("retry-after",),
        )
        self._door = door

    def is_allowed_origin(self, origin: str) -> bool:
        """As the door has it."""
        return self._door.is_welcome(origin)


def guards(door: Door) -> list[Middleware]:
    """What stands before the endpoints, the outermost first."""
    return [
        Middleware(Guard, refusal=door.foreign),
        Middleware(Pages, door=door),
        Middleware(Guard, refusal=door.locked),
    ]
