"""Serves over standard input and output, or over HTTP on this machine, to the end or to the first Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click
import uvicorn
from codeconductor import InputError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from codeconductor_mcp._refusing import ConductorServer

HOST = "127.0.0.1"

_PATIENCE = 3.0
"""Seconds that calls may take to end, once the server has to."""

_INTERRUPTED = 130

_RECORDED = "`conductor history` lists what was recorded"


def serve_stdio(server: ConductorServer) -> None:
    """Serve until standard input ends; at Ctrl-C or SIGTERM cancel what goes on, and end the process.

    The SDK keeps whatever else is printed off the standard output meanwhile, and gives it back at the end: what Python
    still holds of that then goes to standard error as well.
    """
    try:
        asyncio.run(_serve_stdio(server))
    finally:
        with suppress(OSError, ValueError):  # one of them is closed
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            sys.stdout.flush()


async def _serve_stdio(server: ConductorServer) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(AttributeError, NotImplementedError):  # Windows
            loop.add_signal_handler(getattr(signal, name), interrupted.set)
    serving = asyncio.create_task(server.run_stdio_async())
    waiting = asyncio.create_task(interrupted.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        serving.cancel()
        if server.calls.working:
            await asyncio.wait(server.calls.working, timeout=_PATIENCE)
        click.echo(f"Error: interrupted\nHint: {_RECORDED}", err=True)
        sys.stderr.flush()
        os._exit(_INTERRUPTED)  # a thread still waits for standard input, and Python would wait for it
    waiting.cancel()
    await serving


def serve_http(server: ConductorServer, port: int) -> None:
    """Serve on this machine until Ctrl-C or SIGTERM; only requests that name this machine are answered.

    Raises:
        InputError: The port is taken.
        KeyboardInterrupt: At the end; it says where to look for what was recorded.
    """
    for name in ("mcp.server.streamable_http", "uvicorn.error"):  # who tells of it depends on the era
        logging.getLogger(name).addFilter(_is_fault)
    listening = _listen(port)
    port = listening.getsockname()[1]
    names = [f"{name}:{port}" for name in (HOST, "localhost")]
    application = server.streamable_http_app(
        host=HOST,
        transport_security=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )
    config = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=int(_PATIENCE)
    )
    with listening:
        try:
            asyncio.run(_Announcing(config, f"http://{HOST}:{port}/mcp").serve(sockets=[listening]))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_RECORDED) from None


def _is_fault(record: logging.LogRecord) -> bool:
    """Not that a client left in the midst of its request: the SDK tells that with a traceback."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ClientDisconnect)


class _Announcing(uvicorn.Server):
    """Says where it serves once it does."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        click.echo(f"Serving on {self._url}", err=True)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # where it would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as exc:
        listening.close()
        raise InputError(
            f"cannot listen on {HOST}:{port}: {(exc.strerror or str(exc)).lower()}",
            hint="give another --port; 0 takes a free one",
        ) from exc
    return listening
