"""What every provider promises, with scripted servers of three kinds behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_openai_compatible
import pytest
from codeconductor.testing import ProviderContract
from codeconductor.testing.servers import ScriptedOpenAI, refusing_host

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestOpenAICompatible(ProviderContract):
    """Names alone, llama.cpp's server, and vLLM."""

    @pytest.fixture
    def provider(self) -> Any:
        return codeconductor_openai_compatible

    @pytest.fixture(params=["plain", "llama.cpp", "vllm"])
    def settings(self, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
        with ScriptedOpenAI("acme/a-1b", flavour=request.param) as server:
            yield {"openai_compatible": {"hosts": [f"{server.host}/v1"]}}

    @pytest.fixture
    def unreachable_settings(self) -> Iterator[dict[str, Any]]:
        with refusing_host() as dead:
            yield {"openai_compatible": {"hosts": [dead]}}
