"""What all contracts share: a test of the kit may not be overridden in silence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from codeconductor.testing.sessions import new_session, own_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codeconductor.testing.sessions import MakeSession


def must_override(fixture: str, what: str) -> NotImplementedError:
    """What a fixture raises that only the author of the plugin can fill."""
    return NotImplementedError(f"override the fixture `{fixture}` in your subclass: {what}")


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their paths in a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())


def files_of(folder: Path) -> dict[str, bytes]:
    """What is in the files of a folder, by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


class Contract:
    """The base of the contracts."""

    # here and not in a conftest, so that a subclass is all that is needed
    @pytest.fixture
    def project_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """As of `codeconductor.testing`."""
        return own_project(tmp_path, monkeypatch)

    @pytest.fixture
    def make_session(self, project_folder: Path) -> MakeSession:
        """As of `codeconductor.testing`."""
        return partial(new_session, project_folder)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("codeconductor.testing."):
            return
        for name, member in vars(cls).items():
            inherited = any(name in vars(base) for base in cls.__mro__[1:])
            if name.startswith("test_") and inherited and not _expected_to_fail(member):
                raise TypeError(
                    f"{cls.__name__}.{name} replaces a test of the contract: "
                    "mark it with @pytest.mark.xfail(reason=…) where the plugin cannot keep this promise"
                )


def _expected_to_fail(member: object) -> bool:
    marks = getattr(member, "pytestmark", [])
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks if isinstance(mark, pytest.Mark))
