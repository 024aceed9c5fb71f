"""Facts of the project that need no model: its layout, languages with their versions, and how its tests are run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor.settings import PromptSettings

MAX_ENTRIES = 40
"""Entries of the project's folder that the layout names."""


@frozen(kw_only=True)
class Project:
    """What is known of the folder that the task is about; an empty one has no facts.

    Attributes:
        root: Its folder.
        name: From its own metadata; None where it has none.
        layout: Names at its top, folders with a trailing slash, sorted.
        languages: Such as ``("Python >=3.11",)``, with the version that the project asks for where it says.
        test_command: How its tests are run, as a shell line.
        standards: Lines from ``[prompt] standards``.
    """

    root: Path
    name: str | None = None
    layout: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    test_command: str | None = None
    standards: tuple[str, ...] = ()


def read_project(root: Path, prompt: PromptSettings) -> Project:
    """Read the facts from the project's own files; a file that is broken tells nothing."""
    names = _entries(root)
    pyproject = _toml(root / "pyproject.toml")
    package = _json(root / "package.json")
    cargo = _toml(root / "Cargo.toml")
    go_module = _text(root / "go.mod")
    languages, commands = [], []
    project = _dict(pyproject.get("project"))
    if pyproject or {"setup.py", "requirements.txt"} & set(names):
        languages.append(_versioned("Python", project.get("requires-python")))
        uses_pytest = "pytest" in str(pyproject) or "conftest.py" in names or "pytest.ini" in names
        commands.append("pytest" if uses_pytest else "python -m unittest")
    if package:
        typed = "typescript" in {**_dict(package.get("devDependencies")), **_dict(package.get("dependencies"))}
        languages.append("TypeScript" if typed or "tsconfig.json" in names else "JavaScript")
        languages.append(_versioned("Node.js", _dict(package.get("engines")).get("node")))
        if "test" in _dict(package.get("scripts")):
            commands.append("npm test")
    if cargo:
        languages.append(_versioned("Rust", _dict(cargo.get("package")).get("rust-version")))
        commands.append("cargo test")
    if go_module:
        version = re.search(r"^go\s+(\S+)", go_module, re.MULTILINE)
        languages.append(_versioned("Go", version[1] if version else None))
        commands.append("go test ./...")
    name = project.get("name") or package.get("name") or _dict(cargo.get("package")).get("name")
    return Project(
        root=root,
        name=name if isinstance(name, str) else None,
        layout=names,
        languages=tuple(languages),
        test_command=prompt.test_command or (commands[0] if commands else None),
        standards=prompt.standards,
    )


def _entries(root: Path) -> tuple[str, ...]:
    try:
        entries = sorted(root.iterdir(), key=lambda path: (not path.is_dir(), path.name))
    except OSError:
        return ()
    shown = [f"{path.name}/" if path.is_dir() else path.name for path in entries if not path.name.startswith(".")]
    skipped = ("__pycache__/", "node_modules/", "venv/")
    shown = [name for name in shown if name not in skipped and not name.endswith(".egg-info/")]
    return tuple(shown[:MAX_ENTRIES])


def _versioned(language: str, version: object) -> str:
    return f"{language} {version}" if isinstance(version, str) and version else language


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _toml(path: Path) -> dict[str, Any]:
    text = _text(path)
    if not text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _dict(json.loads(_text(path) or "{}"))
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
