"""What holds for all distributions alike: versions, files, imports, and what a command may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core"
PLUGINS = sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))
EXAMPLES = sorted(file.parent for file in ROOT.glob("docs/examples/*/pyproject.toml"))

MOST_LINES = 400
"""Of a module that is not a test."""

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|raise NotImplementedError|not implemented)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|tmp/\w+)/")
REGISTRY = re.compile(r"\b(?:pypi|pythonhosted|npmjs|crates)\.(?:org|io|com)\b|--(?:extra-)?index-url")

SLOW = {"attr", "attrs", "asyncio", "cattrs", "httpx", "httpx2", "jinja2", "pluggy", "rich"}
"""What `--help` and `--version` must not load, beside plugins."""


@cache
def pyproject(folder: Path) -> dict[str, Any]:
    """The whole file of a distribution."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def project(folder: Path) -> dict[str, Any]:
    """Its `[project]` table."""
    table: dict[str, Any] = pyproject(folder)["project"]
    return table


def package(folder: Path) -> Path:
    """The one package of a distribution."""
    (found,) = [init.parent for init in folder.glob("src/*/__init__.py")]
    return found


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """The files under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(file for file in files if file.is_file() and not file.is_symlink())


def lines_like(pattern: re.Pattern[str], files: tuple[Path, ...]) -> list[str]:
    """Where a pattern occurs in files of text."""
    found = []
    for file in files:
        text = file.read_bytes().decode("utf-8", "replace")
        found += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    return found


INSIDE = ROOT / "core" / "src" / "codeconductor" / "sandbox" / "inside"
"""What is laid into a sandbox by itself, under a name of its own: only there are imports relative."""


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level and file.parent == INSIDE:
                continue
            assert not node.level, f"{file}:{node.lineno}: write the whole name of the module"
            yield str(node.module)


def ours_in(file: Path) -> Iterator[str]:
    """The modules of core and of plugins that a file imports."""
    return (module for module in imported(file) if module.startswith("codeconductor"))


def within(package_name: str, file: Path) -> Iterator[str]:
    """Of them, the package's own."""
    return (module for module in ours_in(file) if module.partition(".")[0] == package_name)


def name_of(folder: Path) -> str:
    """For the ids of tests."""
    return folder.name


# Distributions


def test_all_versions_are_one() -> None:
    """The distributions move together, and siblings are pinned to that one version."""
    (version,) = {project(folder)["version"] for folder in (ROOT, CORE, *PLUGINS)}
    import codeconductor

    assert codeconductor.__version__ == version
    siblings = {project(folder)["name"] for folder in (CORE, *PLUGINS)}
    for folder in (ROOT, CORE, *PLUGINS):
        for dependency in project(folder).get("dependencies", []):
            name = re.split(r"[^\w-]", dependency)[0]
            assert name not in siblings or dependency == f"{name}=={version}", f"{folder.name}: {dependency}"


def test_the_bundle_has_every_plugin() -> None:
    """A plugin's folder is enough reason to be in the bundle, in the workspace's sources, and in pip's list."""
    names = {project(folder)["name"] for folder in (CORE, *PLUGINS)}
    assert {dependency.partition("==")[0] for dependency in project(ROOT)["dependencies"]} == names
    assert pyproject(ROOT)["tool"]["uv"]["sources"] == {name: {"workspace": True} for name in names}
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    folders = [line.removeprefix("-e ").partition("[")[0] for line in lines if line.startswith("-e ")]
    assert folders == ["./core", *(f"./plugins/{folder.name}" for folder in PLUGINS), "."]


def test_pip_gets_the_same_tools_as_uv() -> None:
    """`requirements-dev.txt` repeats the group `dev`, which the pip of Python 3.11 cannot read."""
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    tools = {line for line in lines if line and not line.startswith(("-e ", "#"))}
    assert tools == set(pyproject(ROOT)["dependency-groups"]["dev"]) - {"codeconductor-core[testing]"}


@pytest.mark.parametrize("folder", [CORE, *PLUGINS, *EXAMPLES], ids=name_of)
def test_a_distribution_is_complete(folder: Path) -> None:
    """Description, README, licence, types, and tests beside it."""
    table = project(folder)
    assert (table["readme"], table["license"], table["license-files"]) == ("README.md", "MIT", ["LICENSE"])
    assert table["requires-python"] == ">=3.11"
    assert table["description"]
    assert f"# {table['name']}\n" in (folder / "README.md").read_text(encoding="utf-8")
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (package(folder) / "py.typed").is_file()
    assert list((folder / "tests").glob("test_*.py"))


@pytest.mark.parametrize("folder", PLUGINS, ids=name_of)
def test_a_plugin_is_named_after_its_folder(folder: Path) -> None:
    """One name for the folder, the distribution, the package and the entry point."""
    name = folder.name
    assert project(folder)["name"] == f"codeconductor-{name.replace('_', '-')}"
    assert package(folder).name == f"codeconductor_{name}"
    assert project(folder)["entry-points"]["codeconductor"] == {name: f"codeconductor_{name}"}


def test_the_command_is_conductor() -> None:
    """Core brings it, and nobody else brings a script."""
    assert project(CORE)["scripts"] == {"conductor": "codeconductor.cli:main"}
    assert not [folder.name for folder in (ROOT, *PLUGINS) if "scripts" in project(folder)]


# Files


def test_no_name_of_a_test_file_stands_twice() -> None:
    """A failure names its file, and the file is found by that."""
    counts = Counter(file.name for file in tracked("*/test_*.py"))
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_module_is_long() -> None:
    """A subject that outgrows its module becomes a package of that name."""
    modules = [file for file in tracked("*.py") if "tests" not in file.relative_to(ROOT).parts]
    lengths = {file.relative_to(ROOT): len(file.read_text(encoding="utf-8").splitlines()) for file in modules}
    assert {file: length for file, length in lengths.items() if length > MOST_LINES} == {}


def test_a_module_says_what_it_is() -> None:
    """In the first line."""
    for file in tracked("core/src/*.py", "plugins/*.py", "docs/*.py", "tests/*.py", "benchmarks/*.py", ".ci/*.py"):
        text = file.read_text(encoding="utf-8").removeprefix("#!/usr/bin/env python3\n")
        assert text.startswith('"""'), file


def test_nothing_is_left_unfinished() -> None:
    """What is not there yet is not hinted at in the code."""
    files = tuple(file for file in tracked("*.py") if file != Path(__file__).resolve())
    assert lines_like(UNFINISHED, files) == []


def test_nothing_names_a_machine_or_a_registry() -> None:
    """A clone works on any machine, with whatever registry it is set up for."""
    assert lines_like(MACHINE, tracked()) == []
    assert lines_like(REGISTRY, tracked()) == []
    assert tracked("uv.lock", "*/uv.lock") == ()


# Imports


@pytest.mark.parametrize("folder", [*PLUGINS, *EXAMPLES], ids=name_of)
def test_a_plugin_imports_the_front_door_alone(folder: Path) -> None:
    """Neither a submodule of core, nor another plugin."""
    own = package(folder).name
    for file in folder.glob("src/**/*.py"):
        assert {*ours_in(file)} <= {"codeconductor", *within(own, file)}, file


@pytest.mark.parametrize("folder", [*PLUGINS, *EXAMPLES], ids=name_of)
def test_the_tests_of_a_plugin_need_no_other_plugin(folder: Path) -> None:
    """They pass where only it and core are installed."""
    own = package(folder).name
    for file in folder.glob("tests/**/*.py"):
        assert {*ours_in(file)} <= {*within("codeconductor", file), *within(own, file)}, file


def test_core_imports_no_plugin() -> None:
    """It runs without any of them, and so do its tests."""
    for file in (*CORE.glob("src/**/*.py"), *CORE.glob("tests/**/*.py")):
        assert {*ours_in(file)} <= {*within("codeconductor", file)}, file


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_loads_no_plugin_and_nothing_slow(option: str) -> None:
    """Whoever only asks what can be said does not wait for what would be needed to do it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "codeconductor", option],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert {"codeconductor", "click"} <= loaded
    assert SLOW & loaded == set()
    assert [name for name in loaded if name.startswith("codeconductor_")] == []


@pytest.mark.parametrize("script", sorted(ROOT.glob("benchmarks/[!_]*.py")), ids=lambda path: path.name)
def test_a_benchmark_can_be_started(script: Path) -> None:
    """What it imports is where it looks for it: nobody runs all of them after each change."""
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")
