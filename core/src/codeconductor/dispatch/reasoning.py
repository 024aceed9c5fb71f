"""Takes what a model thought off its reply, where the server has not kept the two apart."""

from __future__ import annotations

import re

_TAG = r"(?:seed:)?(?:think|thinking|thought|reasoning)"
_OPEN = rf"(?:<{_TAG}(?:\s[^<>\n]{{0,200}})?>|\[THINK\])"
"""Of Seed-OSS with a prefix, of Magistral in brackets."""
_OPENING = re.compile(rf"\s*+{_OPEN}", re.IGNORECASE)
_OPENED = re.compile(_OPEN, re.IGNORECASE)
_CLOSING = re.compile(rf"</{_TAG}\s*>|\[/THINK\]", re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str, str]:
    """(reasoning, rest): leading `<think>` blocks are taken off, or the channels of gpt-oss before its final one.

    The last block may be unclosed, and the first never opened.
    """
    channels = _channels(text)
    if channels is not None:
        return channels
    thoughts: list[str] = []
    start = 0
    closing = _CLOSING.search(text)
    if closing and not _OPENED.search(text, 0, closing.start()) and "```" not in text[: closing.start()]:
        thoughts.append(text[: closing.start()].strip())
        start = closing.end()
    while opening := _OPENING.match(text, start):
        closing = _CLOSING.search(text, opening.end())
        thoughts.append(text[opening.end() : closing.start() if closing else None].strip())
        start = closing.end() if closing else len(text)
    return "\n".join(filter(None, thoughts)), text[start:].lstrip("\n") if start else text


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
