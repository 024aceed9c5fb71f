"""Which project files their owner trusts: by path, and by the SHA-256 of the content that was trusted."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from codeconductor.errors import InputError
from codeconductor.settings.folders import data_folder

if TYPE_CHECKING:
    from pathlib import Path


def is_trusted(path: Path, content: bytes) -> bool:
    """Whether the file's owner has trusted just this content of it, as it was read."""
    entries = _trusted()
    return str(path) in entries and entries[str(path)] == _digest(content)


def trust(path: Path) -> tuple[str, bytes]:
    """Trust the file as it stands.

    Returns:
        The SHA-256 in hexadecimal digits, and the content that it is of.

    Raises:
        InputError: The file cannot be read, or the trust not be written down.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise InputError(f"cannot read {path}: {exc.strerror}", hint="check the file's permissions") from exc
    digest = _digest(content)
    entries = _trusted() | {str(path): digest}
    file = _trust_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.tmp")
        partial.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        partial.replace(file)
    except OSError as exc:
        raise InputError(
            f"cannot write {file}: {exc.strerror}", hint="make the folder writable, or move it with CONDUCTOR_HOME"
        ) from exc
    return digest, content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _trust_file() -> Path:
    return data_folder() / "trusted.json"


def _trusted() -> dict[str, str]:
    try:
        entries = json.loads(_trust_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
