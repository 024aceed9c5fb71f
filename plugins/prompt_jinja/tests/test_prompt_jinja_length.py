"""A prompt keeps to its longest length, and says what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codeconductor import Consensus, ContextFile, Disagreement, Option, PromptLimits, estimate_tokens
from codeconductor_prompt_jinja.text import truncate_tokens
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from codeconductor import Prompt

    Decide = Callable[..., Consensus]
    Render = Callable[..., Prompt]

LAYOUT = tuple(f"folder{number}/" for number in range(30))

MARKS = (
    ("the text of the context file", "value = 0"),
    ("open question", "a loop"),
    ("the input on which the candidates differ", "For the input"),
    ("risk", "sharp s grows"),
    ("the project's layout", "folder7"),
    ("general advice", "What not to do"),
    ("the context file", "`big.py`"),
    ("the reference code", "return text.upper()"),
)
"""How each part is named when it is left out, and what stands in the prompt while it is there; in the order of cuts."""

KEPT = ("Write a function shout(text)", "one expression will do", "returns capitals", "src/shout.py", "gives 'A'")


@pytest.fixture
def fitted(render: Render, root: Path) -> Callable[[int], Prompt]:
    """Render a decision with something of everything within so many tokens."""
    from codeconductor import Project

    project = Project(root=root, layout=LAYOUT, test_command="pytest")
    files = (ContextFile(path="big.py", text="value = 0\n" * 300, size=3_000),)
    return lambda tokens: render(project=project, context=files, limits=PromptLimits(max_tokens=tokens))


def lengths(fitted: Callable[[int], Prompt]) -> Iterator[tuple[int, Prompt]]:
    """Prompts of falling limits, from one that all fits in."""
    for tokens in range(5_000, 200, -160):
        yield tokens, fitted(tokens)


def test_everything_is_there_where_it_fits(fitted: Callable[[int], Prompt]) -> None:
    """Nothing is left out without need, and nothing is said about it."""
    prompt = fitted(16_000)
    assert all(mark in prompt.text for _, mark in MARKS)
    assert prompt.warnings == ()
    assert "Left out" not in prompt.text


def test_parts_are_left_out_in_a_fixed_order(fitted: Callable[[int], Prompt]) -> None:
    """Whatever the limit, a part is there only where every later part is there too."""
    stages = set()
    for _, prompt in lengths(fitted):
        there = [mark in prompt.text for _, mark in MARKS]
        assert there == sorted(there)
        stages.add(there.count(True))
    assert len(stages) >= 5


def test_the_limit_is_kept_as_long_as_there_is_something_to_leave_out(fitted: Callable[[int], Prompt]) -> None:
    """A prompt is longer than its limit only where nothing but task and agreement is left, and then it says so."""
    for tokens, prompt in lengths(fitted):
        if estimate_tokens(prompt.text) > tokens:
            assert not any(mark in prompt.text for _, mark in MARKS)
            (warning,) = prompt.warnings
            assert "never left out" in warning
            assert "is kept to" not in warning


def test_nothing_is_left_out_that_a_shorter_prompt_has(fitted: Callable[[int], Prompt]) -> None:
    """A prompt that fits is not passed over for one with less."""
    found = [(limit, fitted(limit).text) for limit in range(300, 2_000, 40)]
    parts = [(limit, sum(mark in text for _, mark in MARKS), estimate_tokens(text)) for limit, text in found]
    for limit, count, _ in parts:
        assert count >= max((other for _, other, tokens in parts if tokens <= limit), default=0), limit


def test_the_task_and_what_was_agreed_are_always_there(fitted: Callable[[int], Prompt]) -> None:
    """Not even a limit of one token takes them away."""
    for tokens in (1, 300, 900, 2_000):
        assert all(part in fitted(tokens).text for part in KEPT)


def test_what_is_left_out_is_said(fitted: Callable[[int], Prompt]) -> None:
    """In the prompt in one line, and in a warning; what is there is not said to be missing."""
    for _, prompt in lengths(fitted):
        line = "".join(line for line in prompt.text.split("\n") if line.startswith("Left out"))
        warning = "".join(warning for warning in prompt.warnings if "left out:" in warning)
        for said, mark in MARKS:
            if mark not in prompt.text:
                assert said in line
                assert said in warning


def test_a_long_context_file_is_quoted_as_far_as_it_fits(fitted: Callable[[int], Prompt]) -> None:
    """Its beginning is better than nothing, and is called one; whole lines are kept."""
    prompt = fitted(2_600)
    quoted = prompt.text.partition("`big.py`, its beginning:\n\n```py\n")[2].partition("```")[0]
    assert 20 < quoted.count("value = 0\n") < 300
    assert quoted.replace("value = 0\n", "") == ""
    assert "the end of `big.py`" in " ".join(prompt.warnings)
    assert 0.8 * 2_600 < estimate_tokens(prompt.text) <= 2_600


def test_context_files_are_quoted_in_the_users_order(render: Render) -> None:
    """The first files are whole; from the first that does not fit, the others are only named."""
    files = [ContextFile(path=f"f{number}.txt", text=f"text {number}\n" * 150, size=1_200) for number in range(6)]
    text = render(context=files, limits=PromptLimits(max_tokens=3_500)).text
    whole = [number for number in range(6) if f"text {number}\n" * 150 in text]
    named = [number for number in range(6) if f"- `f{number}.txt` (1.2 KiB)" in text]
    assert named == list(range(6))
    assert whole == list(range(len(whole)))
    assert 0 < len(whole) < 6


def test_a_template_that_shows_little_costs_few_renderings(
    render: Render, a_decision: Decide, project_templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving out what a template does not show changes nothing; that is found out quickly."""
    from codeconductor_prompt_jinja.sandbox import PromptEnvironment

    (project_templates / "mine.md.j2").write_text("{{ task.text * 40 }}")
    written: list[str] = []
    original = PromptEnvironment.render

    def noted(environment: PromptEnvironment, key: str, data: Mapping[str, object]) -> str:
        written.append(key)
        return original(environment, key, data)

    monkeypatch.setattr(PromptEnvironment, "render", noted)
    options = [Option(value="x" * 50, support=0.5)]
    questions = [Disagreement(field=f"f{number}", options=options) for number in range(200)]
    prompt = render(a_decision(disagreements=questions), limits=PromptLimits(max_tokens=100, template="mine"))
    assert "more than the 100 asked for" in " ".join(prompt.warnings)
    assert len(written) <= 12


def test_the_raw_data_is_cut_too(render: Render, project_templates: Path, a_decision: Decide) -> None:
    """A template that reads the documented fields of `conductor.run/1` keeps to the limit as well."""
    (project_templates / "raw.md.j2").write_text(
        "{{ task.text }}\n{{ consensus.outcome.code }}\n{{ consensus.witness is none }}\n"
        "{% for d in consensus.disagreements %}{{ d.options[0].value }}\n{% endfor %}"
        "{% for f in task.context %}{{ f.text }}{% endfor %}"
    )
    consensus = a_decision(outcome={"code": "x = 1\n" * 500, "requirements": ["r"]})
    files = [ContextFile(path="a.py", text="y = 2\n" * 500, size=3_000)]
    prompt = render(consensus, context=files, limits=PromptLimits(max_tokens=200, template="raw"))
    assert estimate_tokens(prompt.text) <= 200
    assert "Write a function shout(text)" in prompt.text


@given(st.text(max_size=300), st.integers(min_value=-3, max_value=80))
def test_a_beginning_keeps_to_its_tokens(text: str, limit: int) -> None:
    """It is the text's own beginning, and no longer than asked for."""
    head = truncate_tokens(text, limit)
    assert text.startswith(head)
    assert estimate_tokens(head) <= max(limit, 0)
