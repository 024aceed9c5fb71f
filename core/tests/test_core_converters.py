"""Strict where a person writes, lenient where a server does, plain on the way out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from codeconductor import Chunk, ContextFile, from_reply, to_plain
from codeconductor.testing import a_model, a_task, an_answer
from hypothesis import given
from hypothesis import strategies as st


@attrs.frozen
class Inner:
    size: int | None = None


@attrs.frozen
class Reply:
    name: str
    inner: Inner = Inner()
    items: tuple[Inner, ...] = ()


def test_a_servers_reply_may_say_more_than_is_asked() -> None:
    """Unknown keys are ignored at any depth, missing ones have their defaults."""
    data = {"name": "x", "more": 1, "inner": {"size": 3, "colour": "red"}, "items": [{}, {"size": None}]}
    assert from_reply(data, Reply) == Reply("x", Inner(3), (Inner(), Inner()))
    assert from_reply({"name": "x"}, Reply) == Reply("x")


@pytest.mark.parametrize("data", [{}, [], None, "text", {"name": "x", "items": 3}, {"name": "x", "inner": 3}])
def test_a_reply_of_another_shape_is_a_value_error(data: object) -> None:
    """Its message says where."""
    with pytest.raises(ValueError) as caught:
        from_reply(data, Reply)
    assert str(caught.value)


@pytest.mark.parametrize("name", [None, [], {}, True])
def test_what_is_no_text_is_not_made_one(name: object) -> None:
    """A model called "None" was listed, and asked."""
    with pytest.raises(ValueError, match=r"\$\.name"):
        from_reply({"name": name}, Reply)


@pytest.mark.parametrize("size", ["big", [1], {}, 10**30, float("inf"), float("nan")])
def test_what_is_optional_and_cannot_be_read_is_missing(size: object) -> None:
    """A count that nobody understands costs no answer that arrived whole."""
    assert from_reply({"name": "x", "inner": {"size": size}}, Reply) == Reply("x")
    assert from_reply({"name": "x", "inner": {"size": "12"}}, Reply) == Reply("x", Inner(12))


def test_an_entry_of_another_form_costs_only_itself() -> None:
    """The others of its list stay."""
    data: dict[str, object] = {"name": "x", "items": [{"size": 1}, None, 5, "text", [], {"size": 2}]}
    assert from_reply(data, Reply).items == (Inner(1), Inner(2))
    assert from_reply({"name": "x", "items": None}, Reply).items == ()
    with pytest.raises(ValueError, match=r"\$\.items"):  # it is a list of something else
        from_reply({"name": "x", "items": [5]}, Reply)


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("False", False), (1, True), (None, None), ("so", None)])
def test_a_word_for_true_or_false_means_what_it_says(said: object, meant: bool | None) -> None:
    """`"false"` was true, as every text is that is not empty."""

    @attrs.frozen
    class Line:
        done: bool | None = None

    assert from_reply({"done": said}, Line) == Line(meant)


def test_values_become_what_json_can_hold() -> None:
    """Classes as objects, tuples as lists, sets sorted, paths as text; a value stays what it was."""
    model = a_model(capabilities={"b", "a"})
    answer = to_plain(an_answer('```json\n{"approach": "x"}\n```', model=model))
    assert answer["model"]["capabilities"] == ["a", "b"]
    assert answer["data"] == {"approach": "x"}
    assert answer["error"] is None
    assert to_plain(an_answer(error="timeout"))["error"]["kind"] == "timeout"
    task: dict[str, Any] = to_plain(a_task(context=(ContextFile(path="a.py", text="x", size=1),)))
    assert task["context"] == [{"path": "a.py", "text": "x", "size": 1}]
    assert task["project"]["root"] == str(Path.cwd())
    json.dumps([answer, task], allow_nan=False)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_data_is_plain_already(data: object) -> None:
    """And is not changed."""
    assert to_plain(data) == data


def test_what_json_cannot_hold_is_replaced() -> None:
    """NaN and infinities have no place in a document; a mapping that is no dict is one there."""
    assert to_plain([math.nan, math.inf, MappingProxyType({"x": 1})]) == [None, None, {"x": 1}]


@pytest.mark.parametrize("data", [[], "text", None, 1])
def test_a_reply_that_is_no_object_is_refused(data: object) -> None:
    """A list is not taken for an object whose fields all have defaults."""
    with pytest.raises(ValueError, match="expected an object"):
        from_reply(data, Chunk)
