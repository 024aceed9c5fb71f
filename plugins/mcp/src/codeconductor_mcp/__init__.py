"""CodeConductor plugin: the team of models as tools of an MCP client; its command alone imports the SDK."""

from __future__ import annotations

from codeconductor import hookimpl


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[mcp]`."""
    from codeconductor_mcp._settings import McpSettings

    return "mcp", McpSettings
