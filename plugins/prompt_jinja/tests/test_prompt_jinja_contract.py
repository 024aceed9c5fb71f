"""The renderer keeps what core relies on."""

from __future__ import annotations

import pytest
from codeconductor.testing import RendererContract
from codeconductor_prompt_jinja import conductor_prompt_renderers
from codeconductor_prompt_jinja.renderer import JinjaRenderer


class TestContract(RendererContract):
    """The conformance kit's promises."""

    @pytest.fixture
    def renderer(self) -> JinjaRenderer:
        """As the hook gives it."""
        [renderer] = conductor_prompt_renderers()
        assert isinstance(renderer, JinjaRenderer)
        return renderer
