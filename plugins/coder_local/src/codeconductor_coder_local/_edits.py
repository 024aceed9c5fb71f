"""Reads files and search/replace blocks out of a reply, as leniently as is safe, and checks every path."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import attrs
from codeconductor import read_reply, refused_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BLOCK = re.compile(
    r"^<{5,9} ?SEARCH[^\n]*\n(?P<search>.*?)^={5,9}[ \t]*\n(?P<replace>.*?)^>{5,9} ?REPLACE[^\n]*$",
    re.MULTILINE | re.DOTALL,
)
_PATH_LINE = re.compile(
    r"[*`\"'#\s]*(?:[Ff]ile(?:name)?:?\s*)?[*`\"']*(?P<path>[\w.@+-]+(?:/[\w.@+-]+)*)[*`\"']*:?[*`\s]*"
)
_ELIDED = re.compile(
    r"^\s*(?:#|//|/\*|<!--|--)\s*(?:\.{3}|…)?\s*(?:\(?\b(?:rest|remainder|remaining|existing|other|previous|same)\b.*"
    r"\b(?:code|file|methods?|functions?|content|implementation|class|unchanged|here|before|as is)\b.*|\.{3}\s*|…\s*)$",
    re.MULTILINE | re.IGNORECASE,
)


class Refused(Exception):
    """A reply that cannot be used; says why, for the model."""


@attrs.define
class _Files:
    folder: Path
    wanted: dict[str, str] = attrs.field(factory=dict)
    refused: list[str] = attrs.field(factory=list)

    def current(self, path: str) -> str | None:
        """The file as it is now, or as an earlier block of the reply has it; None: there is none."""
        if path in self.wanted:
            return self.wanted[path]
        try:
            with (self.folder / path).open(encoding="utf-8", newline="") as file:
                return file.read()
        except (OSError, UnicodeDecodeError):
            return None


def edits(
    folder: Path, text: str, *, place: Callable[[str | None], str | None], is_cut: bool = False
) -> tuple[dict[str, str], list[str]]:
    """New contents by path, and what was refused.

    Args:
        folder: Whose files are meant.
        text: The reply.
        place: The file that a block of a language without a path is meant for; None: it cannot be told.
        is_cut: Whether the reply ended since it was too long, so that its last file is not whole.

    Raises:
        Refused: A block does not match, or a file is not whole.
    """
    files = _Files(folder)
    rest = _search_and_replace(files, text, place)
    blocks = read_reply(rest).code
    code = [block for block in blocks if block.text.strip()]
    if is_cut and code:
        raise Refused("the reply ended in the midst of a file: write less text beside the files")
    unnamed = [block for block in code if block.path is None]
    for block in code:
        path = block.path
        if path is None:
            path = place(block.language) if len(unnamed) == 1 else None
        if path is None:
            files.refused.append("has no path: write the path alone on the line before each block")
            continue
        path = path.removeprefix("./")
        why = refused_path(folder, path)
        if why is not None:
            files.refused.append(f"{path!r} is not written: {why}")
            continue
        files.wanted[path] = _whole(path, files.current(path), block.text)
    return files.wanted, files.refused


def _whole(path: str, old: str | None, new: str) -> str:
    """The new content, with the old one's line ends; refused where parts are left out with a remark in their place."""
    elided = [match[0].strip() for match in _ELIDED.finditer(new) if old is None or match[0] not in old]
    if elided:
        raise Refused(f"{path} leaves out a part of the file ({elided[0]!r}): write all of it")
    if old is not None and "\r\n" in old:
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    return new


def _search_and_replace(files: _Files, text: str, place: Callable[[str | None], str | None]) -> str:
    """Take the search/replace blocks; gives the reply without them."""
    kept, end, path = [], 0, None
    for match in _BLOCK.finditer(text):
        before = text[end : match.start()]
        path = _path_before(before) or path or place(None)
        if path is None:
            raise Refused("a search/replace block has no path on the line before it")
        path = path.removeprefix("./")
        why = refused_path(files.folder, path)
        if why is not None:
            files.refused.append(f"{path!r} is not written: {why}")
        else:
            files.wanted[path] = _replaced(path, files.current(path), match["search"], match["replace"])
        kept.append(re.sub(r"(?:^|\n)[ \t]*(?:`{3,}|~{3,})[^\n]*\n?\Z", "\n", before))
        end = match.end()
    if end == 0:
        return text
    return re.sub(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*\n", "", "".join(kept) + text[end:].lstrip("\n"), count=1)


def _path_before(text: str) -> str | None:
    for line in reversed(text.splitlines()[-3:]):
        stripped = line.strip()
        if not stripped or stripped.startswith(("```", "~~~")):
            within = re.search(r"[\w.@+-]+(?:/[\w.@+-]+)*\.\w{1,8}$", stripped)
            if within:
                return within[0]
            continue
        match = _PATH_LINE.fullmatch(line)
        if match and ("." in match["path"] or "/" in match["path"]):
            return match["path"]
        return None
    return None


def _replaced(path: str, old: str | None, search: str, replace: str) -> str:
    """The file with one block replaced, which must match once: exactly, without blanks at line ends, or shifted."""
    if old is None or not old.strip():
        if search.strip():
            raise Refused(f"{path} does not have the lines of the SEARCH block: there is no such file")
        return replace
    if not search.strip():
        raise Refused(f"a SEARCH block for {path} is empty, and the file is not")
    is_crlf = "\r\n" in old
    lines = old.replace("\r\n", "\n").split("\n")
    wanted = search.rstrip("\n").split("\n")
    becomes = replace.rstrip("\n").split("\n") if replace.strip("\n") else []
    for normalise in (str, str.rstrip, str.strip):
        sought = [normalise(line) for line in wanted]
        having = [normalise(line) for line in lines]
        found = [n for n in range(len(having) - len(sought) + 1) if having[n : n + len(sought)] == sought]
        if normalise is str.strip:
            found = [n for n in found if _shift(lines[n : n + len(sought)], wanted) is not None]
        if len(found) > 1:
            raise Refused(f"a SEARCH block for {path} matches {len(found)} places: give more lines around it")
        if found:
            start = found[0]
            if normalise is str.strip:
                shift = _shift(lines[start : start + len(sought)], wanted) or ""
                becomes = [f"{shift}{line}" if line.strip() else line for line in becomes]
            result = "\n".join([*lines[:start], *becomes, *lines[start + len(sought) :]])
            return result.replace("\n", "\r\n") if is_crlf else result
    near = difflib.get_close_matches(wanted[0], lines, n=1)
    hint = f"; the nearest line is {near[0]!r}" if near else ""
    raise Refused(f"{path} does not have the lines of a SEARCH block{hint}")


def _shift(there: list[str], wanted: list[str]) -> str | None:
    """The indentation that all wanted lines lack; None: it is not the same for all."""
    shifts = set()
    for line, mine in zip(there, wanted, strict=True):
        if mine.strip():
            if not line.endswith(mine.rstrip()) and not line.rstrip().endswith(mine.rstrip()):
                return None
            shifts.add(line[: len(line.rstrip()) - len(mine.rstrip())])
    return shifts.pop() if len(shifts) == 1 else None
