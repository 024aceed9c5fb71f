"""Opens one HTTP client for one host."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

CONNECT_TIMEOUT = 2.0
"""Seconds to connect: a dead host costs no more than this, in parallel with the live ones."""

KEEPALIVE = 2.0
"""Seconds an idle connection is kept: less than the 5 s after which Node-based servers close theirs."""

KEPT = 8
"""Idle connections that are kept for each host."""


def is_loopback(host: str) -> bool:
    """Whether a base address names this machine itself."""
    name = urlsplit(host).hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def open_client(host: str, *, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
    """An async client whose base address is `host`; the caller closes it.

    There is no limit on how long a reply takes: dispatch and discovery set that, in total and not per read.
    """
    import httpx2

    from codeconductor.http.plain import PlainTransport

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=KEEPALIVE)
    is_plain = urlsplit(host).scheme != "https"
    return httpx2.AsyncClient(
        base_url=host,
        headers={"accept-encoding": "identity", **(headers or {})},
        transport=PlainTransport(keeps=KEPT, expiry=KEEPALIVE) if is_plain else None,
        verify=not is_plain,
        trust_env=not is_plain and not is_loopback(host),
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT),
        limits=limits,
    )
