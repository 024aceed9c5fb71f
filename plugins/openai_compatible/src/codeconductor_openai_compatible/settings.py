"""`[providers.openai_compatible]`: which servers are asked, with which keys, and how much at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import attrs
from codeconductor import frozen, hosts_setting, setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def base_address(host: str) -> str:
    """A host as it was configured, less the `/v1` that many programs want at its end."""
    return host.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def _at_least_one(_instance: object, _attribute: object, value: int | str) -> None:
    if isinstance(value, int) and value < 1:
        raise ValueError(f"expected 1 or more, or 'auto', got {value!r}")


def _are_references(_instance: object, _attribute: object, keys: Mapping[str, str]) -> None:
    for host, reference in keys.items():
        if not re.fullmatch(r"(env|keyring):.+", reference):
            # what stands there may be the key itself, so it is not repeated
            raise ValueError(f"expected 'env:NAME' or 'keyring:NAME' for {host}: settings hold no keys")


@frozen(kw_only=True)
class OpenAICompatibleSettings:
    """`[providers.openai_compatible]`; no host is asked that is not named here."""

    hosts: tuple[str, ...] = hosts_setting((), help="addresses of the servers, with or without /v1 at the end")
    api_keys: dict[str, str] = setting(
        attrs.Factory(dict),
        help="where each host's API key is, by host: 'env:NAME' or 'keyring:NAME'",
        needs_trust=True,
        validator=_are_references,
    )
    parallel: int | Literal["auto"] = setting(
        "auto",
        help="requests at once on one host; 'auto': llama.cpp's slots, 8 for vLLM and SGLang, else 1",
        validator=_at_least_one,
    )

    def addresses(self) -> Iterable[str]:
        """The base addresses, each once."""
        return dict.fromkeys(map(base_address, self.hosts))

    def key_of(self, address: str) -> str | None:
        """Where the key of a base address is, or None."""
        return next((key for host, key in self.api_keys.items() if base_address(host) == address), None)
