"""`conductor config`: each setting with its value and where it comes from, and what `config trust` trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import CommandLine


def test_the_variable_of_another_program_is_named_behind_the_value_it_made(conductor: CommandLine) -> None:
    """A host from `OLLAMA_HOST` is no default, and one of a file is the file's, whatever the variable says."""
    shown = conductor("config", environment={"OLLAMA_HOST": "127.0.0.1:4321"}).stdout
    assert 'hosts = ["http://127.0.0.1:4321"]  # from OLLAMA_HOST\n' in shown
    unset = conductor("config", environment={"OLLAMA_HOST": ""}).stdout
    assert 'hosts = ["http://127.0.0.1:11434"]  # default\n' in unset
    stronger = conductor("config", environment={"CONDUCTOR_PROVIDERS__OLLAMA__HOSTS": "http://127.0.0.1:5"}).stdout
    assert 'hosts = ["http://127.0.0.1:5"]  # from environment\n' in stronger


def test_a_value_is_shown_as_it_is_whatever_it_says(conductor: CommandLine) -> None:
    """Values may have the words in which an unset one is shown."""
    text = "a = unset  # not set; default"
    conductor.write("conductor.toml", f'[prompt]\ntest_command = "{text}"\n')
    shown = conductor("config").stdout
    assert f'test_command = "{text}"  # from ' in shown
    assert "\nquorum  # not set\n" in shown
