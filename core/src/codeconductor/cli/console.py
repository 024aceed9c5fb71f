"""What people read: two-line errors, notices and warnings on standard error; results on standard output."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeconductor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from rich.console import Console


class Verbosity:
    """How much this invocation says on standard error: set by the options that every command has."""

    quiet = False
    verbose = 0


def wants_colour() -> bool:
    """Whether standard error is a terminal that shows colours, and nobody asked for none."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_live() -> bool:
    """Whether progress may move on standard error."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not Verbosity.quiet


def _styled(word: str, colour: str) -> str:
    return click.style(word, fg=colour, bold=True) if wants_colour() else word


def one_line(text: str) -> str:
    """A text in one line, with control characters made visible: it may be a server's."""
    return visible(" ".join(text.split()))


def error(message: str, hint: str | None, exc: BaseException | None = None) -> None:
    """`Error: what happened`, `Hint: what to do`; the traceback before it when asked for by -vv."""
    if exc is not None and Verbosity.verbose >= 2:
        _say("".join(traceback.format_exception(exc)).rstrip())
    _say(f"{_styled('Error:', 'red')} {one_line(message)}")
    if hint:
        _say(f"{_styled('Hint:', 'cyan')} {one_line(hint)}")


def warning(message: str) -> None:
    """Something worth a person's attention that stops nothing."""
    if not Verbosity.quiet:
        _say(f"{_styled('Warning:', 'yellow')} {one_line(message)}")


def notice(message: str) -> None:
    """Progress, as a line of its own."""
    if not Verbosity.quiet:
        _say(one_line(message))


def _say(text: str) -> None:
    try:
        click.echo(text, err=True)
    except OSError:  # the terminal has been closed: there is nobody to tell
        return


def visible(text: str) -> str:
    """Escape sequences and other control characters made visible, not obeyed; ends of lines and tabs stay.

    A carriage return alone is made visible, too: Python, for one, takes it for the end of a line.
    """
    lines = text.replace("\r\n", "\n")
    return "".join(c if c in "\n\t " or c.isprintable() else c.encode("unicode_escape").decode() for c in lines)


_GAP = 2
"""Blanks between two columns of a table."""


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | None]],
    *,
    right: Container[str] = (),
    spare: Container[str] = (),
) -> None:
    """Print a table of which nothing is cut: without a terminal a row is one line, on a narrow one cells are folded.

    Args:
        columns: Their headings; the first column is what people copy, and is folded last.
        rows: Cells, as text without markup.
        right: Columns that are aligned to the right.
        spare: Columns that are shown as far as a terminal has room for them.
    """
    from rich.cells import cell_len
    from rich.table import Table

    terminal = tables()
    cells = [[one_line(cell or "") for cell in row] for row in rows]
    widest = max((len(row[0]) for row in cells), default=0)
    table = Table(box=None, pad_edge=False, header_style="bold")
    used, shown = 0, []
    for number, column in enumerate(columns):
        wide = max(map(cell_len, (column, *(row[number] for row in cells)))) + _GAP
        if column in spare and used + wide - _GAP > terminal.width:
            continue
        used += wide
        shown.append(number)
        is_kept = number == 0 and widest <= terminal.width // 2
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=is_kept)
    for row in cells:
        table.add_row(*(row[number] for number in shown))
    terminal.print(table)


def tables() -> Console:
    """A rich console on standard output for tables and panels; without a terminal plain, and no line is cut."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to whoever ends the command, and do not exit with 1 as rich does."""
            raise BrokenPipeError(errno.EPIPE, "nobody reads the output")

    terminal = sys.stdout.isatty()
    return Output(width=None if terminal else 10_000, soft_wrap=not terminal, highlight=False, markup=False)


def document(data: dict[str, Any]) -> str:
    """One `--json` document as text."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)


def check_output(path: str | None) -> None:
    """That the folder of `-o` exists, before anything is asked.

    Raises:
        InputError: It does not, or the path is a folder, or none that this system can have.
    """
    if path is None:
        return
    file = Path(path)
    try:
        has_folder = file.absolute().parent.is_dir()
        is_folder = file.is_dir()
    except OSError as exc:  # a name that is too long, a folder that must not be looked into
        raise InputError(f"cannot write {path!r}: {exc.strerror}", hint="give another path with -o") from exc
    if not has_folder:
        raise InputError(f"the folder of {path!r} does not exist", hint="make it, or give another path with -o")
    if is_folder:
        raise InputError(f"{path!r} is a folder", hint="give the path of a file with -o")


def result(text: str, path: str | None = None) -> None:
    """Print a result, or write it to the file of `-o`; what cannot be written is printed.

    Raises:
        InputError: The file cannot be written.
    """
    text = text if text.endswith("\n") else text + "\n"
    if path is None:
        shown = visible(text) if sys.stdout.isatty() else text
        sys.stdout.write(shown)
        sys.stdout.flush()
        return
    try:
        Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as exc:
        sys.stdout.write(text)
        raise InputError(
            f"cannot write {path!r}: {exc.strerror}", hint="the result was printed on standard output instead"
        ) from exc
