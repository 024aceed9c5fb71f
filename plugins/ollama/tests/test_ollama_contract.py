"""What every provider promises, with a scripted Ollama behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_ollama
import pytest
from codeconductor.testing import ProviderContract
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, refusing_host

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestOllama(ProviderContract):
    """The model is not in memory, so each question goes through its load."""

    @pytest.fixture
    def provider(self) -> Any:
        return codeconductor_ollama

    @pytest.fixture
    def settings(self) -> Iterator[dict[str, Any]]:
        with ScriptedOllama(ScriptedModel(name="a:1b", loaded=False)) as ollama:
            yield {"ollama": {"hosts": [ollama.host]}}

    @pytest.fixture
    def unreachable_settings(self) -> Iterator[dict[str, Any]]:
        with refusing_host() as dead:
            yield {"ollama": {"hosts": [dead]}}
