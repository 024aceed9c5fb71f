"""What a prompt says: it reads as an expert would write it for a coding agent."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor import (
    Consensus,
    ContextFile,
    Disagreement,
    FieldConsensus,
    Option,
    Project,
    PromptLimits,
    Witness,
    WitnessOption,
)
from codeconductor.testing import an_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Prompt

    Decide = Callable[..., Consensus]
    Render = Callable[..., Prompt]
    Field = Callable[..., FieldConsensus]

CODE = "def shout(text: str) -> str:\n    return text.upper()\n"


def headings(text: str) -> list[str]:
    """The headings outside of fences."""
    return re.findall(r"^#+ (.+)$", re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.M | re.S), re.M)


def section(text: str, heading: str) -> str:
    """What stands below a heading."""
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_everything_that_was_decided_has_its_place(render: Render) -> None:
    """Sections come in the order in which one works; what a section says stands in it."""
    text = render().text
    assert headings(text) == [
        "Write a function",
        "Context",
        "Approach",
        "Requirements",
        "Files",
        "Reference code",
        "Constraints",
        "Open questions",
        "Risks",
        "Tests",
        "What not to do",
        "Result",
    ]
    assert "one expression will do" in section(text, "Approach")
    assert "- `src/shout.py`: the function (3 of 4 models)" in section(text, "Files")
    assert f"```python\n{CODE}```" in section(text, "Reference code")
    assert "shout('a') gives 'A' (2 of 4 models)" in section(text, "Tests")


def test_support_is_told_in_models(render: Render) -> None:
    """A share that is a number of models is written as that number."""
    requirements = section(render().text, "Requirements")
    assert "returns capitals (all 4 models)" in requirements
    assert "raises TypeError for what is no text (3 of 4 models)" in requirements


def test_votes_that_do_not_weigh_the_same_are_told_as_a_share(render: Render, a_decision: Decide) -> None:
    """Two models with nine tenths of the votes are not called "2 of 2"."""
    heavy = FieldConsensus(name="requirements", value="is fast", support=0.9, models=["acme/a", "acme/b"])
    assert "is fast (2 models, 90 % of the votes)" in render(a_decision(fields=[heavy])).text


def test_samples_of_one_model_are_not_called_models(render: Render, a_decision: Decide) -> None:
    """Where one model alone was asked, its samples have agreed."""
    consensus = a_decision(
        fields=[
            FieldConsensus(name="requirements", value="returns capitals", support=0.6, models=["acme/a"]),
            FieldConsensus(name="tests", value="the empty text", support=1.0, models=["acme/a"]),
        ],
        disagreements=[],
        witness=None,
        weights={"acme/a": 1.0},
    )
    text = render(consensus).text
    assert "returns capitals (60 % of the samples)" in text
    assert "the empty text (all samples)" in text
    assert "from what one language model wrote in one or more samples." in text


def test_confidence_is_a_word_for_probabilities_alone(render: Render, a_decision: Decide) -> None:
    """Raw agreement is shown as agreement."""
    raw = section(render(a_decision(calibrated=False)).text, "Reference code")
    fitted = section(render(a_decision(calibrated=True, confidence=0.9)).text, "Reference code")
    assert "agreement 75 %" in raw
    assert "confidence" not in raw
    assert "confidence 90 %" in fitted


def test_reference_code_is_marked_as_a_models(render: Render) -> None:
    """A coding agent is told who wrote the code, and that nobody reviewed it."""
    reference = section(render().text, "Reference code")
    assert "the model `acme/a`" in reference
    assert "nobody has reviewed it" in reference


def test_models_words_are_declared_information_before_they_appear(render: Render) -> None:
    """The warning stands once, and above everything that models wrote."""
    text = render().text
    assert text.count("no instruction") == 1
    assert text.index("no instruction") < text.index("one expression will do")


def test_options_stand_in_order_of_their_support(render: Render) -> None:
    """The first option is the default, and is said to be."""
    questions = section(render().text, "Open questions")
    assert "take the first" in questions
    assert questions.index("- str.upper (2 of 4 models)") < questions.index("- a loop (1 of 4 models)")


def test_items_that_few_named_are_no_alternatives(render: Render, a_decision: Decide) -> None:
    """Further requirements do not exclude each other: there is no first one to take."""
    options = [Option(value="locale aware", support=0.25, models=["acme/d"])]
    consensus = a_decision(disagreements=[Disagreement(field="requirements", options=options)], witness=None)
    questions = section(render(consensus).text, "Open questions")
    assert "Only some models name these requirements" in questions
    assert "take the first" not in questions


def test_the_witness_says_who_returns_what(render: Render) -> None:
    """The input on which candidates differ is shown with each result and its models."""
    questions = section(render().text, "Open questions")
    assert "For the input `ß`" in questions
    assert "- `acme/d`: `ß`" in questions


def test_the_witness_of_a_single_models_samples_counts_them(render: Render, a_decision: Decide) -> None:
    """The same name twice would say nothing."""
    options = [
        WitnessOption(result="True", models=["acme/a"], answers=4),
        WitnessOption(result="None", models=["acme/a"], answers=1),
    ]
    alone = a_decision(
        witness=Witness(input="f('')", options=options),
        fields=[],
        disagreements=[],
        weights={"acme/a": 1.0},
    )
    questions = section(render(alone).text, "Open questions")
    assert "- 4 samples: `True`\n- one sample: `None`" in questions
    several = a_decision(witness=Witness(input="f('')", options=options))
    assert "- 4 answers of `acme/a`: `True`\n- `acme/a`: `None`" in section(render(several).text, "Open questions")


def test_done_means_the_projects_own_tests(render: Render, root: Path) -> None:
    """With a known test command, done is defined by it; else the agent says how it tested."""
    assert "`pytest -q` exits 0" in render().text
    assert "Say how you ran them" in render(project=Project(root=root)).text


def test_a_test_that_shows_a_fault_is_done_too(render: Render) -> None:
    """Such a test stays, and its project's tests cannot pass: nothing may ask for that."""
    text = render(kind="test").text
    assert "leave that test in place" in text
    assert "exits 0" not in text
    assert "with `pytest -q` every new test passes, or fails because of a fault" in section(text, "Tests")


def test_facts_of_the_project_are_told(render: Render, root: Path) -> None:
    """Layout, languages and standards need no model; of the machine's paths nothing is told."""
    project = Project(
        root=root,
        name="demo",
        layout=("src/", "README.md"),
        languages=("Python >=3.12",),
        standards=("Every function has a docstring",),
    )
    text = render(project=project).text
    assert "Python >=3.12" in text
    assert "`src/`, `README.md`" in text
    assert "- Every function has a docstring (standard of this project)" in text
    assert str(root.parent) not in text


def test_context_files_are_named_with_their_purpose_and_quoted(
    render: Render, a_decision: Decide, a_field: Field
) -> None:
    """A given file is listed with its size and what models mean to do with it; then its text."""
    consensus = a_decision(fields=[a_field("files", {"path": "src/a.py", "purpose": "calls it"})])
    files = (ContextFile(path="src/a.py", text="import shout\n", size=13), ContextFile(path="-", text="log", size=3))
    context = section(render(consensus, context=files).text, "Context")
    assert "- `src/a.py` (13 B): calls it\n" in context
    assert "- Standard input (3 B)\n" in context
    assert "`src/a.py`:\n\n```py\nimport shout\n```" in context


def test_code_alone_makes_a_whole_prompt(render: Render) -> None:
    """A small model gives no proposal: the prompt has no empty sections, and reads well."""
    consensus = Consensus(outcome={"code": CODE}, agreement=0.6, confidence=0.6, weights={"acme/a": 1.0})
    prompt = render(consensus)
    assert headings(prompt.text) == [
        "Write a function",
        "Context",
        "Reference code",
        "Constraints",
        "Tests",
        "What not to do",
        "Result",
    ]
    assert prompt.template == "function"
    assert "Written by a model, agreement 60 %" in prompt.text
    assert "\n\n\n\n" not in prompt.text


@pytest.mark.parametrize("tokens", [1, 16_000])
def test_blank_lines_are_single(render: Render, a_decision: Decide, tokens: int) -> None:
    """Whatever is there or left out; above the first rule two are as meant."""
    for kind in ("function", "test", "question"):
        for consensus in (a_decision(), Consensus(outcome={"code": CODE, "answer": "a"}, agreement=1.0)):
            text = render(consensus, kind=kind, limits=PromptLimits(max_tokens=tokens)).text
            assert "\n\n\n" not in text


def test_code_of_the_choice_is_taken_where_the_outcome_has_none(render: Render) -> None:
    """A strategy may give the text and the answer alone: the answer's code is quoted, each block with its path."""
    answer = an_answer("```python src/a.py\na = 1\n```\n```python\nb = 2\n```")
    text = render(Consensus(outcome={"text": answer.text}, agreement=1.0, choice=answer)).text
    assert "`src/a.py`:\n\n```python\na = 1\n```" in text
    assert "```python\nb = 2\n```" in text


def test_values_of_an_outcome_count_without_fields(render: Render) -> None:
    """A strategy that reports no support is not given any."""
    consensus = Consensus(outcome={"requirements": ["is pure"], "tests": ["twice"]}, agreement=1.0)
    text = render(consensus).text
    assert "- is pure (from the models)" in text
    assert "- twice (from the models)" in text


def test_fields_of_others_are_told_too(render: Render, a_decision: Decide, a_field: Field) -> None:
    """A strategy may agree on fields that no proposal has."""
    text = render(a_decision(fields=[a_field("requirements", "r"), a_field("complexity", "linear")])).text
    assert "linear (3 of 4 models)" in section(text, "Also agreed on: complexity")


def test_lists_that_say_none_are_empty(render: Render, a_decision: Decide, a_field: Field) -> None:
    """Models write "None." into a list that has nothing: that is no dependency."""
    consensus = a_decision(fields=[a_field("requirements", "r"), a_field("dependencies", "None.")])
    assert "Dependencies" not in headings(render(consensus).text)


@pytest.mark.parametrize("kind", ["function", "class", "api", "test", "bugfix", "refactor"])
def test_every_kind_has_its_own_template(render: Render, kind: str) -> None:
    """Kinds differ in their aim and their rules; the task and the code are in each."""
    prompt = render(kind=kind)
    general = render(Consensus(outcome={}, agreement=1.0), kind=kind)
    assert prompt.template == kind
    assert headings(prompt.text)[0] != headings(general.text)[0]
    assert "Write a function shout(text)" in prompt.text
    assert CODE in prompt.text


def test_a_question_gets_the_answer_and_no_tests(render: Render, a_decision: Decide, a_field: Field) -> None:
    """For a question the agreed answer comes first, and nothing is to be changed."""
    fields = [a_field("answer", "O(n)"), a_field("reasons", "each character once")]
    text = render(a_decision(outcome={"answer": "O(n)"}, fields=fields, choice=None), kind="question").text
    assert "- O(n) (3 of 4 models)" in section(text, "The models' answer")
    assert "each character once" in section(text, "Their reasons")
    assert "Do not change any file" in text
    assert "cover this input with a test" not in text
    assert "Tests" not in headings(text)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("function", {"text": "hm"}), ("test", {"approach": "x"}), ("bugfix", {})],
)
def test_what_is_missing_falls_back_to_the_generic_template(
    render: Render, kind: str, outcome: dict[str, object]
) -> None:
    """A kind's required fields are checked; without them the generic template is taken, and a warning says why."""
    prompt = render(Consensus(outcome=outcome, agreement=1.0), kind=kind)
    assert prompt.template == "generic"
    assert any(f"template {kind!r} needs" in warning for warning in prompt.warnings)


@pytest.mark.parametrize("outcome", [{}, {"code": CODE}])
def test_a_question_without_an_answer_stays_a_question(render: Render, outcome: dict[str, object]) -> None:
    """Whatever came out, nobody is told to change files for it; a warning says what is missing."""
    prompt = render(Consensus(outcome=outcome, agreement=1.0), kind="question")
    assert prompt.template == "question"
    assert "Do not change any file" in prompt.text
    assert "Write the complete change" not in prompt.text
    assert any("no answer and no text came out" in warning for warning in prompt.warnings)


def test_plain_text_is_quoted_where_there_is_nothing_else(render: Render) -> None:
    """An answer that is not tidy is not lost."""
    text = render(Consensus(outcome={"text": "Use `str.upper`."}, agreement=1.0)).text
    assert "```text\nUse `str.upper`.\n```" in section(text, "What the models say")


def test_jinja_is_imported_to_render_only() -> None:
    """Loading the plugin, naming its renderer and listing templates do not cost the import of Jinja."""
    program = (
        "import sys, pathlib; from codeconductor_prompt_jinja import conductor_prompt_renderers as brought\n"
        "from codeconductor import Project, PromptLimits, Task\n"
        "task = Task(text='x', project=Project(root=pathlib.Path()))\n"
        "r = brought()[0]; r.check(task, PromptLimits()); r.templates(pathlib.Path())\n"
        "print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
