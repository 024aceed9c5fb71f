"""Variables of the environment that set nothing, though they are named almost like a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from codeconductor.errors import nearest
from codeconductor.settings.layers import ENVIRONMENT_PREFIX
from codeconductor.settings.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LIKENESS = 0.85
"""Two letters that changed places in the shortest names; what other programs call by our prefix is further away."""


def slips(variables: Iterable[str], tables: Mapping[str, type]) -> Iterator[tuple[str, str]]:
    """(variable, the one that was most likely meant) of each that is no setting, but nearly one.

    Args:
        variables: Names from the environment that begin like those of settings.
        tables: The known tables by their full names. What stands under ``providers`` is passed over.
    """
    meant = _spellings(tables)
    for variable in variables:
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if _is_setting(name.split("__"), tables):
            continue
        close = nearest(name, meant, likeness=_LIKENESS)
        if close is not None:
            yield variable, meant[close]


def _spellings(tables: Mapping[str, type]) -> dict[str, str]:
    """Each setting's variable, by all that people write for it: core's own settings without their table as well."""
    meant: dict[str, str] = {}
    for table, cls in tables.items():
        for field in attrs.fields_dict(cls):
            full = "__".join([*table.split("."), field])
            short = full.removeprefix("providers__")
            meant[full], meant[short] = (f"{ENVIRONMENT_PREFIX}{name}".upper() for name in (full, short))
    bare = {field: f"{table}__{field}" for table, cls in TABLES.items() for field in attrs.fields_dict(cls)}
    return {field: meant[full] for field, full in bare.items()} | meant


def _is_setting(path: list[str], tables: Mapping[str, type]) -> bool:
    beginnings = [".".join(path[:length]) for length in range(1, len(path))]
    return any(name == "providers" or name in tables or f"providers.{name}" in tables for name in beginnings)
