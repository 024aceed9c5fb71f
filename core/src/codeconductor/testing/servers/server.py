"""A server on loopback in a thread of its own, what its dialects share: models, loads, waiting, and the record."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

import attrs

from codeconductor.testing.servers.script import ScriptedModel
from codeconductor.testing.servers.wire import MAX_HEAD, Broken, Exchange, Fault, Frame, Request, read_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

PATIENCE = 10.0
"""Seconds after which a wait that must come to an end has failed; no test is slower for it when all is well."""


def dump(data: object) -> bytes:
    """JSON as servers write it: without blanks, other alphabets as they are."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


async def one(frame: Frame) -> AsyncIterator[Frame]:
    """A body in one piece."""
    yield frame


@attrs.frozen(kw_only=True)
class Plan:
    """How a request is to be answered where no fault steps in.

    Attributes:
        frames: The body, made while it is sent; the headers go out with the first frame.
        status: HTTP status.
        content_type: Of the body.
        model: Whose script has the fault that may step in.
    """

    frames: AsyncIterator[Frame]
    status: int = 200
    content_type: str = "application/json"
    model: ScriptedModel | None = None


def as_json(data: object, status: int = 200) -> Plan:
    """A JSON body."""
    return Plan(frames=one(Frame(dump(data), "whole")), status=status)


def as_text(text: str, status: int = 200) -> Plan:
    """A plain text."""
    return Plan(frames=one(Frame(text.encode(), "whole")), status=status, content_type="text/plain; charset=utf-8")


class ScriptedServer:
    """The base of the scripted servers; a context manager that serves while it is entered.

    Args:
        models: Scripts, or names of models that say the default reply.
        faults: What goes wrong, by path; ``"*"`` is every path.
        port: 0: a free one.

    Attributes:
        models: Scripts by name.
        loaded: Names of the models in memory; may be changed at any time.
        requests: What arrived so far, in order.
    """

    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every reply."""

    def __init__(self, *models: ScriptedModel | str, faults: Mapping[str, Fault] | None = None, port: int = 0) -> None:
        scripts = [ScriptedModel(name=model) if isinstance(model, str) else model for model in models]
        self.models = {script.name: script for script in scripts}
        self.loaded = {script.name for script in scripts if script.loaded and not script.remote}
        self.requests: list[Request] = []
        self._faults = dict(faults or {})
        self._port = port
        self._held: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._errors: list[Exception] = []
        self._changed = threading.Condition()
        self._waiting: list[asyncio.Future[None]] = []
        self._loading = asyncio.Lock()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None
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
                asyncio.run(self._serve(ready))
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
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive(), f"{type(self).__name__} did not stop"
            self._thread = None
        if self._taken is not None:
            self._taken.close()
            self._taken = None

    def refuse(self) -> None:
        """From now on refuse connections and close those that are open, as when the server was killed."""
        self.stop()
        self._taken = socket.socket()  # bound and never listening: nobody else gets the port
        self._taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._taken.bind(("127.0.0.1", self._port))

    @property
    def host(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self._port}"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, limit=MAX_HEAD)
        self._port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # What tests look at

    def asked(self, path: str, model: str | None = None) -> list[Request]:
        """The requests of a path, and of a model where one is named, in order of arrival."""
        return [r for r in list(self.requests) if r.path == path and (model is None or r.model == model)]

    def most_at_once(self, path: str) -> int:
        """The most requests of a path that were held at the same time."""
        return self._most[path]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is looked at after everything that happens on the server.

        Raises:
            AssertionError: It does not hold within 10 s.
        """
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"still not so after {PATIENCE:g} s"

    async def until(self, condition: Callable[[], bool]) -> None:
        """`wait_until` for the server's own loop and without its limit; for the use of faults."""
        while not condition():
            future = self._loop.create_future()
            self._waiting.append(future)
            await future

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        with self._changed:
            self._changed.notify_all()

    # Connections

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b""
        try:
            while (request := await read_request(reader, first, time.monotonic)) is not None:
                first = await self._exchanged(Exchange(self, request, writer), reader)
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
        self.requests.append(request)
        self._held[request.path] += 1
        self._most[request.path] = max(self._most[request.path], self._held[request.path])
        self._tell()
        try:
            await self._answer(exchange)
            request.outcome = "answered"
        except Broken:
            request.outcome = "broken"
        except ConnectionError:
            request.outcome = "cancelled"
        except asyncio.CancelledError:
            request.outcome = "cancelled"
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
        exchange.status, exchange.content_type = plan.status, plan.content_type
        fault = self._faults.get(exchange.request.path) or self._faults.get("*")
        if fault is None and plan.model is not None:
            fault = plan.model.fault
        async with aclosing(plan.frames) as frames:  # type: ignore[type-var]  # these are async generators
            spoiled = frames if fault is None else fault(exchange, frames)
            async with aclosing(spoiled) as sent:  # type: ignore[type-var]
                async for frame in sent:
                    await exchange.send(frame)
        await exchange.finish()

    # What dialects share

    def plan(self, request: Request) -> Plan:
        """How a request is to be answered."""
        raise TypeError(f"{type(self).__name__} speaks no dialect")

    def error_frame(self, model: str, message: str) -> Frame:
        """A frame of a stream that tells of an error."""
        raise TypeError(f"{type(self).__name__} speaks no dialect")

    def reasoning_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of reasoning."""
        raise TypeError(f"{type(self).__name__} speaks no dialect")

    async def load(self, model: ScriptedModel) -> None:
        """Bring a model into memory; one that is there already costs nothing.

        One load at a time. A client that leaves aborts its own.
        """
        if model.remote or model.name in self.loaded:
            return
        async with self._loading:
            if model.name not in self.loaded:
                await asyncio.sleep(model.load_seconds)
                self.loaded.add(model.name)
                self._tell()

    def slot(self, model: ScriptedModel) -> asyncio.Semaphore:
        """Held while the model answers."""
        return self._slots.setdefault(model.name, asyncio.Semaphore(model.parallel or 1_000_000))

    @staticmethod
    def prompt_tokens(body: Mapping[str, Any]) -> int:
        """Tokens of the messages, as the scripted servers count them: four characters each."""
        messages = body.get("messages")
        texts = [str(m.get("content") or "") for m in messages if isinstance(m, dict)] if messages else []
        return sum(map(len, texts)) // 4 + 1
