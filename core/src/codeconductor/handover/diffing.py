"""Writes changes as git does, so that `git apply` takes them: text, binary files, modes, links, names of any kind."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from codeconductor.handover.values import FileChange, FileState

CONTEXT = 3
"""Unchanged lines around a change."""

MOST_PAIRS = 5_000_000
"""Pairs of equal lines that are compared to find a small diff; with more, what differs is replaced as a whole."""

_NO_BLOB = "0" * 40
_NO_END = "\\ No newline at end of file\n"


def diff_of(changes: Iterable[FileChange]) -> str:
    """All changes as one text, in their order, deletions first: a folder may take a file's place."""
    ordered = sorted(changes, key=lambda change: (change.after is not None, change.path))
    return "".join(part for change in ordered for part in _file(change))


def _file(change: FileChange) -> Iterator[str]:
    before, after = change.before, change.after
    if before is not None and after is not None and (before.mode == "120000") != (after.mode == "120000"):
        yield from _one(change.path, before, None)  # git knows no change from a file to a link
        yield from _one(change.path, None, after)
    else:
        yield from _one(change.path, before, after)


def _one(path: str, before: FileState | None, after: FileState | None) -> Iterator[str]:
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield f"diff --git {old} {new}\n"
    mode = ""
    if before is None and after is not None:
        yield f"new file mode {after.mode}\n"
    elif after is None and before is not None:
        yield f"deleted file mode {before.mode}\n"
    elif before is not None and after is not None:
        if before.mode != after.mode:
            yield f"old mode {before.mode}\nnew mode {after.mode}\n"
        else:
            mode = f" {after.mode}"
    was, becomes = before.content if before else b"", after.content if after else b""
    if was == becomes and before is not None and after is not None:
        return
    yield f"index {_blob(before)}..{_blob(after)}{mode}\n"
    if was == becomes:  # an empty file comes or goes
        return
    if is_text(was) and is_text(becomes):
        yield f"--- {_end(old) if before else '/dev/null'}\n+++ {_end(new) if after else '/dev/null'}\n"
        yield from _hunks(_lines(was), _lines(becomes))
    else:
        yield "GIT binary patch\n"
        yield from _binary(becomes)
        yield from _binary(was)


def is_text(content: bytes) -> bool:
    """Whether it can be shown line by line: UTF-8 without a NUL."""
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _blob(state: FileState | None) -> str:
    if state is None:
        return _NO_BLOB
    return hashlib.sha1(b"blob %d\0%b" % (len(state.content), state.content)).hexdigest()  # noqa: S324 - as git names it


def _quoted(name: str) -> str:
    """In git's C form where the name has what would end a line or deceive the eye."""
    if name.isprintable() and '"' not in name and "\\" not in name:
        return name
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(short.get(c) or (c if c.isprintable() else _octal(c)) for c in name) + '"'


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))


def _end(name: str) -> str:
    """A name with a blank is followed by a tab, or `patch` would take its first word."""
    return f"{name}\t" if " " in name and not name.startswith('"') else name


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8").split("\n")
    last = lines.pop()
    ended = [f"{line}\n" for line in lines]
    return [*ended, last] if last else ended


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for group in _grouped(_opcodes(old, new)):
        first, last = group[0], group[-1]
        yield f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@\n"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from _marked(" ", old[old_from:old_to])
            else:
                yield from _marked("-", old[old_from:old_to])
                yield from _marked("+", new[new_from:new_to])


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_END}"


def _span(start: int, stop: int) -> str:
    length = stop - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"


_Opcode = tuple[str, int, int, int, int]


def _opcodes(old: Sequence[str], new: Sequence[str]) -> list[_Opcode]:
    """What is equal and what is not; lines that both begin and end with are not searched."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    mine, theirs = old[head : len(old) - tail], new[head : len(new) - tail]
    codes: list[_Opcode] = [("equal", 0, head, 0, head)] if head else []
    counts = Counter(theirs)
    if sum(number * counts[line] for line, number in Counter(mine).items()) > MOST_PAIRS:
        codes.append(("replace", head, head + len(mine), head, head + len(theirs)))
    else:
        matcher = SequenceMatcher(None, mine, theirs, autojunk=False)
        codes += [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes()]
    if tail:
        codes.append(("equal", len(old) - tail, len(old), len(new) - tail, len(new)))
    return codes


def _grouped(codes: Sequence[_Opcode]) -> Iterator[list[_Opcode]]:
    """The changes, each with its context, those together whose contexts touch."""
    group: list[_Opcode] = []
    for tag, a, b, c, d in codes:
        if tag != "equal":
            group.append((tag, a, b, c, d))
            continue
        if group and b - a > 2 * CONTEXT:
            yield [*group, (tag, a, a + CONTEXT, c, c + CONTEXT)]
            group = []
        if group:
            group.append((tag, a, b, c, d))
        else:
            kept = min(CONTEXT, b - a)
            group = [(tag, b - kept, b, d - kept, d)] if kept else []
    if any(tag != "equal" for tag, *_ in group):
        if group[-1][0] == "equal":
            tag, a, b, c, d = group[-1]
            kept = min(CONTEXT, b - a)
            group[-1] = (tag, a, a + kept, c, c + kept)
        yield group


def _binary(content: bytes) -> Iterator[str]:
    yield f"literal {len(content)}\n"
    packed = zlib.compress(content)
    for start in range(0, len(packed), 52):
        piece = packed[start : start + 52]
        size = chr(ord("A") + len(piece) - 1) if len(piece) <= 26 else chr(ord("a") + len(piece) - 27)
        yield f"{size}{base64.b85encode(piece, pad=True).decode()}\n"
    yield "\n"
