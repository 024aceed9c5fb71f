"""What is handed over: a draft of changes, who writes one, and a person's yes or no to it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from codeconductor.consensus import Bench
    from codeconductor.dispatch import Failure
    from codeconductor.session import Session
    from codeconductor.task import Task

Mode = Literal["100644", "100755", "120000"]
"""As git writes it: a file, a file that can be run, a symbolic link (its content is where it leads)."""

Action = Literal["created", "changed", "deleted"]

Decision = Literal["approved", "rejected", "not_asked"]


@frozen(kw_only=True)
class FileState:
    """What a file is at one moment."""

    mode: Mode = "100644"
    content: bytes = attrs.field(repr=False)


@frozen(kw_only=True)
class FileChange:
    """One changed file.

    Attributes:
        path: Relative to the folder, with forward slashes.
        before: As it was at the start; None: there was none.
        after: As it is to be; None: it is deleted.
    """

    path: str
    before: FileState | None
    after: FileState | None

    @property
    def action(self) -> Action:
        """What happens to the file."""
        if self.before is None:
            return "created"
        return "changed" if self.after is not None else "deleted"


def _changes(changes: Iterable[FileChange]) -> tuple[FileChange, ...]:
    return tuple(sorted(changes, key=lambda change: change.path))


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@frozen(kw_only=True)
class Draft:
    """Changes to a folder as it was at the start, made by a coder and measured by us.

    Attributes:
        changes: By path.
        diff: All of them as `git apply` takes them; empty where there are none.
        warnings: What was left out, and why.
    """

    changes: tuple[FileChange, ...] = attrs.field(default=(), converter=_changes)
    diff: str = attrs.field(default="", repr=False)
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)

    @property
    def sha256(self) -> str:
        """Of the diff, in hexadecimal digits: what a person's yes is bound to."""
        return hashlib.sha256(self.diff.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the changed files."""
        return tuple(change.path for change in self.changes)


@frozen(kw_only=True)
class Concern:
    """Something in a draft that deserves a second look.

    Attributes:
        kind: ``"tests"``, ``"test configuration"``, ``"dependencies"``, ``"hooks"``, ``"CI"``, ``"configuration"`` or
            ``"runs at import"``.
        path: Of the file.
        detail: In a few words; empty where the kind says it all.
    """

    kind: str
    path: str
    detail: str = ""


@frozen(kw_only=True)
class Assignment:
    """What a coder is to do.

    Attributes:
        prompt: The whole of it, with what came of the rounds before.
        folder: A copy of the user's folder, to be changed in place.
        round: 1, 2 …
        task: What the user wants.
        bench: To ask models again, by `bench.ask`.
        preferred: Id of the model whose answer won the consensus; None: none did.
    """

    prompt: str
    folder: Path
    round: int
    task: Task
    bench: Bench
    preferred: str | None = None


@frozen(kw_only=True)
class Written:
    """How a coder ended; what it has achieved is measured by us.

    Attributes:
        error: Why it failed; None: it says that it did not.
        output: What it said, cut.
        model: Id of the model that wrote, where the coder knows.
        warnings: What a person should know.
    """

    error: Failure | None = None
    output: str = attrs.field(default="", repr=False)
    model: str | None = None
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)


@runtime_checkable
class Coder(Protocol):
    """Writes code from a prompt; ``--coder`` finds it by its name.

    It may also have ``sends``, a text that says to whom prompts and files go where they leave this machine;
    ``found()``, what `conductor doctor` says of it, None where it cannot be used here; ``remedy``, what to do then; and
    ``waits = True``: it asks the person at the terminal, and cannot be used without one.
    """

    @property
    def name(self) -> str:
        """What `--coder` finds it by."""
        ...

    async def write(self, session: Session, assignment: Assignment) -> Written:
        """Change the files in `assignment.folder`; it is cancelled when the user interrupts."""
        ...


@frozen(kw_only=True)
class Approval:
    """What was decided about a draft.

    Attributes:
        decision: ``"not_asked"``: nobody was there to be asked.
        by: ``"terminal"``, ``"--yes"``, ``"mcp"`` …; None: nobody.
        edited: Whether the person has changed the draft before the yes.
        reason: In the person's words, or why nobody was asked.
        paths: The files that the yes is for; None: all of them.
        named: Files that configure tests, or are tests, which were approved by their names.
        sha256: Of the diff that was shown last: all of it, or that of `paths` alone.
        approved_sha256: Of the diff that the yes lets be tested and applied: what was shown, less what does not count.
            Filled in by core; None: nothing may be.
    """

    decision: Decision
    by: str | None = None
    edited: bool = False
    reason: str | None = None
    paths: frozenset[str] | None = None
    named: frozenset[str] = frozenset()
    sha256: str | None = None
    approved_sha256: str | None = None


@frozen(kw_only=True)
class ApprovalRequest:
    """What a person is asked to approve, before anything of it is run.

    Attributes:
        build: Id of the build.
        round: 0 for the tests that models propose, then 1, 2 …
        what: ``"code"`` or ``"tests"``.
        coder: Who wrote it.
        draft: The changes.
        concerns: What deserves a second look.
        guarded: Files whose changes count only when they are approved by their names.
        prompt: What the coder was given.
        consensus: As in ``conductor.run/1``; None: there is none.
        folder: The copy with the changes: they may be edited there.
        redraft: Measures the changes again after that.
    """

    build: str
    round: int
    coder: str
    draft: Draft
    folder: Path
    redraft: Callable[[], Draft]
    what: Literal["code", "tests"] = "code"
    concerns: tuple[Concern, ...] = ()
    guarded: tuple[str, ...] = ()
    prompt: str = ""
    consensus: Mapping[str, Any] | None = None
