"""Options that commands share, and how they become settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from codeconductor.cli.console import Verbosity

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def samples(text: str) -> int | str:
    """A whole number, or `auto`."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a whole number nor 'auto'") from None


def not_empty(_ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse an empty path or name, such as a shell makes of a variable that is not set."""
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("it is empty", param=parameter)
    return value


# `meta` is what a command and the group that it belongs to share: an option counts before and after the command's name


def _quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    Verbosity.quiet = ctx.meta[f"{__name__}.quiet"] = value or ctx.meta.get(f"{__name__}.quiet", False)
    return value


def _verbose(ctx: click.Context, _param: click.Parameter, value: int) -> int:
    Verbosity.verbose = ctx.meta[f"{__name__}.verbose"] = value or ctx.meta.get(f"{__name__}.verbose", 0)
    return value


def _log_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    path: str | None = value if value is not None else ctx.meta.get(f"{__name__}.log_file")
    ctx.meta[f"{__name__}.log_file"] = path
    return path


def common_options(function: F) -> F:
    """`-q`, `-v` and `--log-file`: every command has them."""
    for decorator in (
        click.option(
            "--log-file",
            metavar="FILE",
            callback=_log_file,
            help="Write what happens as JSON lines; no key is in it.",
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            is_eager=True,
            expose_value=False,
            callback=_verbose,
            help="Say more: decisions; twice: requests and tracebacks.",
        ),
        click.option(
            "-q",
            "--quiet",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_quiet,
            help="Nothing on standard error but errors.",
        ),
    ):
        function = decorator(function)
    return function


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


KINDS = ["auto", "function", "class", "api", "test", "bugfix", "refactor", "question"]

_RUN_OPTIONS = (
    click.option("-s", "--strategy", metavar="NAME", help="How to decide: auto, majority, weighted, best, …"),
    click.option("-m", "--model", "models", metavar="GLOB", multiple=True, help="Ask only models that match."),
    click.option("--provider", "providers", metavar="NAME", multiple=True, help="Ask only this provider's models."),
    click.option(
        "-n",
        "--samples",
        type=samples,
        metavar="N|auto",
        help="Answers per model, at most 1000; auto: 1, or 5 of one model.",
    ),
    click.option("--timeout", type=float, metavar="SECONDS", help="Per model, while it generates; default 30."),
    click.option("--load-timeout", type=float, metavar="SECONDS", help="Extra, while a model loads; default 120."),
    click.option("--quorum", type=int, metavar="N", help="Stop waiting once N answers are in."),
    click.option("--min-confidence", type=float, metavar="P", help="Exit 5 when the consensus reaches less."),
    click.option("-k", "--kind", type=click.Choice(KINDS), help="What is wanted; auto: told from the words."),
    click.option("-l", "--language", metavar="NAME", help="Programming language."),
    click.option(
        "-c",
        "--context",
        metavar="PATH",
        multiple=True,
        help="File or folder for the models to read; - is stdin.",
    ),
    click.option("-t", "--template", metavar="NAME|PATH", help="Prompt template."),
    click.option("-r", "--renderer", metavar="NAME", help="Prompt renderer; default jinja."),
    click.option("--max-tokens-prompt", type=int, metavar="N", help="Longest prompt; default 16000."),
    click.option("--temperature", type=float, metavar="T", help="Sampling temperature."),
    click.option(
        "--seed", type=int, metavar="N", help="First seed, to repeat a run as far as servers can; at most 2000000000."
    ),
    click.option("-o", "--output", metavar="FILE", help="Write the result to a file."),
    click.option("--json", "as_json", is_flag=True, help="Print the whole run as one JSON document."),
    click.option("--no-history", is_flag=True, help="Record nothing."),
    click.option("--no-execute", is_flag=True, help="Run no candidate to compare them."),
)


def run_options(function: F) -> F:
    """Every option of `run`, which `build` has too."""
    for decorator in reversed(_RUN_OPTIONS):
        function = decorator(function)
    return function


def run_overrides(options: dict[str, Any]) -> dict[str, dict[str, object]]:
    """The settings tables that the options of `run` say; what was not given is not in them."""
    run = {
        name: options[name]
        for name in (
            "strategy", "models", "providers", "samples", "timeout", "load_timeout", "quorum", "min_confidence", "kind",
            "language", "template", "renderer", "max_tokens_prompt", "temperature", "seed",
        )
        if options.get(name) not in (None, ())
    }  # fmt: skip
    overrides: dict[str, dict[str, object]] = {"run": run}
    if options.get("no_execute"):
        run["execute"] = False
    if options.get("no_history"):
        overrides["history"] = {"enabled": False}
    return overrides
