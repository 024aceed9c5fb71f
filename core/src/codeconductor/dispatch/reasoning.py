"""Takes what a model thought off its reply, where the server has not kept the two apart."""

from __future__ import annotations

import re

_TAG = r"(?:seed:)?(?:think|thinking|thought|reasoning)"
_OPEN = rf"(?:<{_TAG}(?:\s[^<>\n]{{0,200}})?>|\[THINK\])"
"""Of Seed-OSS with a prefix, of Magistral in brackets."""
_CLOSE = rf"</{_TAG}\s*>|\[/THINK\]"
_OPENING = re.compile(rf"\s*+{_OPEN}", re.IGNORECASE)
_OPENED = re.compile(_OPEN, re.IGNORECASE)
_CLOSING = re.compile(_CLOSE, re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str, str]:
    """(reasoning, rest): leading `<think>` blocks are taken off, or the channels of gpt-oss before its final one.

    The last block may be unclosed, and the first never opened, or be behind some words.
    """
    channels = _channels(text)
    if channels is not None:
        return channels
    thoughts: list[str] = []
    start = _end_of_unopened(text)
    if start:
        thoughts.append(_CLOSING.sub("", text[:start]).strip())
    elif not _OPENING.match(text) and (behind := _BEHIND_WORDS.match(text)):
        words, thought = behind["words"].rstrip(), behind["thought"].strip()
        return thought, f"{words}\n{text[behind.end() :].lstrip()}"
    while opening := _OPENING.match(text, start):
        closing = _CLOSING.search(text, opening.end())
        thoughts.append(text[opening.end() : closing.start() if closing else None].strip())
        start = closing.end() if closing else len(text)
    return "\n".join(filter(None, thoughts)), text[start:].lstrip("\n") if start else text


_ALONE = re.compile(rf"^[ \t]*(?:{_CLOSE})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_BEHIND_WORDS = re.compile(
    rf"(?P<words>(?:(?!```|~~~|{_OPEN}).)+?\n)[ \t]*{_OPEN}(?P<thought>(?:(?!{_CLOSE}).)*+)(?:{_CLOSE})",
    re.IGNORECASE | re.DOTALL,
)
"""A block that begins a line, before any code."""


def _end_of_unopened(text: str) -> int:
    """Where the thoughts end that no tag opened; 0: there are none.

    Where they hold code, the tag must stand alone behind it, and something must follow: code may be about such tags.
    """
    closing = _CLOSING.search(text)
    if closing is None or _OPENED.search(text, 0, closing.start()):
        return 0
    if "```" not in text[: closing.start()]:
        return closing.end()
    alone = _ALONE.search(text)
    if alone is None or not text[alone.end() :].strip():
        return 0
    return alone.end() if len(_FENCE.findall(text, 0, alone.start())) % 2 == 0 else 0


_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)

_CHANNEL = re.compile(
    r"\s*+(?:<\|start\|>\w*+\s*+)?<\|channel\|>\s*+(?P<name>\w++)[^<]*+(?:<\|constrain\|>[^<]*+)?<\|message\|>"
)
_ENDING = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)|\Z")
_LAST = re.compile(r"\s*+<\|(?:end|return)\|>\s*+\Z")


def _channels(text: str) -> tuple[str, str] | None:
    """As `split_reasoning`, of a reply in OpenAI's harmony format; None: it begins otherwise."""
    thoughts: list[str] = []
    start = 0
    while channel := _CHANNEL.match(text, start):
        start = channel.end()
        if channel["name"] == "final":
            break
        ending = _ENDING.search(text, start)
        assert ending is not None
        thoughts.append(text[start : ending.start()].strip())
        start = ending.end()
    if not start:
        return None
    return "\n".join(filter(None, thoughts)), _LAST.sub("", text[start:]).lstrip("\n")
