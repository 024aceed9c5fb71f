"""One invocation, which every stage is handed: its settings, HTTP clients, events, plugins, keys and warnings."""

from __future__ import annotations

from codeconductor.session.keys import Keys
from codeconductor.session.session import Closable, Session, disabled_plugins

__all__ = ["Closable", "Keys", "Session", "disabled_plugins"]
