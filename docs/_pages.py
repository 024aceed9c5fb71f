"""Reads Markdown pages as the tests of the documentation need them: fenced blocks, links, anchors of headings."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
_LEFT_OUT = {"build", "dist", "src", "tests", "venv"}

_FENCE = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)\Z")
_COMMENT = re.compile(r"<!-- (?P<key>[a-z]+): (?P<value>.*?) -->")
_INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@attrs.frozen(kw_only=True)
class Block:
    """A fenced block.

    Attributes:
        line: Where its fence opens, counted from 1.
        language: The info string.
        text: Its content, with a line feed at the end.
        notes: Comments `<!-- KEY: VALUE -->` on the lines before it.
    """

    line: int
    language: str
    text: str
    notes: dict[str, str]


def pages() -> list[Path]:
    """Every page of the repository, sorted."""
    found = []
    for path in ROOT.rglob("*.md"):
        folders = path.relative_to(ROOT).parts[:-1]
        if not any(folder in _LEFT_OUT or folder.startswith(".") for folder in folders):
            found.append(path)
    return sorted(found)


def name_of(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def _split(text: str) -> tuple[list[Block], list[str]]:
    """(the blocks, the lines outside of them); a fence inside of a longer fence is text of that block."""
    blocks: list[Block] = []
    prose: list[str] = []
    notes: dict[str, str] = {}
    opened: tuple[int, re.Match[str]] | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if opened is None:
            if fence:
                opened, body = (number, fence), []
                continue
            prose.append(line)
            found = _COMMENT.fullmatch(line.strip())
            if found:
                notes[found["key"]] = found["value"]
            elif line.strip():
                notes = {}
        elif fence and not fence["info"].strip() and fence["mark"].startswith(opened[1]["mark"]):
            content = "".join(line.removeprefix(opened[1]["indent"]) + "\n" for line in body)
            blocks.append(Block(line=opened[0], language=opened[1]["info"].strip(), text=content, notes=notes))
            opened, notes = None, {}
        else:
            body.append(line)
    if opened is not None:
        raise ValueError(f"the block of line {opened[0]} is never closed")
    return blocks, prose


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return _split(page.read_text(encoding="utf-8"))[0]


def notes(page: Path) -> dict[str, str]:
    """The comments `<!-- KEY: VALUE -->` anywhere outside of the page's blocks."""
    return {found["key"]: found["value"] for found in _COMMENT.finditer("\n".join(_prose(page)))}


def _prose(page: Path) -> list[str]:
    return _split(page.read_text(encoding="utf-8"))[1]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links."""
    for line in _prose(page):
        for link in _LINK.finditer(_INLINE_CODE.sub("", line)):
            yield link["target"]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for line in _prose(page):
        heading = re.match(r"#{1,6} +(.*?)(?: +#+)?$", line)
        if heading:
            slug = _slug(heading[1])
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", "")).strip().lower()
    kept = (c for c in text if c in "-_ " or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")
