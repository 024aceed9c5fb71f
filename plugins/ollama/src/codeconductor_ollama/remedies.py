"""What to do about a failure, in Ollama's own terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor import ProviderError

START = "start it with `ollama serve`, or set OLLAMA_HOST or [providers.ollama] hosts"
NOT_OLLAMA = "is this an Ollama server, and not too old a one?"

PULL = "install one with `ollama pull NAME`; ollama.com/search lists names"
_PULL = "install it with `ollama pull {model}`"
_FREE_MEMORY = "ask a smaller model, or free memory with `ollama stop`"
_CRASHED = "ask again; if it stays so, free memory with `ollama stop`, or look into the server's log"
_BROKEN = "ask again; the log of `ollama serve` may tell more, and so may that of a proxy before it"

_BEFORE_IT = "Ollama itself asks for no key, so a proxy before it does: use the server's own address"

_BY_WORDS = {
    "does not support chat": "ask a model with the capability 'completion'",
    "does not support generate": "ask a model with the capability 'completion'",
    "does not support tools": "ask a model with the capability 'tools'",
    "cloud is disabled": "the server's cloud models are switched off: ask a local model",
    "more system memory": _FREE_MEMORY,
    "out of memory": _FREE_MEMORY,
    "unable to allocate": _FREE_MEMORY,
    "cudaMalloc failed": _FREE_MEMORY,
    "timed out waiting for": "ask a smaller model, or raise OLLAMA_LOAD_TIMEOUT where `ollama serve` runs",
    "process has terminated": _CRASHED,
    "process no longer running": _CRASHED,
    "unexpected EOF": _CRASHED,
    "unable to load model": "install it anew with `ollama pull {model}`, or update Ollama",
}
"""By a short core of the server's words that has been the same in every version seen; the first that fits counts."""

_BY_STATUS = {
    400: "ask another model, or update Ollama",
    401: "it runs in Ollama's cloud: sign in with `ollama signin`, or ask a local model",
    403: "the server does not take this Host: use its own address or name, and have a proxy pass such a one on",
    404: NOT_OLLAMA,  # a plain text: the path is not known, and not the model
    405: NOT_OLLAMA,
    408: "raise the proxy's limit of time: a load may exceed it",
    429: "the limit of Ollama's cloud is reached: wait, or ask a local model",
    499: "the server gave up, as a load does when somebody leaves it: ask again",
    502: "look into the server's log, or into that of a proxy before it: a load may exceed the proxy's limit of time",
    503: "ask fewer models or samples at once, or raise OLLAMA_MAX_QUEUE where `ollama serve` runs",
    504: "raise the proxy's limit of time: a load may exceed it",
}

_BY_KIND = {"refused": NOT_OLLAMA, "protocol": _BROKEN}


def remedy(fault: ProviderError, model: str) -> str | None:
    """What to do; None: what the fault says itself.

    Args:
        fault: As core translated it.
        model: As the server calls it; empty where a request is about none.
    """
    if fault.kind not in {"refused", "overloaded", "server"} or fault.unloaded:
        return fault.hint or (_BY_KIND.get(fault.kind) if model else NOT_OLLAMA)
    if model and is_not_installed(fault):
        return _PULL.format(model=model)
    if fault.status == 401 and not model:
        return _BEFORE_IT
    words = next((remedy for words, remedy in _BY_WORDS.items() if words in fault.message), None)
    if words and (model or "{model}" not in words):
        return words.format(model=model)
    return _BY_STATUS.get(fault.status or 0) or fault.hint or _BY_KIND.get(fault.kind)


def is_not_installed(fault: ProviderError) -> bool:
    """Whether the server says that it has no such model; another 404 is about a path."""
    return fault.status == 404 and re.search(r"\bmodel .+ not found", fault.message) is not None
