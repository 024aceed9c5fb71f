"""Our own templates are compiled once, and nothing depends on that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor import PromptLimits
from codeconductor_prompt_jinja import renderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Prompt

    Render = Callable[..., Prompt]


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """What is kept compiled, in a folder of the test's own, which comes into being when it is needed."""
    from codeconductor_prompt_jinja import sandbox  # noqa: F401 - or its import would make the folder

    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "compiled"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    from codeconductor_prompt_jinja.compiled import CompiledTemplates
    from codeconductor_prompt_jinja.lookup import BUILTIN

    folder = CompiledTemplates().get_cache_key("base", str(BUILTIN / "base.md.j2")).rpartition("/")[0]
    renderer._environment.cache_clear()
    return lambda: sorted(path for path in tmp_path.joinpath(folder).glob("*"))


def anew(render: Render, **arguments: object) -> str:
    """A prompt as the first one of a process."""
    renderer._environment.cache_clear()
    return render(**arguments).text


def test_what_was_compiled_is_used_again(render: Render, compiled: Callable[[], list[Path]]) -> None:
    """The first prompt leaves its templates compiled, no partial file among them; the second reads them."""
    first = anew(render)
    assert [path.name.split(".")[0] for path in compiled()] == ["base", "function"]
    before = [path.stat().st_mtime_ns for path in compiled()]
    assert anew(render) == first
    assert [path.stat().st_mtime_ns for path in compiled()] == before


@pytest.mark.parametrize("content", [b"", b"broken", b"j2" + bytes(40)])
def test_what_is_broken_is_compiled_anew(render: Render, compiled: Callable[[], list[Path]], content: bytes) -> None:
    """A torn file costs nothing but time, and is replaced."""
    first = anew(render)
    whole = [path.read_bytes() for path in compiled()]
    for path in compiled():
        path.write_bytes(content or path.read_bytes()[:-20])
    assert anew(render) == first
    assert [path.read_bytes() for path in compiled()] == whole


def test_nothing_is_written_where_python_is_told_so(
    render: Render, compiled: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`PYTHONDONTWRITEBYTECODE` counts for templates too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert anew(render)
    assert compiled() == []


def test_a_folder_that_cannot_be_written_does_no_harm(
    render: Render, compiled: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that root installed is used by others."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    assert anew(render)
    assert compiled() == []


def test_templates_of_users_are_not_kept(
    render: Render, compiled: Callable[[], list[Path]], project_templates: Path
) -> None:
    """Nothing is written for a template that is not ours."""
    (project_templates / "own.md.j2").write_text("own")
    assert anew(render, limits=PromptLimits(template="own")) == "own\n"
    assert compiled() == []
    assert [path.name for path in project_templates.iterdir()] == ["own.md.j2"]
