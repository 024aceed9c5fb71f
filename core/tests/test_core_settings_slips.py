"""Variables of the environment with a slip in their name are told with the one that was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor import hookimpl, setting

if TYPE_CHECKING:
    from codeconductor.testing import MakeSession


@attrs.frozen
class AcmeSettings:
    voice: str = setting("loud")


class Acme:
    """A provider with settings of its own."""

    @hookimpl
    async def conductor_discover_models(self) -> list[object]:
        return []

    @hookimpl
    def conductor_settings(self) -> tuple[str, type]:
        return "acme", AcmeSettings


def warnings(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, variable: str) -> list[str]:
    monkeypatch.setenv(variable, "3")
    return make_session(acme=Acme()).warnings


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CONDUCTOR_RNU__TIMEOUT", "CONDUCTOR_RUN__TIMEOUT"),
        ("CONDUCTOR_RUN_TIMEOUT", "CONDUCTOR_RUN__TIMEOUT"),
        ("CONDUCTOR_TIMEOUT", "CONDUCTOR_RUN__TIMEOUT"),
        ("CONDUCTOR_SAMPELS", "CONDUCTOR_RUN__SAMPLES"),
        ("CONDUCTOR_RNU__SEED", "CONDUCTOR_RUN__SEED"),
        ("CONDUCTOR_HISTROY__ENABLED", "CONDUCTOR_HISTORY__ENABLED"),
        ("CONDUCTOR_PROVIDERS_ACME_VOICE", "CONDUCTOR_PROVIDERS__ACME__VOICE"),
        ("CONDUCTOR_PROVIDER__ACME__VOICE", "CONDUCTOR_PROVIDERS__ACME__VOICE"),
        ("CONDUCTOR_ACMEE__VOICE", "CONDUCTOR_ACME__VOICE"),
    ],
)
def test_a_slip_in_a_variable_is_warned_about(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    """It must stop nothing, as the environment belongs to others too."""
    assert warnings(make_session, monkeypatch, variable) == [
        f"environment: {variable} is no setting; did you mean {meant}?"
    ]


@pytest.mark.parametrize(
    "variable",
    [
        "CONDUCTOR_HOME",
        "CONDUCTOR_RUN__TIMEOUT",
        "CONDUCTOR_ACME__VOICE",
        "CONDUCTOR_PROVIDERS__ACME__VOICE",
        "CONDUCTOR_SERVER_URL",
        "CONDUCTOR_AUTH_KEY",
        "CONDUCTOR_OLLAMA_KEY",
        "CONDUCTOR_STRANGER__HOSTS",
    ],
)
def test_settings_and_what_other_programs_have_are_passed_over(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Other programs begin their variables alike."""
    assert warnings(make_session, monkeypatch, variable) == []
