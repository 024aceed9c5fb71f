"""`conductor show`: one past run: its prompt, the answers, on a terminal side by side, and what they agreed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options, json_option

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@click.command("show")
@click.argument("run")
@json_option
@common_options
def command(run: str, as_json: bool, log_file: str | None) -> None:
    """Show one past run.

    RUN is an id, a unique beginning of one, or `last`.
    """
    from codeconductor.cli import console
    from codeconductor.cli.logs import log, logging_to
    from codeconductor.history import load_document
    from codeconductor.settings import data_folder

    with logging_to(None, log_file):
        document = load_document(data_folder(), run)
        log.info("run %s read from %s", document["id"], data_folder())
    if as_json:
        console.result(console.document(document))
        return
    terminal = console.tables()
    if document["schema"] == "conductor.build/1":
        from codeconductor.cli.story import story

        parts = [*(_parts(document["run"], terminal) if document["run"] else ()), *story(document)]
    else:
        parts = _parts(document, terminal)
    for part in parts:
        terminal.print(part)


def _parts(document: dict[str, Any], terminal: Console) -> list[RenderableType]:
    from rich.text import Text

    seconds = f", {document['seconds']:.1f} s" if document["seconds"] is not None else ""
    parts: list[RenderableType] = [
        Text(f"Run {document['id']}, {document['started'][:19].replace('T', ' ')} UTC{seconds}", style="bold"),
        Text(_shown(f"Task ({document['task']['kind']}): {document['task']['text']}")),
    ]
    parts += [Text(f"Warning: {_shown(warning)}", style="yellow") for warning in document["warnings"]]
    parts += [_heading("Answers", terminal), *_answers(document, terminal)]
    if document["consensus"] is not None:
        parts += [_heading("Agreement", terminal), *_agreement(document["consensus"])]
    if document["prompt"] is not None:
        prompt = document["prompt"]
        title = f"Prompt (~{prompt['tokens']} tokens, template {prompt['template'] or 'none'})"
        parts += [_heading(title, terminal), Text(_shown(prompt["text"]))]
    return parts


def _shown(text: str) -> str:
    from codeconductor.cli.console import visible

    return visible(text)


def _heading(title: str, terminal: Console) -> RenderableType:
    from rich.rule import Rule
    from rich.text import Text

    return Rule(title, align="left") if terminal.is_terminal else Text(f"\n{title} ──")


def _answers(document: dict[str, Any], terminal: Console) -> list[RenderableType]:
    """Side by side as far as a terminal's width allows, elsewhere one below the other; the chosen one marked."""
    from rich.columns import Columns
    from rich.panel import Panel
    from rich.text import Text

    choice = (document["consensus"] or {}).get("choice")
    panels: list[Panel] = []
    below: list[RenderableType] = []
    for answer in document["answers"]:
        chosen = choice == {"model": answer["model"], "sample": answer["sample"]}
        seconds = f"{answer['seconds']:.1f} s" if answer["seconds"] is not None else ""
        body = answer["text"].strip()
        if answer["error"] is not None:
            body = f"{answer['error']['kind']}: {answer['error']['message']}\n{body}".strip()
        title = f"{'★ ' if chosen else ''}{answer['model']} #{answer['sample'] + 1}  {seconds}"
        style = "red" if answer["error"] else "green" if chosen else "dim"
        panels.append(Panel(Text(_shown(body)), title=_shown(title), title_align="left", border_style=style))
        below += [Text(f"\n{_shown(title).rstrip()}"), Text(_shown(body))]
    if not panels:
        return [Text("none")]
    if not terminal.is_terminal:
        return below
    across = max(1, min(len(panels), terminal.width // 60))
    return [Columns(panels, width=terminal.width // across - 1, expand=False)]


def _agreement(consensus: dict[str, Any]) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    number = "confidence" if consensus["calibrated"] else "agreement"
    parts: list[RenderableType] = [
        Text(_shown(f"{consensus['strategy']}: {number} {consensus['confidence']:.2f}. {consensus['explanation']}"))
    ]
    if consensus["fields"]:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("field", "support", "value", "models"):
            table.add_column(column, overflow="fold")
        for field in consensus["fields"]:
            backers = ", ".join(field["models"])
            table.add_row(field["name"], f"{field['support']:.2f}", _shown(_brief(field["value"])), _shown(backers))
        parts.append(table)
    for disagreement in consensus["disagreements"]:
        parts.append(Text(f"Open: {_shown(disagreement['field'])}", style="yellow"))
        parts += [
            Text(_shown(f"  {option['support']:.2f}  {_brief(option['value'])}  ({', '.join(option['models'])})"))
            for option in disagreement["options"]
        ]
    if consensus["witness"]:
        witness = consensus["witness"]
        parts.append(Text(f"They differ: {_shown(_brief(witness['input']))}", style="yellow"))
        parts += [Text(_shown(f"  {_brief(it['result'])}  ({_backers(it)})")) for it in witness["options"]]
    return parts


def _backers(option: dict[str, Any]) -> str:
    """The models behind what some code returned, and the number of their answers where each has several."""
    count = option.get("answers", 0)
    named = ", ".join(option["models"])
    return f"{count} answers of {named}" if count > len(option["models"]) else named


def _brief(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, dict) and "text" in item for item in value):  # code blocks
        value = "; ".join(f"{item.get('path') or item.get('language') or 'code'}: {item['text']}" for item in value)
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else text[:199] + "…"
