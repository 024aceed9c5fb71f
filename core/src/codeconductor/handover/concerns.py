"""What in a draft deserves a second look: tests and what configures them, dependencies, hooks, CI and the like."""

from __future__ import annotations

import configparser
import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from codeconductor.handover.values import Concern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from codeconductor.handover.values import Draft, FileChange, FileState

_TEST_FILES = (
    "test_*.py", "*_test.py", "tests.py", "test.py", "*_test.go", "*.test.[cm]js", "*.test.js", "*.test.ts",
    "*.test.tsx", "*.test.jsx", "*.spec.js", "*.spec.ts", "*.spec.tsx", "*.spec.jsx", "*.spec.[cm]js", "*_test.rs",
)  # fmt: skip
_TEST_FOLDERS = frozenset({"tests", "test", "__tests__", "testing"})

_CONFIGURES = (
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg",
    "sitecustomize.py", "usercustomize.py", "*.pth", "noxfile.py", ".coveragerc", "jest.config.*", "vitest.config.*",
    "vitest.workspace.*", "vite.config.*", ".mocharc*", "jest.setup.*", "vitest.setup.*", "babel.config.*",
    ".npmrc", "build.rs",
)  # fmt: skip
_SHADOWS = frozenset({"pytest", "_pytest", "pluggy", "unittest", "doctest", "node:test"})
"""Modules that run tests: one of that name in the folder would be taken for them."""

_HOOKS = (
    ".husky/*", ".githooks/*", ".pre-commit-config.yaml", "lefthook.y*ml", ".cursor/*", ".claude/*", ".vscode/*",
    ".envrc", ".devcontainer/*", "AGENTS.md", "*/AGENTS.md", "CLAUDE.md", "GEMINI.md", ".cursorrules",
)  # fmt: skip
_CI = (
    ".github/*", ".gitlab-ci.yml", ".circleci/*", "Jenkinsfile", "azure-pipelines.yml", ".travis.yml", ".ci/*",
    "bitbucket-pipelines.yml", ".buildkite/*", ".drone.yml",
)  # fmt: skip
_CONFIGURATION = (
    "Makefile", "Dockerfile", "*.toml", "*.ini", "*.cfg", "*.yml", "*.yaml", "package.json", ".env*", "*.json",
    "tsconfig*.json", ".gitattributes", ".gitignore", ".gitmodules",
)  # fmt: skip
_AT_IMPORT = ("__init__.py", "setup.py", "__main__.py")


def is_test(path: str) -> bool:
    """Whether a file is, by its name or its folder, a test or something that tests use."""
    *folders, name = path.split("/")
    return any(fnmatchcase(name, pattern) for pattern in _TEST_FILES) or not _TEST_FOLDERS.isdisjoint(folders)


def configures_tests(change: FileChange) -> bool:
    """Whether a change reaches into how tests are run: such a file, or such a part of a file that has others too."""
    name = change.path.rsplit("/", 1)[-1]
    if any(fnmatchcase(name, pattern) for pattern in _CONFIGURES):
        return True
    if any(part.split(".", 1)[0] in _SHADOWS for part in change.path.split("/")):
        return True
    read = _PARTS.get(name)
    if read is not None:
        return read(change.before) != read(change.after)
    # what an installed distribution brings, plugins of pytest among it, is found by such a folder
    return bool(re.search(r"(^|/)\.cargo/config(\.toml)?$|\.(dist|egg)-info(/|$)", change.path))


def guarded(draft: Draft, given: Collection[str] = (), plugins: Collection[str] = ()) -> tuple[str, ...]:
    """Files whose changes count only when they are approved by name: what configures tests, and tests of the start.

    Args:
        draft: The changes.
        given: Tests that the user gave, files or folders: changes to them never count, and they are not named here.
        plugins: Modules that the project's own configuration loads into its tests, from `plugins_of_pytest`.
    """
    return tuple(
        change.path
        for change in draft.changes
        if not is_given(change.path, given)
        and (
            configures_tests(change)
            or (change.before is not None and is_test(change.path))
            or any(_is_module(change.path, name) for name in plugins)
        )
    )


def plugins_of_pytest(folder: Path) -> frozenset[str]:
    """Names of the modules that a project's pytest loads: `-p NAME` of its settings, and `pytest_plugins`."""
    found: set[str] = set()
    for name in ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"):
        found.update(re.findall(r"(?<![\w-])-p[\s\"',=]*([A-Za-z_][\w.]*)", _read(folder / name)))
    for path in (folder / "conftest.py", *folder.glob("*/conftest.py")):
        for listed in re.findall(r"pytest_plugins\s*(?::[^=]*)?=\s*([\[(][^\])]*|[\"'][^\"'\n]*[\"'])", _read(path)):
            found.update(re.findall(r"[\"']([\w.]+)[\"']", listed))
    return frozenset(found)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_module(path: str, name: str) -> bool:
    """Whether a file is the module of that name, or lies in the package of that name."""
    place = re.escape(name.replace(".", "/"))
    return bool(re.search(rf"(^|/){place}(\.\w+$|/)", path))


def is_given(path: str, given: Collection[str]) -> bool:
    """Whether a file is one of the tests that the user gave, or lies in a folder of them."""
    return any(path == one or path.startswith(f"{one}/") for one in given)


def concerns(draft: Draft) -> tuple[Concern, ...]:
    """What to look at twice, by file."""
    return tuple(concern for change in draft.changes for concern in _of(change))


def _of(change: FileChange) -> Iterator[Concern]:
    path, name = change.path, change.path.rsplit("/", 1)[-1]
    configures = configures_tests(change)
    if configures:
        yield Concern(kind="test configuration", path=path, detail="can decide whether tests pass")
    elif is_test(path):
        yield Concern(kind="tests", path=path, detail=change.action)
    new = sorted(_dependencies(name, change.after) - _dependencies(name, change.before))
    if new:
        yield Concern(kind="dependencies", path=path, detail=", ".join(new))
    for kind, patterns in (("hooks", _HOOKS), ("CI", _CI)):
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            yield Concern(kind=kind, path=path)
    if name in _AT_IMPORT or (name == "package.json" and _scripts(change.before) != _scripts(change.after)):
        yield Concern(kind="runs at import", path=path, detail="runs without being called")
    elif not configures and not new and any(fnmatchcase(name, pattern) for pattern in _CONFIGURATION):
        yield Concern(kind="configuration", path=path)
    if change.after is not None and change.after.mode == "120000":
        yield Concern(kind="configuration", path=path, detail="a symbolic link")


def _text(state: FileState | None) -> str:
    return "" if state is None else state.content.decode("utf-8", "replace")


def _toml(state: FileState | None) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(_text(state))
    except ValueError:
        return {"broken": _text(state)}


def _json(state: FileState | None) -> dict[str, Any]:
    try:
        data = json.loads(_text(state) or "{}")
    except (ValueError, RecursionError):
        return {"broken": _text(state)}
    return data if isinstance(data, dict) else {}


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _of_pyproject(state: FileState | None) -> object:
    data = _toml(state)
    tool = _table(data.get("tool"))
    entry_points = _table(_table(data.get("project")).get("entry-points"))
    return (data.get("broken"), tool.get("pytest"), tool.get("coverage"), tool.get("tox"), entry_points.get("pytest11"))


def _of_package(state: FileState | None) -> object:
    data = _json(state)
    scripts = {key: text for key, text in _table(data.get("scripts")).items() if "test" in key}
    keys = ("broken", "jest", "vitest", "mocha", "babel", "imports")
    return json.dumps([scripts, *(data.get(key) for key in keys)], sort_keys=True)


def _of_cargo(state: FileState | None) -> object:
    data = _toml(state)
    library, package = _table(data.get("lib")), _table(data.get("package"))
    where = library.get("path", "src/lib.rs")
    return (
        data.get("broken"), data.get("test"), where, library.get("test", True), library.get("harness", True),
        library.get("doctest", True), package.get("autotests", True), package.get("build"), data.get("workspace"),
    )  # fmt: skip


_PARTS = {
    "pyproject.toml": _of_pyproject, "package.json": _of_package, "deno.json": _of_package, "Cargo.toml": _of_cargo
}  # fmt: skip
"""Files of which a part configures tests, each with what reads that part."""


def _scripts(state: FileState | None) -> object:
    return _json(state).get("scripts")


def _dependencies(name: str, state: FileState | None) -> set[str]:
    """Names of what a file says the project needs."""
    if fnmatchcase(name, "requirements*.txt") or fnmatchcase(name, "constraints*.txt"):
        lines = (line.split("#")[0].strip() for line in _text(state).splitlines())
        return {_named(line) for line in lines if line}
    if name == "pyproject.toml":
        return set(_of_project(_toml(state)))
    if name == "setup.cfg":
        return _of_setup(_text(state))
    if name == "package.json":
        data = _json(state)
        kinds = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
        return {dependency for kind in kinds for dependency in _table(data.get(kind))}
    if name == "Cargo.toml":
        data = _toml(state)
        sections = ("dependencies", "dev-dependencies", "build-dependencies")
        return {dependency for section in sections for dependency in _table(data.get(section))}
    if name == "go.mod":
        return set(re.findall(r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+/\S+)\s+v\S+", _text(state), re.MULTILINE))
    return set()


def _of_project(data: dict[str, Any]) -> Iterator[str]:
    project = _table(data.get("project"))
    lists = [
        project.get("dependencies"), *_table(project.get("optional-dependencies")).values(),
        *_table(data.get("dependency-groups")).values(), _table(data.get("build-system")).get("requires"),
    ]  # fmt: skip
    for listed in lists:
        if isinstance(listed, list):
            yield from (_named(item) for item in listed if isinstance(item, str))
    yield from _table(_table(_table(data.get("tool")).get("poetry")).get("dependencies"))


def _of_setup(text: str) -> set[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return set()
    listed = parser.get("options", "install_requires", fallback="")
    return {_named(line.strip()) for line in listed.splitlines() if line.strip()}


def _named(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    return match[0] if match else requirement
