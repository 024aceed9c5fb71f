"""CodeConductor plugin: the team of models as tools of an MCP client; its command alone imports the SDK."""

from __future__ import annotations
