"""The entry of `.cursor/mcp.json` that has Cursor start `conductor mcp`: put in, and taken out again."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

NAME = "conductor"
"""Of the entry."""

_SERVERS = "mcpServers"


class NotPlainError(Exception):
    """The file is no JSON object as it should be, so that nothing can be put in without laying over what is there."""


def command_path() -> str:
    """The whole path of this installation's command: an editor does not have a terminal's PATH."""
    beside = Path(sys.executable).parent
    for name in ("conductor", "conductor.exe"):
        if (beside / name).is_file():
            return str(beside / name)
    started = Path(sys.argv[0])
    return str(started.absolute()) if started.stem == "conductor" and started.is_file() else "conductor"


def with_entry(text: str | None) -> str | None:
    """The file with our entry; an entry of that name which a person wrote stays, and so do all others.

    Args:
        text: The file as it is; None: there is none.

    Raises:
        NotPlainError: It cannot be read.
    """
    content = {} if text is None else _content(text)
    servers = content.setdefault(_SERVERS, {})
    if NAME in servers and not _is_ours(servers[NAME]):
        return text
    entry = {"command": command_path(), "args": ["mcp"]}
    if servers.get(NAME) == entry:
        return text
    servers[NAME] = entry
    return _written(content, text or "")


def without_entry(text: str | None) -> str | None:
    """The file without our entry; None: nothing else is in it.

    Args:
        text: As of `with_entry`.

    Raises:
        NotPlainError: It cannot be read.
    """
    if text is None:
        return None
    content = _content(text)
    servers = content.get(_SERVERS, {})
    if not _is_ours(servers.get(NAME)):
        return text
    del servers[NAME]
    if not servers and content.keys() == {_SERVERS}:
        return None
    return _written(content, text)


def _content(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except (ValueError, RecursionError) as exc:
        raise NotPlainError from exc
    if not isinstance(content, dict) or not isinstance(content.get(_SERVERS, {}), dict):
        raise NotPlainError
    return content


def _is_ours(entry: object) -> bool:
    """Whether it starts `conductor mcp`, of whatever installation, and says nothing else."""
    return (
        isinstance(entry, dict)
        and entry.keys() == {"command", "args"}
        and entry["args"] == ["mcp"]
        and Path(str(entry["command"])).stem == "conductor"
    )


def _written(content: dict[str, Any], text: str) -> str:
    """As JSON with the indent, the line ends and the last line's end that the file had."""
    indented = re.search(r'^([ \t]+)"', text, re.MULTILINE)
    end = "\r\n" if "\r\n" in text else "\n"
    written = json.dumps(content, indent=indented[1] if indented else 2, ensure_ascii=False)
    return written.replace("\n", end) + (end if not text or text.endswith("\n") else "")
