"""What every provider promises, with a scripted LM Studio behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_lmstudio
import pytest
from codeconductor.testing import ProviderContract
from codeconductor.testing.servers import ScriptedLMStudio, ScriptedModel, refusing_host

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestLMStudio(ProviderContract):
    """The model is not in memory, so each question goes through its load."""

    @pytest.fixture
    def provider(self) -> Any:
        return codeconductor_lmstudio

    @pytest.fixture
    def settings(self) -> Iterator[dict[str, Any]]:
        with ScriptedLMStudio(ScriptedModel(name="acme/a-1b", loaded=False)) as server:
            yield {"lmstudio": {"hosts": [server.host]}}

    @pytest.fixture
    def unreachable_settings(self) -> Iterator[dict[str, Any]]:
        with refusing_host() as dead:
            yield {"lmstudio": {"hosts": [dead]}}
