"""Asks the model that won the consensus, then the others, until one writes something that can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from codeconductor import Failure, Message, Written, frozen

from codeconductor_coder_local._edits import Refused, edits
from codeconductor_coder_local._files import listing, place_for
from codeconductor_coder_local._settings import LocalSettings

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import Assignment, Model, Session

_SYSTEM = """\
You are an experienced software engineer who edits the files of a folder. Reply with every file that you create or
change, complete from its first line to its last: its path alone on a line, then its whole content in a fenced block.

path/to/file.py
```python
the whole file
```

Leave nothing out, and write no "rest unchanged". Write no files that stay as they are, and no other text."""

_BLOCKS = """

For a file of more than {lines} lines you may write, in place of the whole file, blocks of this form below its path:
<<<<<<< SEARCH
lines exactly as they are in the file now
=======
the lines that take their place
>>>>>>> REPLACE"""

_MOST_MODELS = 3
"""Models that are asked in one round, each of them twice at most."""


@frozen
class LocalCoder:
    """The coder ``local``."""

    settings: LocalSettings = attrs.field(factory=LocalSettings)
    name: str = "local"

    def found(self) -> str:
        """Where it writes: nowhere but here."""
        return "the models of the run; nothing leaves this machine but to hosts that you configured"

    async def write(self, _session: Session, assignment: Assignment) -> Written:
        """Write what a model replies into the folder."""
        models = _in_order(assignment)
        if not models:
            return Written(error=Failure(kind="no_model", message="no model of the run is in reach any more"))
        troubles: list[str] = []
        said = ""
        for model in models[:_MOST_MODELS]:
            messages = self._messages(assignment)
            for _ in range(2):
                answer = await assignment.bench.ask(model, messages)
                said = answer.text
                if not answer.is_usable:
                    why = answer.error.message if answer.error else "an empty reply"
                    troubles.append(f"{model.id}: {why}")
                    break
                try:
                    changed = _apply(assignment, answer.text, answer.finish_reason)
                except Refused as exc:
                    troubles.append(f"{model.id}: {exc}")
                    complaint = f"That cannot be used: {exc}. Reply again, in the form that was asked for."
                    messages = [*messages, Message("assistant", answer.text), Message("user", complaint)]
                    continue
                return Written(output=said, model=model.id, warnings=tuple(changed.warnings))
        return Written(
            error=Failure(
                kind="unusable",
                message=f"no model wrote files that can be used ({'; '.join(dict.fromkeys(troubles))})",
                hint="take a larger model with --model, or another --coder",
            ),
            output=said,
        )

    def _messages(self, assignment: Assignment) -> list[Message]:
        listed = listing(assignment.folder, self.settings.tokens)
        system = _SYSTEM
        if listed.longest > self.settings.whole_file:
            system += _BLOCKS.replace("{lines}", str(self.settings.whole_file))
        user = f"{assignment.prompt}\n\n{listed.text}" if listed.text else assignment.prompt
        return [Message("system", system), Message("user", user)]


@attrs.define
class _Changed:
    warnings: list[str] = attrs.field(factory=list)


def _apply(assignment: Assignment, text: str, finish_reason: str | None) -> _Changed:
    """Write the files of a reply; nothing is written where one of them cannot be used."""
    folder = assignment.folder

    def place(language: str | None) -> str | None:
        return place_for(folder, language, assignment.prompt)

    wanted, refused = edits(folder, text, place=place, is_cut=finish_reason == "length")
    if not wanted:
        raise Refused(refused[0] if refused else "it names no file")
    for path, content in wanted.items():
        _put(folder / path, content)
    return _Changed([f"the model's file {why}" for why in refused])


def _put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as stream:
        stream.write(content)


def _in_order(assignment: Assignment) -> list[Model]:
    """The winner first, then the others as the run asked them."""
    return sorted(assignment.bench.models, key=lambda model: model.id != assignment.preferred)
