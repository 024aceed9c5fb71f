"""API keys come from the environment alone, and leave it only towards their own host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError

if TYPE_CHECKING:
    from codeconductor import Session


def test_keys_that_begin_alike_are_all_blanked(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's keys share a beginning that is longer than what is blanked of a key that was cut."""
    keys = [f"sk-acme-api03-{letter * 20}" for letter in "abcdefgh"]
    for number, key in enumerate(keys):
        monkeypatch.setenv(f"ACME_{number}", key)
        assert session.secret(f"env:ACME_{number}") == key
    assert session.blanked(" ".join(keys)) == " ".join(["[key]"] * len(keys))
    assert session.blanked(f"invalid: {keys[0][:12]}…") == "invalid: [key]i0…"


def test_blanks_around_a_key_are_cut_off(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file with Windows' line ends leaves them; a header with one cannot be sent, and is shown as it is."""
    monkeypatch.setenv("ACME", "sk-0123456789abcdef\r\n")
    assert session.secret("env:ACME") == "sk-0123456789abcdef"
    monkeypatch.setenv("ACME", " \n")
    assert session.secret("env:ACME") is None


@pytest.mark.parametrize("key", ["sk-0123\n456789abcdef", "sk-‘0123456789’"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(
    session: Session, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The message has the name of its variable."""
    monkeypatch.setenv("ACME", key)
    with pytest.raises(InputError, match="'env:ACME'") as caught:
        session.secret("env:ACME")
    assert "0123" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("key", ["x", "sk-0123"])
def test_a_key_that_is_too_short_to_be_blanked_is_refused(
    session: Session, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """It would stand in logs and messages as it is; a placeholder for a server without keys is not needed at all."""
    monkeypatch.setenv("ACME", key)
    with pytest.raises(InputError, match="'env:ACME' holds is no API key: it has fewer than 8 characters") as caught:
        session.secret("env:ACME")
    assert key not in f"{caught.value.message} {caught.value.hint}".split()
    monkeypatch.setenv("ACME", f"  {'k' * 8} ")
    assert session.secret("env:ACME") == "k" * 8
    assert session.blanked(f"bad key {'k' * 8}!") == "bad key [key]!"
