"""A session in which Ollama's plugin is the only one, and real replies to replay."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import vcr
from codeconductor import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from vcr.cassette import Cassette

_RECORDER = vcr.VCR(
    cassette_library_dir=str(Path(__file__).parent / "cassettes"),
    record_mode="none",
    match_on=["method", "path", "query", "body"],
)


@pytest.fixture
def anyio_backend() -> str:
    """Core runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def nobodys_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but a test's own."""
    for name in [name for name in os.environ if name.startswith("CONDUCTOR_") or name == "OLLAMA_HOST"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CONDUCTOR_HOME", str(tmp_path))


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Session]:
    """Make a session that has no plugin but Ollama's; the arguments are its settings."""

    def make(**settings: object) -> Session:
        others = [point.name for point in entry_points(group="codeconductor") if point.name != "ollama"]
        tables = {"plugins": {"disabled": others}, "providers": {"ollama": settings}}
        return Session.start(tmp_path, overrides=tables)

    return make


@pytest.fixture
def replay() -> Callable[[str], AbstractContextManager[Cassette]]:
    """Answer requests from a cassette alone, each of its replies once; every reply must have been used."""

    @contextmanager
    def play(name: str) -> Iterator[Cassette]:
        with _RECORDER.use_cassette(f"{name}.yaml") as cassette:
            yield cassette
        assert cassette.all_played, f"{name}: only {cassette.play_count} of {len(cassette)} replies were asked for"

    return play
