"""The front door: complete, resolvable, and cheap to open."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import codeconductor
import codeconductor.testing
import pytest

HEAVY = {"attrs", "attr", "asyncio", "pluggy", "httpx2", "httpx", "jinja2", "rich", "cattrs", "click", "json_repair"}


def _names_for_type_checkers(module: object) -> set[str]:
    """What a module imports under TYPE_CHECKING from its own package."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("module", [codeconductor, codeconductor.testing], ids=lambda module: module.__name__)
def test_all_names_are_listed_and_resolve(module: object) -> None:
    """`__all__`, the table of homes, and what type checkers see are the same names, and each can be imported."""
    listed = set(module.__all__) - {"__version__"}  # type: ignore[attr-defined]
    assert module.__all__ == sorted(module.__all__)  # type: ignore[attr-defined]
    assert listed == set(module._HOME_OF)  # type: ignore[attr-defined]
    assert listed == _names_for_type_checkers(module)
    for name in listed:
        assert getattr(module, name) is getattr(import_module(module._HOME_OF[name]), name)  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [codeconductor, codeconductor.testing], ids=lambda module: module.__name__)
def test_a_name_that_does_not_exist_is_an_attribute_error(module: object) -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        module.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_its_names_are_shown_by_dir() -> None:
    """Though they are not loaded yet."""
    assert set(codeconductor.__all__) <= set(dir(codeconductor))


def test_opening_it_imports_nothing_heavy() -> None:
    """`conductor --help` pays for what stands behind the door only when a name is used."""
    code = "import sys, codeconductor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & {name.partition(".")[0] for name in done.stdout.split()}


def test_the_hooks_can_be_written_without_the_http_library() -> None:
    """What a plugin module imports at its top costs no HTTP client and no template engine."""
    code = "import sys\nfrom codeconductor import hookimpl, Model, Chunk, Consensus, setting\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"httpx2", "jinja2", "rich", "cattrs", "click", "json_repair"} & set(done.stdout.split())
