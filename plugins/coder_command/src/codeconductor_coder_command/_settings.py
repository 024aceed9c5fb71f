"""The settings of an agent, and those that are ready for agents that many people have."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from codeconductor import frozen, setting

TABLE = "coders"


def _some(_instance: object, _attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value or not value[0]:
        raise ValueError("expected a program and its arguments, got an empty list")


def _positive(_instance: object, _attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"expected a timeout above 0, got {value!r}")


@frozen(kw_only=True)
class CommandSettings:
    """`[coders.command.NAME]`: a program that writes code."""

    argv: tuple[str, ...] = setting(
        attrs.NOTHING,
        help="program and arguments, no shell; {prompt_file}, {prompt} and {folder} are filled in",
        validator=_some,
        needs_trust=True,
    )
    stdin: Literal["none", "prompt"] = setting("none", help="what is given on standard input")
    timeout: float = setting(600.0, help="seconds that it may take", validator=_positive)
    environment: tuple[str, ...] = setting(
        (), help="names of variables that are passed on, beside PATH, HOME, LANG and TERM", needs_trust=True
    )


@frozen(kw_only=True)
class CodersSettings:
    """`[coders]`: who can write code, beside local models."""

    command: dict[str, CommandSettings] = setting(
        attrs.Factory(dict), help="programs by their names", needs_trust=True, by_name=True
    )


@frozen(kw_only=True)
class Known:
    """An agent that many people have.

    Attributes:
        settings: How it is called.
        sends: Where prompts and files go.
        remedy: How it is installed.
    """

    settings: CommandSettings
    sends: str
    remedy: str


def _known(
    argv: list[str], environment: list[str], sends: str, remedy: str, stdin: Literal["none", "prompt"] = "prompt"
) -> Known:
    settings = CommandSettings(argv=tuple(argv), stdin=stdin, environment=tuple(environment), timeout=900.0)
    return Known(settings=settings, sends=sends, remedy=remedy)


KNOWN = {
    "cursor-agent": _known(
        [
            "cursor-agent", "-p", "--trust", "--force", "--output-format", "stream-json", "--workspace", "{folder}",
            "Follow the instructions in the file {prompt_file}",
        ],
        ["CURSOR_API_KEY", "CURSOR_CONFIG_DIR"],
        "Cursor's servers",
        "install Cursor's command line, as cursor.com/cli says",
        "none",
    ),
    "aider": _known(
        [
            "aider", "--message-file", "{prompt_file}", "--yes-always", "--no-auto-commits", "--no-dirty-commits",
            "--no-check-update", "--analytics-disable", "--no-pretty", "--no-stream", "--no-gitignore", "--no-git",
            "--no-show-model-warnings",
        ],
        ["AIDER_MODEL", "OPENAI_API_BASE", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OLLAMA_API_BASE"],
        "the server of the model that aider is set up with",
        "pip install aider-chat",
        "none",
    ),
    "claude": _known(
        ["claude", "-p", "--output-format", "json", "--permission-mode", "acceptEdits"],
        ["ANTHROPIC_API_KEY", "CLAUDE_CONFIG_DIR"],
        "Anthropic's servers",
        "install Claude Code",
    ),
    "codex": _known(
        [
            "codex", "exec", "--json", "-s", "workspace-write", "--ephemeral", "--skip-git-repo-check",
            "-C", "{folder}", "-",
        ],
        ["OPENAI_API_KEY", "CODEX_HOME"],
        "OpenAI's servers, unless codex is set up with a local model",
        "install the Codex command line",
    ),
    "gemini": _known(
        ["gemini", "--skip-trust", "--approval-mode", "auto_edit", "-o", "json", "-p", ""],
        ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"],
        "Google's servers",
        "install the Gemini command line",
    ),
    "opencode": _known(
        ["opencode", "run", "--format", "json", "--auto"],
        ["OPENCODE_CONFIG", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
        "the server of the model that opencode is set up with",
        "install opencode",
    ),
}  # fmt: skip
"""Ready settings by the agent's name; a table of the user's with that name takes its place."""
