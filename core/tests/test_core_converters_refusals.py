"""What a settings class itself refuses is told with the place that it was written in."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from codeconductor import InputError, setting
from codeconductor.converters import structure_table
from codeconductor.settings import Table
from codeconductor.settings.layers import Origin


def _refuse() -> int:
    raise InputError("the environment has a wrong address")


def _at_most_3(_instance: object, _attribute: object, value: int) -> None:
    if value > 3:
        raise ValueError(f"expected 3 at most, got {value}")


@attrs.frozen(kw_only=True)
class Acme:
    port: int = setting(attrs.Factory(_refuse))
    parallel: int = setting(1, validator=_at_most_3)


@attrs.frozen(kw_only=True)
class Pair:
    low: int = setting(1, validator=_at_most_3)
    high: int = setting(2)

    def __attrs_post_init__(self) -> None:
        if self.low < 0 and self.high < self.low:
            raise ValueError("low is above high")


def read(cls: type, **values: object) -> Any:
    return structure_table(Table(values, {key: Origin("file.toml", f"acme.{key}") for key in values}, ()), "acme", cls)


def test_a_default_that_cannot_be_made_does_not_matter_where_every_layer_is_stronger() -> None:
    """It is made only where no value was given, however many other settings there are."""
    assert read(Acme, port=80, parallel=2) == Acme(port=80, parallel=2)
    with pytest.raises(InputError, match="wrong address"):
        read(Acme, parallel=2)


def test_the_refused_value_has_its_own_place_named() -> None:
    """Among several values."""
    with pytest.raises(InputError, match=r"^file.toml: acme.low: expected 3 at most, got 9$"):
        read(Pair, high=20, low=9)


def test_values_that_do_not_go_together_are_told_for_the_table() -> None:
    """No single one of them is wrong."""
    with pytest.raises(InputError, match=r"^settings of acme: low is above high$"):
        read(Pair, low=-1, high=-2)
