"""Live progress on a terminal: a line for each answer that is awaited, redrawn in place on standard error."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import attrs

from codeconductor.cli import console
from codeconductor.cli.plain import decided, ended
from codeconductor.events import (
    Answered,
    Arriving,
    Asked,
    Decided,
    Event,
    Loaded,
    Retrying,
    RunStarted,
    Stepped,
    Warned,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from codeconductor.dispatch import Answer
    from codeconductor.session import Session


_AROUND = 3
"""Lines of a terminal beside those of the answers: the status, how many more there are, and the cursor's."""


@attrs.define
class _Row:
    """One awaited answer as it is shown."""

    state: str = "waiting"
    since: float | None = None
    detail: str = ""
    style: str = "dim"


class LiveProgress:
    """A table that lives while the context lasts, and leaves a line for each answer behind."""

    def __init__(self, session: Session) -> None:
        from rich.console import Console
        from rich.live import Live

        self._session = session
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._rows: dict[tuple[str, int], _Row] = {}
        self._status = "Looking for models"
        self._live = Live(
            get_renderable=self._table,
            console=self._console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._session.events.subscribe(self._take)
        self._live.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        with suppress(OSError):  # the terminal has been closed
            self._live.stop()

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted(run):
                self._status = f"Asking {len(run.models)} model{'s' if len(run.models) > 1 else ''}"
            case Asked(model, sample, loading):
                state = "loading" if loading else "reading"
                self._rows[model.id, sample] = _Row(state=state, since=time.monotonic(), style="yellow")
            case Loaded(model):
                for (name, _), row in self._rows.items():
                    if name == model.id and row.state == "loading":
                        row.state, row.detail = "waiting", "loaded"
            case Retrying(model, sample, seconds):
                row = self._rows[model.id, sample]
                row.state, row.detail = "waiting", f"the server is busy: asked again in {seconds:.1f} s"
            case Arriving(model, sample, text, reasoning):
                row = self._rows[model.id, sample]
                row.state = "writing" if text else "thinking"
                row.detail = f"{text or reasoning} characters"
                row.style = "cyan"
            case Answered(answer):
                self._end(answer)
            case Decided(consensus):
                self._leave(decided(consensus), "bold")
            case Stepped(message):
                self._live.stop()  # a build goes on by itself, and may ask a person
                self._leave(message[:1].upper() + message[1:], "bold")
            case Warned(message):
                self._leave(f"Warning: {message}", "yellow")

    def _end(self, answer: Answer) -> None:
        self._rows.pop((answer.model.id, answer.sample), None)
        failed = answer.error is not None
        sign = "✗" if failed else "✓"
        text = f"{sign} {answer.model.id} #{answer.sample + 1}  {ended(answer)}"
        self._leave(text, "red" if failed else "green")

    def _leave(self, text: str, style: str) -> None:
        """A line above the table that stays; styled by itself, as the console's style would colour the table too."""
        from rich.text import Text

        self._console.print(Text(console.visible(text), style=style))

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        rows = tuple(self._rows.items())
        room = max(1, self._console.height - _AROUND)
        for (model, sample), row in rows[:room]:  # the others cost time to draw, and would be cut off
            seconds = time.monotonic() - row.since if row.since is not None else 0.0
            table.add_row(
                Text(f"  {model} #{sample + 1}"),
                Text(row.state, style=row.style),
                Text(f"{seconds:.1f} s"),
                Text(row.detail, style="dim"),
            )
        more = [Text(f"  and {len(rows) - room} more", style="dim")] if len(rows) > room else []
        return Group(Spinner("dots", text=self._status), table, *more)
