"""CodeConductor plugin: writes prompts from Jinja templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import PromptRenderer


@hookimpl
def conductor_prompt_renderers() -> list[PromptRenderer]:
    """The renderer ``jinja``."""
    from codeconductor_prompt_jinja.renderer import JinjaRenderer

    return [JinjaRenderer()]
