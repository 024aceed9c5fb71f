"""Sessions of the testing kit."""

from codeconductor.testing import make_session, project_folder, session

__all__ = ["make_session", "project_folder", "session"]
