"""`[providers.ollama]`: which servers are asked, and how much at once."""

from __future__ import annotations

import os
from typing import Literal

import attrs
from codeconductor import frozen, hosts_setting, setting

from codeconductor_ollama.address import address_of


def _default_hosts() -> tuple[str, ...]:
    return (address_of(os.environ.get("OLLAMA_HOST", "")),)


def _at_least_one(_instance: object, _attribute: object, value: int | str) -> None:
    if isinstance(value, int) and value < 1:
        raise ValueError(f"expected 1 or more, or 'auto', got {value!r}")


@frozen(kw_only=True)
class OllamaSettings:
    """`[providers.ollama]`; `OLLAMA_HOST` counts only where no layer has `hosts`."""

    hosts: tuple[str, ...] = hosts_setting(
        attrs.Factory(_default_hosts),
        help="addresses of Ollama servers; none: OLLAMA_HOST, else this machine",
        variable="OLLAMA_HOST",
    )
    parallel: int | Literal["auto"] = setting(
        "auto",
        help="requests at once on one host; 'auto': one for each of its chat models",
        validator=_at_least_one,
    )
