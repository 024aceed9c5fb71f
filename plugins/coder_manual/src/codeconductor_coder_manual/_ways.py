"""Ways to hand a prompt over: the clipboard of this machine, and a link that Cursor opens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from urllib.parse import quote

LONGEST_LINK = 8000
"""Characters of a whole link that Cursor takes."""

_LINK = "cursor://anysphere.cursor-deeplink/prompt?text="

_CLIPBOARDS = (
    ("WAYLAND_DISPLAY", ["wl-copy"]),
    ("DISPLAY", ["xclip", "-selection", "clipboard"]),
    ("DISPLAY", ["xsel", "--clipboard", "--input"]),
    (None, ["pbcopy"]),
    (None, ["clip.exe"]),
)
"""Programs that fill the clipboard, with the variable without which they cannot."""

_SECONDS = 5.0


def cursor_link(text: str) -> str | None:
    """A link that fills Cursor's chat and sends nothing by itself; None: the text is too long for one."""
    link = _LINK + quote(text, safe="")
    return link if len(link) < LONGEST_LINK else None


def to_clipboard(text: str) -> bool:
    """Put a text into the clipboard; false where no program can."""
    for variable, argv in _CLIPBOARDS:
        program = shutil.which(argv[0])
        if program is None or (variable is not None and not os.environ.get(variable)):
            continue
        if _succeeds([program, *argv[1:]], text.encode()):
            return True
    return False


def open_link(link: str) -> bool:
    """Open a link with the desktop's own program; false where there is none."""
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(opener)
    has_display = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(program and has_display and _succeeds([str(program), link], b""))


def _succeeds(argv: list[str], given: bytes) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the desktop, without a shell
            argv, input=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
