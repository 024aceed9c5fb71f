"""A server on loopback in a thread of its own: connections, faults, and what a dialect has to say."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from abc import ABC, abstractmethod
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

from codeconductor.testing.servers import record
from codeconductor.testing.servers.memory import Memory
from codeconductor.testing.servers.plans import Instead, Plan
from codeconductor.testing.servers.wire import MAX_HEAD, Broken, Exchange, Fault, Frame, Request, read_request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from codeconductor.testing.servers.script import ScriptedModel


class ScriptedServer(Memory, ABC):
    """The base of the scripted servers; a context manager that serves while it is entered.

    Args:
        models: Scripts, or names of models that say the default reply.
        faults: What goes wrong, by path; ``"*"`` is every path.
        port: 0: a free one.
    """

    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every reply."""

    busy: ClassVar[str] = "too many requests"
    """What the server says when it is asked too much."""

    gone: ClassVar[str] = "the model was unloaded"
    """What the server says when a model leaves memory while it answers."""

    def __init__(self, *models: ScriptedModel | str, faults: Mapping[str, Fault] | None = None, port: int = 0) -> None:
        super().__init__(*models)
        self._faults = dict(faults or {})
        self._port = port
        self._errors: list[Exception] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
        self._listening: socket.socket | None = None
        self._taken: socket.socket | None = None

    # Starting and stopping

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if exc_type is None and self._errors:
            raise self._errors[0]

    def start(self) -> Self:
        """Serve from now on; returns when connections are accepted."""
        ready = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # the one with `add_reader`
                    runner.run(self._serve(ready))
            except BaseException as exc:  # noqa: BLE001 - handed over to the thread that waits
                failure.append(exc)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name=f"{type(self).__name__} of a test", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]
        return self

    def stop(self) -> None:
        """Stop at once, breaking off what is under way."""
        if self._thread is not None:
            with suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(record.PATIENCE)
            assert not self._thread.is_alive(), f"{type(self).__name__} did not stop"
            self._thread = None
        if self._taken is not None:
            self._taken.close()
            self._taken = None

    def refuse(self) -> None:
        """From now on refuse connections and close those that are open, as when the server was killed."""
        asyncio.run_coroutine_threadsafe(self._vanished(), self._loop).result(record.PATIENCE)

    async def _vanished(self) -> None:
        self.vanish()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def vanish(self) -> None:
        """`refuse` for the server's own loop; for the use of faults."""
        self.turn_away()
        for task in self._connections:
            if not task.cancelling():  # a second time would break off its clean-up
                task.cancel()

    def turn_away(self) -> None:
        """Refuse connections and leave open what is; for the server's own loop and the use of faults."""
        if self._listening is None:
            return
        self._close()
        self._taken = socket.socket()  # bound and never listening: nobody else gets the port
        self._taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._taken.bind(("127.0.0.1", self._port))

    def _close(self) -> None:
        """Accept nothing more."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    @property
    def host(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self._port}"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._listening = socket.create_server(("127.0.0.1", self._port), backlog=100)
        self._listening.setblocking(False)
        self._port = self._listening.getsockname()[1]
        # not `asyncio.start_server`, which leaves a connection open that is being accepted as it closes
        self._loop.add_reader(self._listening, self._accept, self._listening)
        ready.set()
        await self._stopping.wait()
        self._close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # Connections

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # the client went away again
            return
        connection.setblocking(False)
        # each piece leaves at once; asyncio sees to that only for sockets whose protocol is named
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        task = self._loop.create_task(self._converse(connection))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: connection.close())  # also when it was cancelled before it began

    async def _converse(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=MAX_HEAD)
        writer.transport.set_write_buffer_limits(high=0)  # what is drained has left this process
        first, turn = b"", 0
        try:
            while (request := await read_request(reader, first, turn)) is not None:
                first, turn = await self._exchanged(Exchange(self, request, writer), reader), turn + 1
                if not first:
                    return
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def _exchanged(self, exchange: Exchange, reader: asyncio.StreamReader) -> bytes:
        """Answer one request; the first byte of the connection's next one, or nothing when there is none."""
        # what a client sends while it waits is its next request; when it goes away it sends an end
        watch = asyncio.ensure_future(reader.read(1))
        answering = asyncio.ensure_future(self._recorded(exchange))
        try:
            await asyncio.wait([watch, answering], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and watch.result():
                await answering
            usable = answering.done() and answering.result()
            return await watch if usable else b""
        finally:
            answering.cancel()
            watch.cancel()
            await asyncio.gather(answering, watch, return_exceptions=True)

    async def _recorded(self, exchange: Exchange) -> bool:
        """Answer one request and note what became of it; whether the connection can be used for another."""
        request = exchange.request
        self._arrived(request)
        try:
            await self._answer(exchange)
            request.outcome = "answered"
        except Broken:
            request.outcome = "answered" if exchange.has_ended else "broken"
            return False
        except ConnectionError:
            request.outcome = "cancelled"
        except asyncio.CancelledError:
            request.outcome = "cancelled" if self._listening is not None else "broken"
            raise
        except Exception as exc:  # noqa: BLE001 - a fault of the script, told when the server is left
            request.outcome = "broken"
            self._errors.append(exc)
        finally:
            request.ended = time.monotonic()
            self._held[request.path] -= 1
            self._tell()
        return request.outcome == "answered" and request.headers.get("connection", "").lower() != "close"

    async def _answer(self, exchange: Exchange) -> None:
        plan = self.plan(exchange.request)
        fault = self._faults.get(exchange.request.path) or self._faults.get("*")
        if fault is None and plan.model is not None:
            fault = plan.model.fault
        try:
            await self._send(exchange, plan, fault)
        except Instead as other:
            exchange.headers.clear()
            await self._send(exchange, other.plan, None)
        await exchange.finish()

    async def _send(self, exchange: Exchange, plan: Plan, fault: Fault | None) -> None:
        exchange.status, exchange.content_type = plan.status, plan.content_type
        async with aclosing(plan.frames) as frames:  # type: ignore[type-var]  # these are async generators
            spoiled = frames if fault is None else fault(exchange, frames)
            async with aclosing(spoiled) as sent:  # type: ignore[type-var]
                async for frame in sent:
                    await exchange.send(frame)

    # What a dialect says

    @abstractmethod
    def plan(self, request: Request) -> Plan:
        """How a request is to be answered."""

    @abstractmethod
    def failure(self, message: str, status: int) -> Plan:
        """A refusal in the server's own form."""

    @abstractmethod
    def overflow(self, body: Mapping[str, Any], tokens: int, window: int) -> Plan:
        """The refusal of a request whose prompt does not fit, in the server's own words; both in tokens."""

    @abstractmethod
    def text_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of the answer."""

    @abstractmethod
    def reasoning_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of reasoning."""

    @abstractmethod
    def error_frame(self, model: str, message: str) -> Frame:
        """A frame of a stream that tells of an error."""
