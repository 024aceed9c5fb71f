"""Reads OLLAMA_HOST as Ollama's own client does (`envconfig/config.go`), and gives the address to connect to.

The variable serves the server too, so it may say where to listen (`0.0.0.0`) in place of where to connect.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

from codeconductor import InputError

_DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}
_FORM = "write OLLAMA_HOST like '127.0.0.1:11434' or 'https://host:port'"


def address_of(value: str) -> str:
    """The base address that a value of OLLAMA_HOST means, without a trailing slash.

    Empty is `http://127.0.0.1:11434`. A port that is none becomes the default one, as in Ollama.

    Raises:
        InputError: It has a user name, a scheme other than http and https, or no host that could be one.
    """
    text = value.strip().strip("\"'").strip()
    if text == "ollama.com":
        text = "https://ollama.com"
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    authority, _, path = rest.partition("/")
    if "@" in scheme or "@" in authority:
        raise InputError("OLLAMA_HOST has a user name or a password, which Ollama does not support", hint=_FORM)
    if scheme not in _SCHEME_PORTS:
        raise InputError(f"OLLAMA_HOST has the scheme {scheme!r}: expected http or https", hint=_FORM)
    host, port = _host_and_port(authority, _SCHEME_PORTS[scheme] if separator else _DEFAULT_PORT)
    prefix = quote(path, safe="/:!$&'()*+,;=@").rstrip("/")
    return f"{scheme}://{host}:{port}" + (f"/{prefix}" if prefix else "")


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    """Split as Go's `net.SplitHostPort` does; what it cannot split is a host alone."""
    bracketed = re.fullmatch(r"\[(?P<host>[^][]*)\]:(?P<port>.*)", authority)
    if bracketed:
        host, port = bracketed["host"], bracketed["port"]
    elif authority.count(":") == 1:
        host, _, port = authority.partition(":")
    else:  # no port at all, or an IPv6 address without brackets
        host, port = authority.strip("[]"), ""
    number = int(port) if re.fullmatch(r"[0-9]{1,9}", port) else default
    return _connectable(host), number if number <= 65535 else default


def _connectable(host: str) -> str:
    try:
        address = ipaddress.ip_address(host or "127.0.0.1")
    except ValueError:
        if not re.fullmatch(r"[\w.-]+", host):
            raise InputError(f"OLLAMA_HOST has no host name that could be one: {host!r}", hint=_FORM) from None
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return "[::1]" if address.is_unspecified else f"[{address}]"
    return "127.0.0.1" if address.is_unspecified else str(address)
