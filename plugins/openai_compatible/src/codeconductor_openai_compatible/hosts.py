"""The clients of the configured hosts, and what is remembered of each for as long as the session lasts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from codeconductor import InputError, ProviderError

from codeconductor_openai_compatible.settings import OpenAICompatibleSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from codeconductor import Session

START = "start the server, or correct [providers.openai_compatible] hosts"
"""What to do where nothing answers."""

_KEY = 'name its key under [providers.openai_compatible.api_keys]: "HOST" = "env:NAME"'

_LONGER = (
    "shorten the task or its context files, or start the server with a longer context "
    "(llama.cpp: --ctx-size, vLLM: --max-model-len)"
)


class Host:
    """One server.

    Attributes:
        ids: What requests must name, by the model's name.
        roots: What is served under each id, where the server tells: several ids may be the same model.
    """

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.roots: dict[str, str] = {}

    async def aclose(self) -> None:
        """Nothing is held beyond the session."""


def host_of(session: Session, address: str) -> Host:
    """The session's memory of the server at an address."""
    return session.keep(("openai_compatible", address), Host)


@contextmanager
def remedies(*, not_found: str) -> Iterator[None]:
    """Give failures the remedy that lies in this plugin's settings, or in those of the server.

    Args:
        not_found: What to do where there is no such thing.
    """
    try:
        yield
    except ProviderError as fault:
        if fault.status in {401, 403}:
            fault.hint = _KEY
        elif fault.status == 404:
            fault.hint = not_found
        elif fault.kind == "context_overflow":
            fault.hint = _LONGER
        raise


def client_for(session: Session, address: str) -> httpx2.AsyncClient:
    """The client for a host; it sends the host's own key, and no other host gets that.

    Raises:
        ProviderError: The key is not where the settings say that it is.
    """
    reference = session.settings("openai_compatible", OpenAICompatibleSettings).key_of(address)
    if reference is None:
        return session.client(address)
    try:
        key = session.secret(reference)
    except InputError as exc:
        raise ProviderError(f"{address}: {exc.message}", kind="refused", hint=exc.hint) from exc
    if not key:
        source, _, name = reference.partition(":")
        remedy = f"set the variable {name}" if source == "env" else f"`keyring set conductor {name}`"
        raise ProviderError(f"{address}: its API key {reference!r} is not set", kind="refused", hint=remedy)
    return session.client(address, key=key.strip())
