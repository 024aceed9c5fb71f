"""Task ─▶ **discovery** ─▶ dispatch: which models can be asked, here and now.

Every plugin is asked at once, and every plugin asks its own hosts at once; nobody waits longer than 5 s for a host.
"""

from __future__ import annotations

from codeconductor.discovery.asking import HOST_TIMEOUT, PLUGIN_TIMEOUT, discover, discover_hosts
from codeconductor.discovery.choosing import (
    choose,
    in_reach,
    known_providers,
    matches,
    nearest_model,
    order_of_asking,
    to_ask,
)
from codeconductor.discovery.memory import is_too_large, memory_in_words
from codeconductor.discovery.steps import leave_behind
from codeconductor.discovery.values import Discovery, Model, Problem

__all__ = [
    "HOST_TIMEOUT",
    "PLUGIN_TIMEOUT",
    "Discovery",
    "Model",
    "Problem",
    "choose",
    "discover",
    "discover_hosts",
    "in_reach",
    "is_too_large",
    "known_providers",
    "leave_behind",
    "matches",
    "memory_in_words",
    "nearest_model",
    "order_of_asking",
    "to_ask",
]
