"""A decision as a team of four models makes it, and a renderer in an empty project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import (
    Consensus,
    Disagreement,
    FieldConsensus,
    Option,
    Project,
    Prompt,
    PromptLimits,
    Witness,
    WitnessOption,
)
from codeconductor.testing import a_model, a_task, an_answer, make_session, project_folder
from codeconductor_prompt_jinja.renderer import JinjaRenderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Decide = Callable[..., Consensus]
    Render = Callable[..., Prompt]

__all__ = ["make_session", "project_folder"]  # fixtures

TEAM = ("acme/a", "acme/b", "acme/c", "acme/d")

CODE = "def shout(text: str) -> str:\n    return text.upper()\n"


def _field(name: str, value: object, backers: int = 3) -> FieldConsensus:
    return FieldConsensus(name=name, value=value, support=backers / 4, models=TEAM[:backers])


def _decision(**fields: Any) -> Consensus:
    values: dict[str, Any] = {
        "outcome": {"approach": "one expression", "code": CODE},
        "agreement": 0.75,
        "confidence": 0.75,
        "choice": an_answer(f"```python\n{CODE}```", model=a_model("a")),
        "fields": [
            _field("approach", "one expression will do"),
            _field("requirements", "returns capitals", 4),
            _field("requirements", "raises TypeError for what is no text"),
            _field("files", {"path": "src/shout.py", "purpose": "the function"}),
            _field("constraints", "standard library alone"),
            _field("tests", "shout('a') gives 'A'", 2),
            _field("risks", "sharp s grows", 2),
        ],
        "disagreements": [
            Disagreement(
                field="approach",
                options=[
                    Option(value="str.upper", support=0.5, models=TEAM[:2]),
                    Option(value="a loop", support=0.25, models=TEAM[2:3]),
                ],
            )
        ],
        "witness": Witness(
            input="ß",
            options=[WitnessOption(result="SS", models=TEAM[:3]), WitnessOption(result="ß", models=TEAM[3:])],
        ),
        "weights": dict.fromkeys(TEAM, 1.0),
    }
    return Consensus(**(values | fields))


@pytest.fixture
def a_decision() -> Decide:
    """Make a decision of the team with something of everything; `fields` are those of `Consensus`."""
    return _decision


@pytest.fixture
def a_field() -> Callable[..., FieldConsensus]:
    """Make a field that so many of the team of four agreed on."""
    return _field


@pytest.fixture
def root(project_folder: Path) -> Path:
    """The project's folder."""
    return project_folder


@pytest.fixture
def user_templates(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of templates, empty."""
    folder = root.parent / "user" / "templates"
    folder.mkdir(parents=True)
    for module in ("lookup", "renderer"):
        monkeypatch.setattr(f"codeconductor_prompt_jinja.{module}.config_folder", lambda: folder.parent)
    return folder


@pytest.fixture
def project_templates(root: Path, user_templates: Path) -> Path:
    """The project's folder of templates, empty."""
    folder = root / ".conductor" / "templates"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def render(root: Path) -> Render:
    """Render a decision; other arguments are the task's, `limits` apart."""

    def render(consensus: Consensus | None = None, *, limits: PromptLimits | None = None, **task: Any) -> Prompt:
        project = task.pop("project", None) or Project(root=root, name="demo", test_command="pytest -q")
        asked = a_task(task.pop("text", "Write a function shout(text)"), project=project, **task)
        return JinjaRenderer().render(asked, consensus or _decision(), limits or PromptLimits())

    return render
