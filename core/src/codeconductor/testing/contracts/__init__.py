"""The conformance kit: subclass one class, override its fixtures, and every promise of the hook reference is tested."""

from __future__ import annotations

import pytest

# before the modules are imported, or a failed assertion shows no values
pytest.register_assert_rewrite(
    "codeconductor.testing.contracts.base",
    "codeconductor.testing.contracts.coder",
    "codeconductor.testing.contracts.provider",
    "codeconductor.testing.contracts.renderer",
    "codeconductor.testing.contracts.runner",
    "codeconductor.testing.contracts.strategy",
)

from codeconductor.testing.contracts.coder import CoderContract  # noqa: E402 - see above
from codeconductor.testing.contracts.provider import ProviderContract  # noqa: E402
from codeconductor.testing.contracts.renderer import RendererContract  # noqa: E402
from codeconductor.testing.contracts.runner import RunnerContract  # noqa: E402
from codeconductor.testing.contracts.strategy import StrategyContract  # noqa: E402

__all__ = ["CoderContract", "ProviderContract", "RendererContract", "RunnerContract", "StrategyContract"]
