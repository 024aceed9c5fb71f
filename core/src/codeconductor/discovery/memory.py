"""How much memory this machine has, and which of its models can never be in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from codeconductor.http import is_loopback

if TYPE_CHECKING:
    from codeconductor.discovery.values import Model


def machine_memory() -> int | None:
    """Bytes of this machine's memory; None: the system does not tell, as Windows does not."""
    try:
        page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return page * pages if pages > 0 else None  # -1: it has no answer


def is_too_large(model: Model) -> bool:
    """Whether a model of this machine has more bytes on disk than the machine has memory.

    It is a good guess and no more, as memory may be a graphics card's, and a loopback address the end of a tunnel. Only
    a model that its server says is not loaded is guessed about.
    """
    if model.loaded is not False or model.remote or model.size is None or not is_loopback(model.host):
        return False
    memory = machine_memory()
    return memory is not None and model.size > memory


def memory_in_words() -> str | None:
    """This machine's memory as people speak of it, such as "16 GiB"; None: the system does not tell."""
    memory = machine_memory()
    return None if memory is None else f"{memory / 2**30:.0f} GiB"
