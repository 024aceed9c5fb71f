"""What is written into the settings of an MCP client."""

from __future__ import annotations

from typing import Any

from codeconductor import command_path

_PLACES = {
    "cursor": ".cursor/mcp.json of the project, or ~/.cursor/mcp.json",
    "vscode": ".vscode/mcp.json of the project",
    "claude": ".mcp.json of the project",
}


def place_of(client: str) -> str:
    """The file that a client's settings go into."""
    return _PLACES[client]


def config_for(client: str, *, port: int | None = None) -> dict[str, Any]:
    """A client's settings for this server, as its file has them.

    Args:
        client: ``"cursor"``, ``"vscode"`` or ``"claude"``.
        port: Of a server that runs already, over HTTP; None: the client starts it.
    """
    server: dict[str, Any]
    if port is None:
        server = {"type": "stdio", "command": command_path(), "args": ["mcp"]}
    else:
        server = {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}
    if client == "cursor":  # tells them apart by their keys
        del server["type"]
    return {"servers" if client == "vscode" else "mcpServers": {"conductor": server}}
