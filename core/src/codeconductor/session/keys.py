"""API keys: read where a setting points, never written, and blanked wherever they would be shown."""

from __future__ import annotations

import os

from codeconductor.errors import InputError

_KEYRING_SERVICE = "conductor"

_SHORTEST_KEY = 8
"""Characters of a key that can be told from a word, and so be blanked wherever it stands."""

_BEGINNING = 10
"""Characters of a key that are blanked by themselves: some messages cut it off."""


class Keys:
    """The keys that one invocation has given out."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def get(self, reference: str) -> str | None:
        """The key that a reference names, without blanks around it; None: not set.

        Args:
            reference: ``env:NAME`` for the environment, ``keyring:NAME`` for the system's keyring.

        Raises:
            InputError: The reference has another form; keys themselves are never written into settings. Or the key
                has characters that cannot be sent, or is so short that what is blanked of it would be words.
        """
        source, _, name = reference.partition(":")
        if source == "env" and name:
            value = os.environ.get(name)
        elif source == "keyring" and name:
            value = _from_keyring(name)
        else:
            raise InputError("an API key is given as 'env:NAME' or 'keyring:NAME'", hint="settings hold no keys")
        value = (value or "").strip()
        if not (value.isascii() and value.isprintable()):
            raise InputError(
                f"what {reference!r} holds is no API key: it has unprintable characters", hint="set it again"
            )
        if not value:
            return None
        if len(value) < _SHORTEST_KEY:
            raise InputError(
                f"what {reference!r} holds is no API key: it has fewer than {_SHORTEST_KEY} characters",
                hint="set the whole key; for a server that wants none, name and set none",
            )
        self._given.add(value)
        return value

    def blanked(self, text: str) -> str:
        """The text without any key, or the beginning of one, that was given out."""
        beginnings = {key[:_BEGINNING] for key in self._given}
        for part in sorted(self._given | beginnings, key=len, reverse=True):  # many keys begin alike
            text = text.replace(part, "[key]")
        return text


def _from_keyring(name: str) -> str | None:
    try:
        import keyring
    except ImportError as exc:
        raise InputError(f"'keyring:{name}' needs the package keyring", hint="pip install keyring") from exc
    try:
        password: str | None = keyring.get_password(_KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as exc:
        raise InputError(f"the keyring gives no {name!r}: {exc}", hint="use 'env:NAME' in place of it") from exc
    return password
