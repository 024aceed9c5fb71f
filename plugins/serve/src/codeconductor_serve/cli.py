"""`conductor serve`: the team as one OpenAI-compatible model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from codeconductor import InputError, common_options, in_session

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from codeconductor import Session


@click.command("serve")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Address to serve on; default 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7777, metavar="N", help="Port; 0: a free one; default 7777."
)
@click.option("--token-env", metavar="NAME", help="Variable with the token that requests must bring.")
@click.option("-m", "--model", "models", metavar="GLOB", multiple=True, help="The team: only models that match.")
@click.option("--provider", "providers", metavar="NAME", multiple=True, help="The team: only this provider's models.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds a model may generate; default 600."
)
@click.option("--no-history", is_flag=True, help="Record nothing.")
@click.option("--no-execute", is_flag=True, help="Run no candidate to compare them.")
@common_options
def serve(
    host: str,
    port: int,
    token_env: str | None,
    timeout: float | None,
    no_history: bool,
    no_execute: bool,
    log_file: str | None,
    **team: Any,
) -> None:
    """Serve the team to any client that speaks OpenAI's protocol.

    Models are `conductor`, `conductor/STRATEGY`, and each real model under its id. An address that is not loopback
    needs a token.
    """
    from codeconductor_serve._guard import Door, is_here
    from codeconductor_serve._server import address_of, listen
    from codeconductor_serve._server import serve as run
    from codeconductor_serve._settings import ServeSettings

    if not is_here(host) and token_env is None:
        raise InputError(
            f"{host!r} is not loopback: whoever reaches it could ask your models",
            hint="name a variable that holds a token: --token-env NAME",
        )
    if token_env is not None and not os.environ.get(token_env, "").strip():
        raise InputError(
            f"--token-env: {token_env!r} is not set", hint=f"export {token_env}=…, eight characters or more"
        )

    def work(session: Session) -> Awaitable[None]:
        settings = session.settings("serve", ServeSettings)
        token = session.secret(f"env:{token_env}") if token_env else None
        door = Door(
            host=host,
            token=token,
            hosts=frozenset(map(str.lower, settings.hosts)),
            origins=frozenset(origin.rstrip("/").lower() for origin in settings.origins),
        )
        listening = listen(host, port)
        where = address_of(listening)
        return run(session, listening, door, lambda: click.echo(f"Serving on {where}", err=True))

    asked: dict[str, object] = {name: value for name, value in team.items() if value}
    if no_execute:
        asked["execute"] = False
    overrides: dict[str, object] = {"run": asked}
    if timeout is not None:
        overrides["serve"] = {"timeout": timeout}
    if no_history:
        overrides["history"] = {"enabled": False}
    in_session(work, overrides=overrides, log_file=log_file, branches=True)
