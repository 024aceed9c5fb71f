"""Fixtures of the testing kit for core's own tests."""

from __future__ import annotations

from codeconductor.testing import make_session, project_folder, session
from hypothesis import HealthCheck, settings

__all__ = ["make_session", "project_folder", "session"]

# how long an example takes is a matter of the machine
settings.register_profile("core", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("core")
