"""Settings that are tables: from a file as they stand, from the environment as pairs."""

from __future__ import annotations

import attrs
import pytest
from codeconductor import InputError
from codeconductor.converters import structure_table
from codeconductor.settings import Table
from codeconductor.settings.layers import Origin, Text


@attrs.frozen
class Keys:
    api_keys: dict[str, str] = attrs.field(factory=dict)


def read(value: object) -> dict[str, str]:
    table = Table({"api_keys": value}, {"api_keys": Origin("file.toml", "acme.api_keys")}, ())
    return structure_table(table, "acme", Keys).api_keys


def test_a_table_is_taken_as_the_file_has_it() -> None:
    """Keys are the user's own; nothing is coerced."""
    assert read({"http://a:1": "env:A"}) == {"http://a:1": "env:A"}


def test_the_environment_gives_a_table_as_pairs() -> None:
    """`KEY=VALUE,KEY=VALUE`, as lists are comma-separated there."""
    assert read(Text("http://a:1=env:A, http://b:2 = keyring:B")) == {"http://a:1": "env:A", "http://b:2": "keyring:B"}
    assert read(Text("")) == {}


@pytest.mark.parametrize("value", [["x"], "x", {"a": 1}, {"a": {"b": "c"}}, Text("no pair")])
def test_what_is_no_table_of_texts_is_refused_with_what_was_expected(value: object) -> None:
    """File, key and expectation are named."""
    with pytest.raises(InputError, match=r"file.toml: acme.api_keys: expected a table, each value text, got"):
        read(value)
