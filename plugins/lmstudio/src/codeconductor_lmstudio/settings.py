"""`[providers.lmstudio]`: which servers are asked, and how much at once."""

from __future__ import annotations

from typing import Literal

from codeconductor import frozen, hosts_setting, setting


def _at_least_one(_instance: object, _attribute: object, value: int | str) -> None:
    if isinstance(value, int) and value < 1:
        raise ValueError(f"expected 1 or more, or 'auto', got {value!r}")


@frozen(kw_only=True)
class LMStudioSettings:
    """`[providers.lmstudio]`; the token is in the environment, never here."""

    hosts: tuple[str, ...] = hosts_setting(("http://127.0.0.1:1234",), help="addresses of LM Studio servers")
    parallel: int | Literal["auto"] = setting(
        "auto",
        help="requests at once on one host; 'auto': as many as its models hold, 4 each unless told; before 0.4 one",
        validator=_at_least_one,
    )
