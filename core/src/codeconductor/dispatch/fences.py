"""Fenced blocks as models write them: indented, quoted, nested, on one line, never closed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@frozen(kw_only=True)
class Fence:
    """A fenced block; `before` is the last line of prose above it, and `closed` tells whether its end was written."""

    info: str
    text: str
    before: str
    closed: bool


_FENCE = re.compile(r"^(?P<indent>[ \t>\ufeff]*)(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$")


_ON_ONE_LINE = re.compile(r"^(?P<indent>[ \t>\ufeff]*)(?P<mark>`{3,})(?P<info>[^`\n]+)(?P=mark)\s*$")


def fences(text: str) -> Iterator[Fence]:
    """The fenced blocks, in order: three or more backticks or tildes, closed by at least as many, or never."""
    return (part for part in parts(text) if isinstance(part, Fence))


def parts(text: str) -> Iterator[str | Fence]:
    """The lines of prose and the fenced blocks, in order."""
    before = ""
    opened: re.Match[str] | None = None
    body: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _FENCE.match(line.rstrip("\r"))
        if opened is None:
            if match and not (match["mark"].startswith("`") and "`" in match["info"]):
                opened, body = match, []
                continue
            whole = _ON_ONE_LINE.match(line) if match else None
            if whole and _headed(whole["info"])[1] is not None:  # else it is code in a line
                yield _fence(whole, [], before)
                before = ""
                continue
            before = line.strip() or before
            yield line
            continue
        holds_json = is_json(opened["info"])  # which has no such lines, so that its end can be told when it is broken
        ends = match and match["mark"].startswith(opened["mark"]) and (holds_json or not match["info"].strip())
        if match and ends and not (_is_python(opened["info"]) and _is_in_text(body, lines, number, opened["mark"])):
            yield _fence(opened, body, before)
            opened, body, before = (match if match["info"].strip() else None), [], ""
        elif holds_json and line.rstrip().endswith(opened["mark"]):
            yield _fence(opened, [*body, line.rstrip().rstrip(opened["mark"][0])], before)
            opened, before = None, ""
        else:
            body.append(line)
    if opened is not None and (any(line.strip() for line in body) or _headed(opened["info"].strip())[1]):
        yield _fence(opened, body, before, closed=False)


_PYTHON = re.compile(r"(?:python3?|py)\b", re.IGNORECASE)
_LONGEST_TEXT = 200
"""Lines of the longest text in three quotes whose fences do not end the block that it stands in."""


def _is_python(info: str) -> bool:
    return _PYTHON.match(info.strip()) is not None


def _is_in_text(body: Sequence[str], lines: Sequence[str], number: int, mark: str) -> bool:
    """Whether a fence stands in a text of three quotes, such as a docstring: it is closed behind the fence, as is all.

    Looked for among the lines next to it alone, so that time grows with the length of a reply.
    """
    above, below = "\n".join(body[-_LONGEST_TEXT:]), lines[number + 1 : number + _LONGEST_TEXT]
    for quotes in ('"""', "'''"):
        if above.count(quotes) % 2:
            closing = next((place for place, line in enumerate(below) if quotes in line), None)
            return closing is not None and any(line.strip() == mark for line in below[closing:])
    return False


def _fence(opened: re.Match[str], lines: list[str], before: str, *, closed: bool = True) -> Fence:
    info, head = _headed(opened["info"].strip())
    if head is not None:
        lines = [opened["indent"] + head, *lines]
    return Fence(info=info, text=_dedented(lines, opened["indent"]), before=before, closed=closed)


_HEADED = re.compile(
    r"(?P<info>json\w*)\s+(?P<json>[{\[].*)"
    r"|(?P<language>[\w+#.-]+)\s+(?P<code>"
    r"(?:(?:async|pub|public|export)\s+)?(?:def|class|function|fn|func|struct|interface)\s+\w[^({:\[]*+[({:\[].*"
    r"|import\s+\w[\w.]*+|from\s+[\w.]++\s+import\s.*|(?:const|let|var)\s+\w++\s*+[=:].*)",
    re.IGNORECASE,
)


def _headed(info: str) -> tuple[str, str | None]:
    """An info string, and the first line of the code or of the JSON where a model has written it behind the word."""
    match = _HEADED.fullmatch(info)
    if match is None:
        return info, None
    return (match["info"], match["json"]) if match["info"] else (match["language"], match["code"])


def is_json(info: str) -> bool:
    return info.strip().lower().startswith("json")


def _dedented(lines: list[str], indent: str) -> str:
    return "".join(line.removeprefix(indent).rstrip("\r") + "\n" for line in lines)
