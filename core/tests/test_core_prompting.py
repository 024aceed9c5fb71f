"""Core's side of the prompt: which renderer writes it, what is made of what it gives, and how tokens are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Consensus, InputError, Prompt, PromptLimits, Template, estimate_tokens, hookimpl, render
from codeconductor.errors import PluginError
from codeconductor.prompting import check_renderer, list_templates
from codeconductor.testing import a_task, make_session, project_folder
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import Session
    from codeconductor.testing import MakeSession

__all__ = ["make_session", "project_folder"]  # fixtures

CONSENSUS = Consensus(outcome={"text": "x"}, agreement=1.0)


class Plain:
    """A renderer without templates that gives what it was told to."""

    name = "plain"

    def __init__(self, gives: object = "a prompt") -> None:
        self.gives = gives

    def render(self, task: object, consensus: object, limits: PromptLimits) -> Any:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


class Templated(Plain):
    """A renderer with one template, `own`."""

    name = "templated"

    def check(self, task: object, limits: PromptLimits) -> None:
        if limits.template == "buggy":
            raise KeyError("x")
        if limits.template not in (None, "own"):
            raise InputError(f"unknown template {limits.template!r}", hint="did you mean 'own'?")

    def templates(self, root: Path) -> list[Template]:
        return [Template(name="own", origin="project", path=root / "own", text="x")]


class Brings:
    """A plugin that brings one renderer."""

    def __init__(self, renderer: object) -> None:
        self.renderer = renderer

    @hookimpl
    def conductor_prompt_renderers(self) -> list[object]:
        return [self.renderer]


def rendered(session: Session, limits: PromptLimits | None = None) -> Prompt:
    """What the renderer `plain` of the session writes."""
    return render(session, a_task(), CONSENSUS, renderer="plain", limits=limits or PromptLimits())


def test_a_text_becomes_a_prompt(make_session: MakeSession) -> None:
    """A renderer may give a text alone: core adds who wrote it and how long it is."""
    prompt = rendered(make_session(acme=Brings(Plain("one two"))))
    assert prompt == Prompt(text="one two", renderer="plain", tokens=estimate_tokens("one two"))


def test_a_prompt_keeps_its_template_and_its_warnings_are_told(make_session: MakeSession) -> None:
    """What a renderer says of its prompt reaches the person, each warning once."""
    given = Prompt(text="t", template="own", warnings=["cut", "cut"])
    session = make_session(acme=Brings(Plain(given)))
    prompt = rendered(session)
    assert (prompt.template, prompt.renderer) == ("own", "plain")
    assert session.warnings == ["cut"]


@pytest.mark.parametrize("gives", [None, 7, b"bytes", ["a"]])
def test_what_is_no_text_is_a_fault_of_the_plugin(make_session: MakeSession, gives: object) -> None:
    """It is not written out as if it were a prompt."""
    with pytest.raises(PluginError, match=f"'plain' of plugin 'acme'.*gave {type(gives).__name__}, not text"):
        rendered(make_session(acme=Brings(Plain(gives))))


def test_a_renderer_that_raises_is_named_with_its_distribution(make_session: MakeSession) -> None:
    """Nothing else is put in its place; the hint says what to do."""
    with pytest.raises(PluginError, match=r"plugin 'acme' \(codeconductor-acme\) failed: KeyError: 'x'") as caught:
        rendered(make_session(acme=Brings(Plain(KeyError("x")))))
    assert (caught.value.hint or "").startswith("take another --renderer")


def test_a_condition_that_a_renderer_expects_goes_through(make_session: MakeSession) -> None:
    """An `InputError`, as of a wrong template, keeps its words and its exit code."""
    with pytest.raises(InputError, match=r"^template x, line 3$"):
        rendered(make_session(acme=Brings(Plain(InputError("template x, line 3")))))


def check(session: Session, renderer: str, template: str | None = None) -> None:
    """What is checked before models are asked."""
    check_renderer(session, a_task(), renderer=renderer, limits=PromptLimits(template=template))


def test_an_unknown_renderer_is_answered_with_the_nearest(make_session: MakeSession) -> None:
    """Without any renderer the answer is the package to install."""
    with pytest.raises(InputError) as caught:
        check(make_session(acme=Brings(Plain())), "plian")
    assert caught.value.hint == "did you mean 'plain'?"
    with pytest.raises(InputError) as caught:
        check(make_session(), "jinja")
    assert "codeconductor-prompt-jinja" in (caught.value.hint or "")


def test_a_template_is_checked_where_the_renderer_can(make_session: MakeSession) -> None:
    """A renderer without `check` takes any name; one with it refuses what it does not know."""
    session = make_session(acme=Brings(Plain()), bravo=Brings(Templated()))
    check(session, "plain", "whatever")
    check(session, "templated", "own")
    with pytest.raises(InputError, match="unknown template 'other'"):
        check(session, "templated", "other")
    with pytest.raises(PluginError, match="'templated' of plugin 'bravo'") as caught:
        check(session, "templated", "buggy")
    assert "recorded" not in (caught.value.hint or "")


def test_templates_are_listed_where_the_renderer_has_some(make_session: MakeSession, project_folder: Path) -> None:
    """They are those in reach from the project's folder."""
    session = make_session(acme=Brings(Plain()), bravo=Brings(Templated()))
    assert list_templates(session, "plain") == ()
    [template] = list_templates(session, "templated")
    assert (template.name, template.path) == ("own", project_folder / "own")


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("word", 1), ("identifier", 2), ("a b", 3), ("1234", 4), ("a\n\n\nb", 3), ("x = y", 5), ("日本", 3)],
)
def test_tokens_are_counted_by_their_documented_units(text: str, units: float) -> None:
    """Letters in runs of six, digits, signs, blanks and newlines; other characters one and a half; times 1.25."""
    assert estimate_tokens(text) == round(1.25 * units)


@given(st.text(max_size=80), st.text(max_size=80))
def test_parts_have_as_many_tokens_as_their_whole(first: str, second: str) -> None:
    """Cutting by parts is sound: a whole has no more tokens than its parts, and hardly fewer."""
    whole, parts = estimate_tokens(first + second), estimate_tokens(first) + estimate_tokens(second)
    assert parts - 3 <= whole <= parts + 1
