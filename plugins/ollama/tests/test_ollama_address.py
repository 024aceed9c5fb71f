"""OLLAMA_HOST is understood as Ollama's own client understands it."""

from __future__ import annotations

import pytest
from codeconductor import InputError
from codeconductor_ollama.address import address_of


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        (' "example.com" ', "http://example.com:11434"),
        ("'1.2.3.4'", "http://1.2.3.4:11434"),
        ("example.com", "http://example.com:11434"),
        ("example.com:1234", "http://example.com:1234"),
        ("example.com:", "http://example.com:11434"),
        (":1234", "http://127.0.0.1:1234"),
        (":0", "http://127.0.0.1:0"),
        ("example.com:0", "http://example.com:0"),
        ("example.com:65536", "http://example.com:11434"),
        ("example.com:-1", "http://example.com:11434"),
        ("example.com:port", "http://example.com:11434"),
        ("http://example.com:port", "http://example.com:80"),
        ("https://example.com:99999", "https://example.com:443"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        ("::1:1234", "http://[::1:1234]:11434"),
        ("[::]", "http://[::1]:11434"),
        ("::", "http://[::1]:11434"),
        ("[::]:1234", "http://[::1]:1234"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("http://example.com:1234", "http://example.com:1234"),
        ("http://[::1]", "http://[::1]:80"),
        ("example.com/path", "http://example.com:11434/path"),
        ("https://example.com/ollama", "https://example.com:443/ollama"),
        ("https://example.com/a b/c?d", "https://example.com:443/a%20b/c%3Fd"),
        ("example.com/", "http://example.com:11434"),
        ("http://example.com:1/", "http://example.com:1"),
        ("http://", "http://127.0.0.1:80"),
        ("ollama.com", "https://ollama.com:443"),
        ("ollama.com:1234", "http://ollama.com:1234"),
    ],
)
def test_every_form_of_the_variable_gives_the_address_to_connect_to(value: str, address: str) -> None:
    """The table of forms that Ollama documents and tests; where to listen becomes where to connect."""
    assert address_of(value) == address


@pytest.mark.parametrize("value", ["user:pw@example.com", "http://user:pw@example.com:1234", "user@example.com/path"])
def test_a_password_is_refused_and_not_repeated(value: str) -> None:
    """Ollama reads such a value as another host, and a message would show the password."""
    with pytest.raises(InputError, match="OLLAMA_HOST") as caught:
        address_of(value)
    assert "pw" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("value", ["ftp://example.com", "unix:///run/ollama.sock", "HTTP://example.com"])
def test_a_scheme_that_is_not_spoken_is_refused(value: str) -> None:
    """The message names the scheme, and the hint tells the form."""
    with pytest.raises(InputError, match="scheme") as caught:
        address_of(value)
    assert caught.value.hint is not None
    assert "https://" in caught.value.hint


@pytest.mark.parametrize("value", ["two words", "a:b:c", "http://#/", "a\tb:1"])
def test_what_can_be_no_host_is_refused(value: str) -> None:
    """A typing error is told at once, and not as a host that cannot be reached."""
    with pytest.raises(InputError, match="no host name"):
        address_of(value)
