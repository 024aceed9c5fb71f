"""An agent on the command line: its program is run in the copy, in a process group and with a time limit of its own."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from codeconductor import Failure, Written, frozen, scratch_folder

from codeconductor_coder_command._process import Ended, run
from codeconductor_coder_command._settings import KNOWN, TABLE, CodersSettings, CommandSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Assignment, Session

PASSED_ON = ("PATH", "HOME", "LANG", "TERM")
"""Variables that every agent gets."""

_FIELDS = re.compile(r"\{(prompt_file|prompt|folder)\}")


@frozen(kw_only=True)
class CommandCoder:
    """A coder as the settings describe it.

    Attributes:
        name: What `--coder` finds it by.
        settings: How it is called.
        sends: Where prompts and files go, where that is known to leave this machine.
        remedy: What to do where its program is missing; None: the user has named it, and is told when it runs.
    """

    name: str
    settings: CommandSettings
    sends: str | None = None
    remedy: str | None = None

    def found(self) -> str | None:
        """Where the program is; None: it is not installed, and nobody but us has named it."""
        program = self.settings.argv[0]
        place = shutil.which(program)
        if place is None and self.remedy is None:
            return f"{program} (not found)"
        return place

    async def write(self, _session: Session, assignment: Assignment) -> Written:
        """Run the program to its end."""
        with scratch_folder("prompt") as place:
            prompt_file = place / "prompt.md"
            prompt_file.write_text(assignment.prompt, encoding="utf-8")
            filled = {
                "prompt_file": str(prompt_file),
                "prompt": assignment.prompt,
                "folder": str(assignment.folder),
            }
            # in one pass: what a field holds is not looked at again
            argv = [_FIELDS.sub(lambda match: filled[match[1]], word) for word in self.settings.argv]
            try:
                ended = await run(
                    argv,
                    folder=assignment.folder,
                    environment=self._environment(),
                    given=assignment.prompt.encode("utf-8", "replace") if self.settings.stdin == "prompt" else b"",
                    timeout=self.settings.timeout,
                )
            except (OSError, ValueError) as exc:
                return Written(error=self._unstarted(exc))
        return Written(error=self._failure(ended), output=ended.output)

    def _environment(self) -> dict[str, str]:
        names = dict.fromkeys((*PASSED_ON, *self.settings.environment))
        return {name: os.environ[name] for name in names if name in os.environ}

    def _unstarted(self, exc: OSError | ValueError) -> Failure:
        program = self.settings.argv[0]
        if isinstance(exc, FileNotFoundError):
            return Failure(
                kind="missing",
                message=f"the program {program!r} of the coder {self.name!r} was not found",
                hint=self.remedy or f"install it, or correct argv of [coders.command.{self.name}]",
            )
        said = getattr(exc, "strerror", None) or str(exc)
        hint = "check its permissions, and give long prompts as {prompt_file} and not as {prompt}"
        return Failure(kind="missing", message=f"the program {program!r} cannot be started: {said}", hint=hint)

    def _failure(self, ended: Ended) -> Failure | None:
        if ended.timed_out:
            return Failure(
                kind="timeout",
                message=f"the coder {self.name!r} was ended after {self.settings.timeout:g} s",
                hint=f"give it more time: timeout of [coders.command.{self.name}]",
            )
        if ended.status == 0:
            return None
        how = f"exit status {ended.status}" if ended.status > 0 else f"signal {-ended.status}"
        last = next((line.strip() for line in reversed(ended.output.splitlines()) if line.strip()), "")
        return Failure(
            kind="exit",
            message=f"the coder {self.name!r} ended with {how}" + (f": {last[:200]}" if last else ""),
            hint="`conductor show last` has the end of what it said",
        )


def coders(session: Session) -> Iterator[CommandCoder]:
    """Those of the settings, then the known ones that no settings replace."""
    table = session.settings(TABLE, CodersSettings).command
    for name, settings in table.items():
        known = KNOWN.get(name)
        yield CommandCoder(name=name, settings=settings, sends=known.sends if known else None)
    for name, known in KNOWN.items():
        if name not in table:
            yield CommandCoder(name=name, settings=known.settings, sends=known.sends, remedy=known.remedy)
