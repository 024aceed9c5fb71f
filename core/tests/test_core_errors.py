"""Errors carry what happened, what to do, and the exit code of the contract."""

from __future__ import annotations

import pytest
from codeconductor import ConductorError, InputError, ProviderError, nearest, unknown_name
from codeconductor.errors import ERROR_KINDS, LowConfidenceError, NoAnswerError, NoModelError, PluginError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConductorError, 1),
        (InputError, 2),
        (NoModelError, 3),
        (NoAnswerError, 4),
        (LowConfidenceError, 5),
        (PluginError, 1),
        (ProviderError, 1),
    ],
)
def test_each_error_has_the_exit_code_of_the_contract(error: type[ConductorError], code: int) -> None:
    """Message and hint are kept apart; the message is what `str` gives."""
    made = error("it broke", hint="mend it")
    assert (made.exit_code, made.message, made.hint, str(made)) == (code, "it broke", "mend it", "it broke")
    assert isinstance(made, ConductorError)


def test_an_exception_as_the_message_gives_its_words() -> None:
    """Plugins are not always type-checked, and messages are cut, blanked and shown."""
    error = ConductorError(ValueError("no route"), hint=404)  # type: ignore[arg-type]
    assert (error.message, error.hint, str(error)) == ("no route", "404", "no route")


def test_a_kind_that_the_contract_does_not_know_is_a_fault_of_the_plugin() -> None:
    """Nobody else's word gets into the documents."""
    assert ProviderError("x", kind="strange").kind == "plugin"
    assert {ProviderError("x", kind=kind).kind for kind in ERROR_KINDS} == ERROR_KINDS


@pytest.mark.parametrize(
    ("name", "close"),
    [("majorty", "majority"), ("MAJORITY", "majority"), ("Bset", "best"), ("xyzzy", None), ("", None)],
)
def test_the_nearest_name_is_found_whatever_its_case(name: str, close: str | None) -> None:
    """A slip of the finger is recognised; something else is not."""
    assert nearest(name, ["majority", "weighted", "best"]) == close


def test_an_unknown_name_offers_the_nearest_or_all_or_says_that_there_is_none() -> None:
    """The hint is always something to do."""
    assert unknown_name("strategy", "bst", ["best", "majority"]).hint == "did you mean 'best'?"
    assert unknown_name("strategy", "zzz", ["majority", "best"]).hint == "known: best, majority"
    assert unknown_name("strategy", "best", []).hint == "no strategy is installed"
    assert unknown_name("strategy", "best", [], hint="install one").hint == "install one"


@given(st.text(), st.lists(st.text()))
def test_any_name_gets_an_answer(name: str, known: list[str]) -> None:
    """Whatever is typed, the nearest name is one of the known, or none."""
    assert nearest(name, known) in [*known, None]
    assert unknown_name("thing", name, known).hint
