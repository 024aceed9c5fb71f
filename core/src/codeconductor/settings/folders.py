"""Where CodeConductor keeps its files on this platform."""

from __future__ import annotations

import os
from pathlib import Path

from codeconductor.errors import InputError


def config_folder() -> Path:
    """The folder of the user's `config.toml` and `templates/`; it need not exist."""
    import platformdirs

    return platformdirs.user_config_path("conductor", appauthor=False)


def data_folder() -> Path:
    """The folder of the history and of the list of trusted files; `CONDUCTOR_HOME` moves it. It need not exist.

    Raises:
        InputError: `CONDUCTOR_HOME` begins with the home folder of nobody.
    """
    moved = os.environ.get("CONDUCTOR_HOME")
    if moved:
        try:
            return Path(moved).expanduser()
        except RuntimeError as exc:
            raise InputError(f"CONDUCTOR_HOME: {moved!r} is nobody's home folder", hint="give a whole path") from exc
    import platformdirs

    return platformdirs.user_state_path("conductor", appauthor=False)


def current_folder() -> Path:
    """Where the user stands.

    Raises:
        InputError: It was removed meanwhile.
    """
    try:
        return Path.cwd()
    except OSError as exc:
        raise InputError(f"the current folder cannot be read: {exc.strerror}", hint="go to another folder") from exc
