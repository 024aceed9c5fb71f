"""Settings come from five layers, and the strongest wins."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import InputError, RunSettings, Session, hookimpl, setting
from codeconductor.converters import structure_table
from codeconductor.settings import TABLES, Text, read_settings
from codeconductor.testing import new_session
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@attrs.frozen
class AcmeSettings:
    voice: str = setting("loud")


class Acme:
    @hookimpl
    async def conductor_discover_models(self) -> list[object]:
        return []

    @hookimpl
    def conductor_settings(self) -> tuple[str, type]:
        return "acme", AcmeSettings


def run_settings(folder: Path, **layers: Any) -> RunSettings:
    settings = read_settings(folder, **layers)
    return structure_table(settings.table("run", RunSettings), "run", RunSettings)


# Precedence


def test_the_stronger_layer_wins_value_by_value(project_folder: Path, tmp_path: Path) -> None:
    """Command line, environment, project, user, default: each layer counts only where no stronger one speaks."""
    user = tmp_path / "config.toml"
    user.write_text("[run]\ntimeout = 1\nsamples = 1\nquorum = 1\nseed = 1\n")
    (project_folder / "conductor.toml").write_text("[run]\ntimeout = 2\nsamples = 2\nquorum = 2\n")
    environ = {"CONDUCTOR_RUN__TIMEOUT": "3", "CONDUCTOR_RUN__SAMPLES": "3"}
    run = run_settings(project_folder, user_file=user, environ=environ, overrides={"run": {"timeout": 4.0}})
    assert (run.timeout, run.samples, run.quorum, run.seed, run.load_timeout) == (4.0, 3, 2, 1, 120.0)


def test_the_project_is_found_from_its_folders(project_folder: Path) -> None:
    """The file may stand in a parent; `[tool.conductor]` of pyproject.toml counts, another tool's table does not."""
    inner = project_folder / "src" / "deep"
    inner.mkdir(parents=True)
    (project_folder / "pyproject.toml").write_text("[tool.conductor.run]\nquorum = 7\n")
    (inner.parent / "pyproject.toml").write_text("[tool.other]\nquorum = 9\n")
    settings = read_settings(inner)
    assert settings.root == project_folder
    assert run_settings(inner).quorum == 7


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("TIMEOUT", "2.5", "timeout", 2.5),
        ("MODELS", "qwen*, llama*", "models", ("qwen*", "llama*")),
        ("MODELS", "", "models", ()),
        ("SAMPLES", "3", "samples", 3),
        ("SAMPLES", "auto", "samples", "auto"),
        ("EXECUTE", "no", "execute", False),
        ("EXECUTE", "1", "execute", True),
        ("STRATEGY", "3", "strategy", "3"),
        ("MAX_TOKENS_PROMPT", "100", "max_tokens_prompt", 100),
    ],
)
def test_the_environment_is_read_as_the_type_of_the_field(
    project_folder: Path, name: str, value: str, field: str, read: object
) -> None:
    """All it has is text: lists are comma-separated, and a number is a number."""
    run = run_settings(project_folder, environ={f"CONDUCTOR_RUN__{name}": value})
    assert getattr(run, field) == read


def test_names_without_two_underscores_are_no_settings(project_folder: Path) -> None:
    """`CONDUCTOR_HOME` is not one, nor is what others have."""
    assert read_settings(project_folder, environ={"CONDUCTOR_HOME": "x", "PATH": "y"}).layers[1].tree == {}


def test_a_session_reads_the_settings_of_its_folder(project_folder: Path) -> None:
    """And gives a table under its short and its full name."""
    (project_folder / "conductor.toml").write_text('[providers.acme]\nvoice = "soft"\n[run]\nquorum = 2\n')
    session: Session = new_session(project_folder, acme=Acme())
    assert session.settings("acme", AcmeSettings) is session.settings("providers.acme", AcmeSettings)
    assert session.settings("run", RunSettings).quorum == 2


# Properties

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
VALUES = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text() | st.integers()), st.none())
ENVIRONMENT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.sampled_from(sorted(TABLES)), st.dictionaries(NAMES, VALUES))
def test_any_table_is_read_or_refused(name: str, values: Mapping[str, object]) -> None:
    """Whatever stands in it, the result is a table of the right class or an `InputError` with a hint."""
    from pathlib import Path

    settings = attrs.evolve(read_settings(Path.cwd(), environ={}), layers=())
    settings = attrs.evolve(settings, layers=(*settings.layers, _layer({name: values})))
    try:
        table: object = structure_table(settings.table(name, TABLES[name]), name, TABLES[name])
    except InputError as exc:
        assert exc.hint  # noqa: PT017 - both outcomes are right
    else:
        assert isinstance(table, TABLES[name])


def _layer(tree: Mapping[str, object]) -> Any:
    from codeconductor.settings import Layer

    return Layer("generated", "user", tree)


@given(st.sampled_from([field.name for field in attrs.fields(RunSettings)]), ENVIRONMENT)
def test_any_text_in_the_environment_is_read_or_refused(field: str, text: str) -> None:
    """No text of a variable is worse than a wrong one."""
    from pathlib import Path

    settings = attrs.evolve(
        read_settings(Path.cwd(), environ={f"CONDUCTOR_RUN__{field.upper()}": text}), root=Path.cwd()
    )
    environment = attrs.evolve(settings, layers=(settings.layers[1],))
    assert isinstance(environment.table("run", RunSettings).values[field], Text)
    try:
        run = structure_table(environment.table("run", RunSettings), "run", RunSettings)
    except InputError as exc:
        assert exc.hint  # noqa: PT017 - both outcomes are right
    else:
        assert not isinstance(getattr(run, field), Text)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=4))
def test_the_first_layer_that_speaks_is_the_one_that_counts(values: list[int]) -> None:
    """However many layers there are."""
    from pathlib import Path

    settings = attrs.evolve(
        read_settings(Path.cwd(), environ={}), layers=tuple(_layer({"run": {"quorum": value}}) for value in values)
    )
    assert settings.table("run", RunSettings).values == {"quorum": values[0]}
