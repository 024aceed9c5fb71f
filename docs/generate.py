"""Writes the parts of the documentation that repeat the code; with `--check` it only names the pages that differ.

Such a part stands between `<!-- generated: NAME -->` and `<!-- end -->`, or it is the block after
`<!-- include: PATH -->`, which shows a file of the repository.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import _our
import _reference
from codeconductor.plugins import CORE, commands
from codeconductor.session import Session
from codeconductor.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from codeconductor.plugins import PluginInfo

ROOT = _our.ROOT


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    for row in (head, ["---" for _ in head], *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _all_distributions() -> Iterator[str]:
    rows = []
    for name, folder in _our.distributions().items():
        place = folder.relative_to(ROOT).as_posix()
        text = str(_our.project_of(folder)["description"]).removeprefix("CodeConductor plugin: ")
        rows.append((f"`{name}`" if place == "." else f"[{name}]({place})", text[:1].upper() + text[1:]))
    yield from _table(("distribution", "what it is"), rows)


def _plugins_by_purpose() -> Iterator[str]:
    loaded, ours = _our.plugins()
    strategies, renderers = loaded.names_by_plugin()
    runners = loaded.runners_by_plugin()
    brought = commands()
    coders = loaded.coders_by_plugin(Session(read_settings(ROOT / "docs"), loaded))
    purposes: dict[str, Callable[[PluginInfo], Iterable[str]]] = {
        "Where models come from": lambda info: [info.name] if "conductor_discover_models" in info.hooks else [],
        "How a decision is made": lambda info: strategies.get(info.name, []),
        "How the prompt is written": lambda info: renderers.get(info.name, []),
        "Who runs tests": lambda info: runners.get(info.name, []),
        "Who writes code": lambda info: coders.get(info.name, []),
        "Commands": lambda info: [point.name for point in brought.get(str(info.distribution), [])],
        "What is done when a run has ended": lambda info: [
            hook for hook in info.hooks if hook == "conductor_run_finished"
        ],
    }
    for purpose, brings in purposes.items():
        rows = [(f"`{i.name}`", _linked(i), _listed(brings(i))) for i in ours if brings(i)]
        if rows:
            yield from (f"## {purpose}", "", *_table(("plugin", "distribution", "brings"), sorted(rows)), "")


def _linked(info: PluginInfo) -> str:
    name = str(info.distribution)
    built_in = ", built in" if name == CORE else ""
    return f"[{name}](../../{_our.distributions()[name].relative_to(ROOT).as_posix()}){built_in}"


def _all_examples() -> Iterator[str]:
    rows = []
    for name, folder in _our.examples().items():
        project = _our.project_of(folder)
        points = [point for group in project.get("entry-points", {}).values() for point in group]
        link = f"[{name}](../{folder.relative_to(ROOT / 'docs').as_posix()})"
        rows.append((link, _listed(dict.fromkeys(points)), str(project.get("description", ""))))
    yield from _table(("distribution", "entry points", "what it shows"), rows)


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "commands": _reference.commands,
    "distributions": _all_distributions,
    "examples": _all_examples,
    "hook_order": _reference.hook_order,
    "hooks": _reference.hooks,
    "plugins_by_purpose": _plugins_by_purpose,
    "settings": _reference.settings,
}

_PART = re.compile(r"(?P<head><!-- generated: (?P<name>\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_INCLUDE = re.compile(
    r"(?P<head><!-- include: (?P<path>\S+) -->\n+(?P<fence>`{3,})\w+\n).*?^(?P=fence)$", re.DOTALL | re.MULTILINE
)


def pages() -> list[Path]:
    """The pages that may have such parts."""
    examples = ROOT / "docs" / "examples"
    return [
        ROOT / "README.md",
        *(page for page in sorted((ROOT / "docs").rglob("*.md")) if not page.is_relative_to(examples)),
    ]


def with_parts(text: str) -> str:
    """A page's text with its parts as they should be."""
    text = _PART.sub(lambda found: f"{found['head']}\n{_part(found['name'])}\n\n", text)
    return _INCLUDE.sub(lambda found: f"{found['head']}{_file(found['path'])}\n{found['fence']}", text)


def _part(name: str) -> str:
    return "\n".join(PARTS[name]()).strip()


def _file(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8").rstrip("\n")


def main(arguments: list[str]) -> int:
    """Write the pages that differ, or with `--check` only name them: then 1, where there are any."""
    differing = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        made = with_parts(text)
        if made != text:
            differing.append(page.relative_to(ROOT).as_posix())
            if "--check" not in arguments:
                page.write_text(made, encoding="utf-8")
    print("\n".join(differing), end="\n" if differing else "")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
