"""What core relies on in a prompt renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from codeconductor.consensus import Consensus, Disagreement, FieldConsensus, Option
from codeconductor.dispatch import estimate_tokens
from codeconductor.errors import InputError
from codeconductor.prompting import Prompt, PromptLimits, Template
from codeconductor.task import KINDS, ContextFile, Task, TaskKind
from codeconductor.testing.contracts.base import Contract, must_override
from codeconductor.testing.values import a_task, an_answer

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor.prompting import PromptRenderer

_CODE = "def add(a, b):\n    return a + b\n"


class RendererContract(Contract):
    """Override `renderer`; the rest has defaults."""

    @pytest.fixture
    def renderer(self) -> PromptRenderer:
        """The renderer, as its hook gives it."""
        raise must_override("renderer", "give the object that `conductor_prompt_renderers` brings")

    @pytest.fixture
    def task(self) -> Task:
        """What was asked."""
        return a_task("Write a function add(a, b) that adds two numbers.")

    @pytest.fixture
    def consensus(self) -> Consensus:
        """What two of three models agreed on."""
        answer = an_answer(f"```python\n{_CODE}```", model="one")
        return Consensus(
            outcome={"approach": "use the operator", "requirements": ["adds two numbers"], "code": _CODE},
            agreement=2 / 3,
            confidence=2 / 3,
            strategy="majority",
            choice=answer,
            fields=[
                FieldConsensus(name="approach", value="use the operator", support=2 / 3, models=["acme/one"]),
                FieldConsensus(name="requirements", value="adds two numbers", support=1.0, models=["acme/one"]),
            ],
            disagreements=[
                Disagreement(
                    field="dependencies",
                    options=[
                        Option(value="numpy", support=1 / 3, models=["acme/three"]),
                        Option(value="", support=2 / 3),
                    ],
                )
            ],
        )

    @pytest.fixture
    def limits(self) -> PromptLimits:
        """What the prompt must keep to."""
        return PromptLimits()

    def test_its_name_is_what_people_type(self, renderer: PromptRenderer) -> None:
        """`--renderer NAME` finds it: a text in lower case without blanks."""
        assert isinstance(renderer.name, str), "give it a `name`"
        assert renderer.name, "the name is empty"
        assert renderer.name == renderer.name.lower().strip(), "write the name in lower case"
        assert " " not in renderer.name, "the name has a blank"

    def test_it_gives_a_text_or_a_prompt(
        self, renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits
    ) -> None:
        """The result is a text, or a `Prompt` that says more than its text."""
        result = renderer.render(task, consensus, limits)
        assert isinstance(result, str | Prompt), f"give a text or a Prompt, not {result!r}"

    def test_the_task_is_in_it_word_for_word(
        self, renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits
    ) -> None:
        """A coding agent gets the task in the user's own words."""
        assert task.text in _text(renderer, task, consensus, limits), "put task.text into the prompt as it is"

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_knows_every_kind_of_task(
        self, renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits, kind: TaskKind
    ) -> None:
        """There is a prompt for each kind, if only a general one."""
        text = _text(renderer, attrs.evolve(task, kind=kind), consensus, limits)
        assert text.strip(), f"the prompt for {kind} is empty"

    @pytest.mark.parametrize("outcome", [{}, {"text": "just words"}, {"answer": "four"}, {"code": _CODE}], ids=str)
    def test_it_takes_any_outcome(
        self,
        renderer: PromptRenderer,
        task: Task,
        consensus: Consensus,
        limits: PromptLimits,
        outcome: dict[str, object],
    ) -> None:
        """Any field of the outcome may be missing; what is missing falls back, and never fails."""
        sparse = Consensus(outcome=outcome, agreement=1.0, strategy=consensus.strategy)
        assert task.text in _text(renderer, task, sparse, limits), "put task.text into the prompt as it is"

    def test_what_models_wrote_is_never_rendered_as_a_template(
        self, renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits
    ) -> None:
        """What models wrote is data: an expression in it stays as it is."""
        hostile = attrs.evolve(
            consensus,
            outcome=dict(consensus.outcome) | {"approach": "{{ 6 * 7 }}", "requirements": ["${6 * 7}", "{% if %}"]},
            fields=[
                FieldConsensus(name="approach", value="{{ 6 * 7 }}", support=1.0),
                FieldConsensus(name="requirements", value="${6 * 7}", support=1.0),
                FieldConsensus(name="requirements", value="{% if %}", support=1.0),
            ],
        )
        assert "42" not in _text(renderer, task, hostile, limits), "pass what models wrote as values, not as a template"

    def test_it_keeps_to_the_limit(self, renderer: PromptRenderer, task: Task, consensus: Consensus) -> None:
        """A prompt is not longer than `limits.max_tokens`, as `estimate_tokens` counts them: context goes first."""
        files = [
            ContextFile(path=f"part{n}.py", text="value = 'something long'\n" * 400, size=10_000) for n in range(5)
        ]
        limits = PromptLimits(max_tokens=2_000)
        text = _text(renderer, attrs.evolve(task, context=tuple(files)), consensus, limits)
        assert estimate_tokens(text) <= limits.max_tokens, "cut context files first, the task never"
        assert task.text in text, "cut context files first, the task never"

    def test_it_writes_the_same_every_time(
        self, renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits
    ) -> None:
        """The prompt follows from its arguments alone: no clock, no chance."""
        assert _text(renderer, task, consensus, limits) == _text(renderer, task, consensus, limits)

    def test_it_checks_a_template_before_models_are_asked(self, renderer: PromptRenderer, task: Task) -> None:
        """`check`, where it has one, passes without a template, and raises `InputError` for one that does not exist."""
        check = getattr(renderer, "check", None)
        if check is None:
            pytest.skip("the renderer has no templates")
        check(task, PromptLimits())
        with pytest.raises(InputError):
            check(task, PromptLimits(template="no-such-template"))

    def test_it_lists_its_templates(self, renderer: PromptRenderer, project_folder: Path) -> None:
        """`templates`, where it has one, gives `Template` objects."""
        templates = getattr(renderer, "templates", None)
        if templates is None:
            pytest.skip("the renderer has no templates")
        for template in templates(project_folder):
            assert isinstance(template, Template), f"{template!r}: give Template objects"


def _text(renderer: PromptRenderer, task: Task, consensus: Consensus, limits: PromptLimits) -> str:
    result = renderer.render(task, consensus, limits)
    return result.text if isinstance(result, Prompt) else result
