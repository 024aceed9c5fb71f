"""Fixtures of the testing kit."""

from __future__ import annotations

from codeconductor.testing import make_session, project_folder, session

__all__ = ["make_session", "project_folder", "session"]
