"""What a model is shown of a folder, and which file is meant where it names none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeconductor import estimate_tokens, fence_for, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "dist", "build", "target", "vendor"})

_LARGEST = 256 * 1024
"""Bytes of a file that may be shown."""

MOST_FILES = 400
"""Files that are looked at."""

ENDINGS = {
    "python": (".py",), "javascript": (".js", ".mjs", ".cjs", ".jsx"), "typescript": (".ts", ".tsx"), "rust": (".rs",),
    "go": (".go",), "java": (".java",), "c": (".c", ".h"), "cpp": (".cpp", ".hpp", ".cc"), "ruby": (".rb",),
}  # fmt: skip


@frozen
class Listing:
    """The files as a model sees them: their text, and the lines of the longest that is shown."""

    text: str
    longest: int


def listing(folder: Path, tokens: int) -> Listing:
    """The text files of a folder, small ones first, as many as have room; the others by name."""
    shown, names, longest = [], [], 0
    for path, text in sorted(_texts(folder), key=lambda pair: len(pair[1])):
        fence = fence_for(text)
        part = f"File `{path}`:\n{fence}\n{text.rstrip()}\n{fence}"
        cost = estimate_tokens(part)
        if cost > tokens:
            names.append(path)
            continue
        tokens -= cost
        longest = max(longest, text.count("\n") + 1)
        shown.append(part)
    if names:
        listed = ", ".join(f"`{name}`" for name in sorted(names)[:50])
        shown.append(f"Further files, not shown: {listed}")
    if not shown:
        return Listing("The folder has no files yet.", 0)
    return Listing("\n\n".join(["## The files as they are now", *shown]), longest)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in _paths(folder):
        try:
            if (folder / path).stat().st_size > _LARGEST:
                continue
            text = (folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if path.isprintable() and "\0" not in text:
            yield path, text


def _paths(folder: Path) -> Iterator[str]:
    """Regular files below a folder, no hidden ones and none behind a link; at most `MOST_FILES`."""
    found = 0
    pending = [folder]
    while pending:
        here = pending.pop(0)
        try:
            entries = sorted(here.iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _LEFT_OUT or entry.is_symlink():
                continue
            if entry.is_dir():
                pending.append(entry)
            elif entry.is_file():
                found += 1
                if found > MOST_FILES:
                    return
                yield entry.relative_to(folder).as_posix()


_IMPORTED = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\b|import\s+([\w.]+))", re.MULTILINE)
_REQUIRED = re.compile(r"""(?:from|require\(|import\()\s*["'](\.{1,2}/[\w./-]+)["']""")
_MENTIONED = re.compile(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.[a-z]{1,4})(?![\w/])")


def place_for(folder: Path, language: str | None, prompt: str) -> str | None:
    """The file that is meant where a model wrote one block without a path; None: it cannot be told.

    What the folder's tests import and is not there; else the only source that is no test; else the only such path that
    the prompt mentions.
    """
    endings = ENDINGS.get(language or "python", ())
    paths = [path for path in _paths(folder) if path.endswith(endings)] if endings else []
    tests = [path for path in paths if is_test(path)]
    sources = [path for path in paths if not is_test(path) and not path.endswith(("__init__.py", "conftest.py"))]
    imported = list(dict.fromkeys(_imported(folder, tests, endings)))
    missing = [path for path in imported if path not in paths]
    if len(missing) == 1:
        return missing[0]
    there = [path for path in imported if path in sources]
    if len(there) == 1:
        return there[0]
    if len(sources) == 1:
        return sources[0]
    mentioned: set[str] = {path for path in _MENTIONED.findall(prompt) if path.endswith(endings) and not is_test(path)}
    if not sources and len(mentioned) == 1:
        return mentioned.pop()
    if not sources and not mentioned and not imported:
        return f"solution{endings[0]}" if endings else None
    return None


def is_test(path: str) -> bool:
    """Whether a file is a test by its name or its folder."""
    *folders, name = path.split("/")
    return bool(re.match(r"test_|tests?\.|.*(_test|\.test|\.spec)\.", name)) or bool({"tests", "test"} & set(folders))


def _imported(folder: Path, tests: list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """Paths of the modules that tests import from the folder, there or not."""
    import sys

    for test in tests:
        try:
            text = (folder / test).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if ".py" in endings:
            for match in _IMPORTED.finditer(text):
                module = match[1] or match[2]
                top = module.split(".")[0]
                if (
                    not module.startswith(".")
                    and top not in sys.stdlib_module_names
                    and top not in {"pytest", "hypothesis"}
                ):
                    yield module.replace(".", "/") + ".py"
        else:
            for match in _REQUIRED.finditer(text):
                parts = [*test.split("/")[:-1], *match[1].split("/")]
                path = "/".join(part for part in parts if part != ".")
                yield path if path.endswith(endings) else f"{path}{endings[0]}"
