"""Hands a prompt to a person: by link, clipboard or file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from codeconductor_coder_manual._ways import LONGEST_LINK, cursor_link, open_link, to_clipboard

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_link_holds_the_prompt_to_the_letter() -> None:
    """Blanks are %20, as Cursor reads no plus sign as one."""
    prompt = 'Write a+b & c\n"quoted" ä 100%'
    link = cursor_link(prompt)
    assert link is not None
    assert link.startswith("cursor://anysphere.cursor-deeplink/prompt?text=")
    assert "+" not in link
    assert unquote(link.partition("text=")[2]) == prompt


def test_a_prompt_that_is_too_long_has_no_link() -> None:
    """Cursor takes so many characters of a whole link."""
    assert cursor_link("x" * LONGEST_LINK) is None


def test_the_clipboard_gets_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first program that is there and succeeds."""
    taken = tmp_path / "taken"
    for name, body in (("wl-copy", "exit 1"), ("xclip", f"cat > {taken}")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert to_clipboard("the prompt")
    assert taken.read_text() == "the prompt"


def test_without_a_desktop_there_is_no_clipboard_and_nothing_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is then in a file, and the link is printed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not to_clipboard("x")
    assert not open_link("cursor://x")
