"""Runs the application until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn
from codeconductor import InputError

from codeconductor_serve._app import Endpoints, make_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from codeconductor import Session

    from codeconductor_serve._guard import Door

FAREWELL = 3
"""Seconds in which replies may end when the server is stopped; then they are cancelled."""

_LAST_WORDS = 3
"""Seconds after that in which their clients are told; then the connections are cut."""

_WAITING = 2048
"""Connections that the system holds until they are accepted."""

_COLLECT_EVERY = 5_000
"""New objects between two garbage collections: fewer than in a short command, so that nothing piles up."""


class Server(uvicorn.Server):
    """A server that says where it is, and that ends quietly when it is told to.

    Args:
        config: Of uvicorn.
        ready: Called when connections are accepted.
        close: Called when what is under way has to end.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], close: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._close = close

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end what goes on."""
        ending = asyncio.get_running_loop().call_later(FAREWELL, self._close)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the server and nothing else: uvicorn would raise them again afterwards."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            if self.should_exit:  # asked twice
                self.force_exit = True
            self.should_exit = True

        earlier = {}
        for name in ("SIGINT", "SIGTERM"):
            with contextlib.suppress(ValueError):  # not the main thread
                earlier[name] = signal.signal(getattr(signal, name), stop)
        try:
            yield
        finally:
            for name, handler in earlier.items():
                signal.signal(getattr(signal, name), handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket at that address; port 0: a free one.

    Raises:
        InputError: It is taken, or none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as exc:
        raise InputError(
            f"cannot listen on {host}:{port}: {getattr(exc, 'strerror', None) or exc}",
            hint="take another --port (0: a free one), or another --host",
        ) from exc
    return made


def address_of(listening: socket.socket) -> str:
    """Where clients reach it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(session: Session, listening: socket.socket, door: Door, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    endpoints = Endpoints(session)
    config = uvicorn.Config(
        make_app(session, endpoints, door),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        backlog=_WAITING,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=FAREWELL + _LAST_WORDS,
    )
    gc.freeze()  # what is loaded stays
    gc.set_threshold(_COLLECT_EVERY)
    try:
        await Server(config, ready, endpoints.closing.close).serve(sockets=[listening])
    finally:
        await endpoints.catalogue.aclose()
        listening.close()
