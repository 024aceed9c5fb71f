"""The endpoints, and what all of them share: the body's limits, and errors in one form."""

from __future__ import annotations

import time
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from codeconductor_serve._answering import Answering
from codeconductor_serve._body import body_of
from codeconductor_serve._catalogue import Catalogue, chat_models
from codeconductor_serve._chat import ChatForm
from codeconductor_serve._chat_wish import read_chat
from codeconductor_serve._closing import Closing
from codeconductor_serve._errors import ApiError, unknown_model
from codeconductor_serve._guard import guards
from codeconductor_serve._json import reply
from codeconductor_serve._responses import ResponsesForm
from codeconductor_serve._responses_wish import read_responses
from codeconductor_serve._streaming import ClientGone, EventStream, pieces, unless_gone

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from codeconductor import Chunk, Session
    from starlette.requests import Request

    from codeconductor_serve._answering import Reply
    from codeconductor_serve._guard import Door
    from codeconductor_serve._wish import Wish

_MISSING = {
    404: ("not_found", "there is nothing at this path"),
    405: ("method_not_allowed", "this method is not known here"),
}
"""Codes and messages of what the routes refuse."""

_GONE = 499
"""nginx's status for a client that has left; nobody sees it."""


class Endpoints:
    """The functions behind the paths."""

    def __init__(self, session: Session) -> None:
        self.catalogue = Catalogue(session)
        self.closing = Closing()
        self._answering = Answering(session, self.catalogue, self.closing)
        self._created = int(time.time())

    async def health(self, _request: Request) -> Response:
        """That the server is there."""
        return reply({"status": "ok"})

    async def models(self, _request: Request) -> Response:
        """The team's names, and each model."""
        return reply({"object": "list", "data": await self._listed()})

    async def model(self, request: Request) -> Response:
        """One of them."""
        listed = {entry["id"]: entry for entry in await self._listed()}
        name = request.path_params["name"]
        if not name:  # a slash too many
            return await self.models(request)
        if name not in listed:
            raise unknown_model(name, listed)
        return reply(listed[name])

    async def _listed(self) -> list[dict[str, Any]]:
        found = await self.catalogue.found()
        names = dict.fromkeys(self.catalogue.team_names(), "conductor")
        names |= {model.id: model.provider for model in chat_models(found)}
        return [
            {"id": name, "object": "model", "created": self._created, "owned_by": owner}
            for name, owner in names.items()
        ]

    async def chat(self, request: Request) -> Response:
        """A chat completion."""
        return await self._answered(request, read_chat, ChatForm)

    async def responses(self, request: Request) -> Response:
        """A response."""
        return await self._answered(request, read_responses, ResponsesForm)

    async def _answered(
        self,
        request: Request,
        read: Callable[[dict[str, Any]], Wish],
        form_of: type[ChatForm] | type[ResponsesForm],
    ) -> Response:
        wish = read(await body_of(request))
        form = form_of(wish)
        work = partial(self._answering.answer, wish)
        if not wish.stream:
            return reply(form.whole(await unless_gone(request.receive, work(_unheard))))
        told = pieces(work)
        try:
            first = await unless_gone(request.receive, anext(told))  # what is refused before it has a status of its own
        except BaseException:
            await told.aclose()
            raise
        return EventStream(form.stream(_all(first, told)))


def _unheard(_chunk: Chunk) -> None:
    """A reply in one piece has its pieces in it."""


async def _all(
    first: Chunk | Reply | None, rest: AsyncGenerator[Chunk | Reply | None, None]
) -> AsyncIterator[Chunk | Reply | None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


def _told(_request: Request, exc: Exception) -> Response:
    if isinstance(exc, ClientGone):
        return Response(status_code=_GONE)
    headers: dict[str, str] = {}
    if isinstance(exc, HTTPException):
        headers |= exc.headers or {}  # the methods that are allowed
        code, message = _MISSING.get(exc.status_code, (None, str(exc.detail)))
        exc = ApiError(exc.status_code, message, code=code)
    assert isinstance(exc, ApiError)
    if exc.status == 429:
        headers["retry-after"] = "1"
    return reply(exc.document(), exc.status, headers)


def safely(
    endpoint: Callable[[Request], Awaitable[Response]], warn: Callable[[str], None], closing: Closing
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose faults and end are told: to the client that something failed, to the owner what."""

    async def told(request: Request) -> Response:
        try:
            with closing.working():
                return await endpoint(request)
        except (ApiError, ClientGone):
            raise
        except Exception as exc:
            warn(f"a request to {request.url.path} failed: {type(exc).__name__}: {exc}")
            raise ApiError(500, "an unexpected fault; the server's terminal has more", code="fault") from exc

    return told


def make_app(session: Session, endpoints: Endpoints, door: Door) -> Starlette:
    """The server's application."""

    def route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str) -> Route:
        return Route(path, safely(endpoint, session.warn, endpoints.closing), methods=[method])

    return Starlette(
        routes=[
            route("/healthz", endpoints.health, "GET"),
            route("/v1/models", endpoints.models, "GET"),
            route("/v1/models/{name:path}", endpoints.model, "GET"),
            route("/v1/chat/completions", endpoints.chat, "POST"),
            route("/v1/responses", endpoints.responses, "POST"),
        ],
        middleware=guards(door),
        exception_handlers={ApiError: _told, ClientGone: _told, HTTPException: _told},
    )
