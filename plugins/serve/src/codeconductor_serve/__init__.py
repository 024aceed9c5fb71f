"""CodeConductor plugin: `conductor serve`, the team as one OpenAI-compatible model."""

from __future__ import annotations

from codeconductor import hookimpl


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[serve]`."""
    from codeconductor_serve._settings import ServeSettings

    return "serve", ServeSettings
