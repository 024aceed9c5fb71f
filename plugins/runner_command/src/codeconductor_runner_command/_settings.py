"""The settings of the runner `command`."""

from __future__ import annotations

from codeconductor import frozen, setting

TABLE = "runners.command"


@frozen(kw_only=True)
class CommandSettings:
    """`[runners.command]`: a program that runs the tests of a project."""

    argv: tuple[str, ...] = setting(
        (),
        help="the program and its arguments, without a shell; {tests} stands for what --tests names",
        needs_trust=True,
    )
    junit: str | None = setting(
        None, help="the JUnit XML that it writes, relative to the folder, * for any; none: its exit status alone counts"
    )
    readable: tuple[str, ...] = setting((), help="further folders that it may read", needs_trust=True)
    environment: tuple[str, ...] = setting(
        (), help="names of environment variables that are passed on", needs_trust=True
    )
