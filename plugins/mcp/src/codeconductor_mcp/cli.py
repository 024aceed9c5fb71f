"""`conductor mcp`: the team of models as tools of an MCP client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from codeconductor import InputError, RunSettings, common_options, in_session

if TYPE_CHECKING:
    from codeconductor import Session

    from codeconductor_mcp._settings import McpSettings

PORT = 7778
"""Of `--http`, unless told otherwise; beside that of `conductor serve`."""


@click.command("mcp")
@click.option("--http", "over_http", is_flag=True, help="Serve over HTTP on this machine, not on standard input.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help=f"Of --http; default {PORT}; 0: a free one.")
@click.option(
    "--print-config",
    "client",
    type=click.Choice(["cursor", "vscode", "claude"]),
    help="Print what to write into that client's settings, and end.",
)
@common_options
def mcp(over_http: bool, port: int | None, client: str | None, log_file: str | None) -> None:
    """Serve the tools consensus, choose, models, verify and history to an MCP client.

    The client starts this command by itself and speaks to it over standard input and output: --print-config prints
    its settings. It works on the folder that it is started in, and ends when its standard input does.
    """
    if port is not None and not over_http:
        raise InputError("--port goes with --http: over standard input there is none", hint="add --http")
    chosen = PORT if port is None else port
    if client is not None:
        from codeconductor_mcp._config import config_for, place_of

        if over_http and chosen == 0:
            raise InputError("settings need a port that stays the same", hint="give --port a number above 0")
        document = config_for(client, port=chosen if over_http else None)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        click.echo(f"This goes into {place_of(client)}", err=True)
        return
    settings = in_session(_checked, log_file=log_file)
    from codeconductor_mcp._server import make_server
    from codeconductor_mcp._serving import serve_http, serve_stdio

    server = make_server(settings, log_file=log_file)
    if over_http:
        serve_http(server, chosen)
    else:
        serve_stdio(server)


async def _checked(session: Session) -> McpSettings:
    """The server's own settings; what no call could be answered with is refused before a client relies on it."""
    from codeconductor_mcp._settings import McpSettings

    session.settings("run", RunSettings)
    return session.settings("mcp", McpSettings)
