"""Makes text that others wrote harmless to quote: it stays data, wherever in a prompt it stands."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from codeconductor import estimate_tokens, fence_for

if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_INVISIBLE = re.compile(
    "["
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, direction of writing
    "\U000e0000-\U000e0fff"  # tags and variation selectors, in which whole texts have been hidden
    "]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text as a person sees it: without control, zero-width and bidirectional characters or terminal escapes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", _ESCAPES.sub("", text))
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", _INVISIBLE.sub("", text))


def hides_something(text: str) -> bool:
    """Whether the text has characters that nobody sees."""
    return not text.isascii() and _INVISIBLE.search(text) is not None


_TAG = re.compile(r"(?<![\w<])<(/?[A-Za-z!?][^<>]*)>")
_ROLE = (
    r"/?(?:system|user|assistant|developer|human|instructions?|prompt|tool_\w+|think|thinking|"
    r"start_of_turn|end_of_turn|bos|eos|s)\b"
)
_CHANNEL = re.compile(rf"<({_ROLE}[^<>]*)>|<([|｜][^<>]*[|｜])>|<<(/?SYS)>>", re.IGNORECASE)
_OPEN_CHANNEL = re.compile(rf"<(?={_ROLE}|[|｜]\w+[|｜]|!--)", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\[(/?INST)\]", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w@])@(?=[\w./~\\-])(?!(?<=`@)[A-Za-z_]\w*[`(])")
_MARKERS = re.compile(r"\A(?:(?:#{1,6}|[-*+•]|\d{1,2}[.)])(?:\s+|$))+")
_COMMAND = re.compile(r"[/!][^\s`]+(?=\s|$)")


def inline(value: object) -> str:
    """One line of prose that is nothing but prose.

    No heading or list marker at its start, no fence, HTML tag, image or chat-template token in it, and neither a
    mention (``@file``) nor a slash command that a coding agent would carry out.
    """
    text = "" if value is None else _MARKERS.sub("", " ".join(clean(as_text(value)).split()))
    text = re.sub(r"~{3,}", "~~", re.sub(r"`{2,}", "`", text))
    if text.count("`") % 2:
        before, _, after = text.rpartition("`")
        text = f"{before}'{after}"
    text = _CHANNEL.sub(lambda match: f"‹{next(filter(None, match.groups()))}›", _TAG.sub(r"‹\1›", text))
    text = _INSTRUCTION.sub(r"‹\1›", _OPEN_CHANNEL.sub("‹", text)).replace("![", "[")
    text = _MENTION.sub("@ ", text)
    command = _COMMAND.match(text)
    if command:
        return f"`{command[0]}`{text[command.end() :]}"
    return f"\\{text}" if text.startswith((">", "/", "!")) else text


def as_text(value: object) -> str:
    """A value as people would write it down: texts as they are, a table's values in a row, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value and all(isinstance(item, str | int | float) for item in value.values()):
        return ": ".join(str(item) for item in value.values())
    return to_json(value)


def to_json(value: object) -> str:
    """JSON on one line, its characters as they are."""
    return json.dumps(value, ensure_ascii=False, default=str)


def literal(value: object) -> str:
    """A value as it would be written: a text of one line as it is, as it is a call or a result already; else JSON."""
    return value if isinstance(value, str) and value.strip() and "\n" not in value else to_json(value)


def fence(value: object, info: object = "") -> str:
    """A fenced block that nothing in the text can close.

    Args:
        value: The text; what is no text is put in as JSON.
        info: The language; what cannot be one is left out.
    """
    text = clean(value if isinstance(value, str) else to_json(value)).rstrip("\n")
    mark = fence_for(text)
    language = info if isinstance(info, str) and re.fullmatch(r"[\w+#.-]{1,30}", info) else ""
    return f"{mark}{language}\n{text}\n{mark}"


def code(value: object, limit: int = 300) -> str:
    """A code span on one line that nothing in the text can close.

    Args:
        value: The text; what is no text is put in as JSON.
        limit: Characters after which it is cut.
    """
    text = clean(value if isinstance(value, str) else to_json(value)).replace("\n", "⏎").replace("\t", " ")
    text = " ".join(text.splitlines())
    if len(text) > limit:
        text = text[:limit].rstrip() + " …"
    mark = "`" * (len(fence_for(text)) if "``" in text else 2 if "`" in text else 1)
    edge = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{mark}{edge}{text}{edge}{mark}"


def bullet(item: Any) -> str:
    """A list item on one line: a text, or an entry of ``consensus.agreed`` with its support."""
    if not isinstance(item, dict):
        return f"- {inline(item)}"
    path, text = item.get("path"), inline(item.get("text", ""))
    backing = item.get("backing") or ""
    if re.search(r"\bhttps?://", text):
        backing = f"{backing}; its link is not checked" if backing else "its link is not checked"
    shown = ": ".join(part for part in (code(path) if path else "", text) if part)
    return f"- {shown} ({backing})" if backing else f"- {shown}"


def bullets(items: Iterable[Any]) -> str:
    """A list, an item a line, as `bullet` writes them."""
    return "\n".join(map(bullet, items))


def percent(share: float) -> str:
    """A share from 0 to 1 in words, such as ``75 %``; only what is all is 100 %, and only nothing 0 %."""
    whole = round(100 * share)
    if whole == 100 and share < 1:
        whole = 99
    if whole == 0 and share > 0:
        whole = 1
    return f"{whole} %"


def size(count: float) -> str:
    """Bytes in words, such as ``1.2 KiB``."""
    if count < 1024:
        return f"{count:.0f} B"
    return f"{count / 1024:.1f} KiB" if count < 1024**2 else f"{count / 1024**2:.1f} MiB"


def truncate_tokens(text: str, limit: int) -> str:
    """The beginning of a text in at most so many estimated tokens, in whole lines where one fits; "" for none."""
    head = text[: max(0, limit) * 8]
    while head and (tokens := estimate_tokens(head)) > limit:
        head = head[: min(len(head) - 1, len(head) * limit // tokens)]
    if len(head) < len(text) and "\n" in head:
        head = head[: head.rindex("\n") + 1]
    return head
