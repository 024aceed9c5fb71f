"""Opens a build, new or interrupted: what can be refused is refused here, before any model is asked."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from codeconductor.errors import ConflictError, InputError
from codeconductor.handover import check_coder, largest_copy, recover
from codeconductor.pipeline.building.job import Job
from codeconductor.pipeline.building.values import Build, Plan
from codeconductor.pipeline.building.workshop import FOLDER, Workshop, find, sweep
from codeconductor.settings import data_folder
from codeconductor.verification import check_sandbox
from codeconductor.verification.laying import places_of

if TYPE_CHECKING:
    from codeconductor.handover import Coder
    from codeconductor.session import Session


def opened(session: Session, plan: Plan, *, yes: bool) -> Job:
    """A new build, its folder copied.

    Raises:
        InputError: The coder, the folder or a test does not exist, the folder cannot be written or is too large, no
            sandbox is strong enough, or what a killed build left half done in the folder cannot be taken back.
    """
    _check(session, plan)
    sweep(data_folder())
    for note in _taken_back(Path(plan.folder)):
        session.warn(note)
    build = Build(plan=plan)
    shop = Workshop(data_folder() / FOLDER / build.id, Path(plan.folder))
    try:
        shop.open(session)
        inside = shop.keep_tests(plan.tests, most=largest_copy(session))
        shop.save(build, inside)
    except InputError:
        shop.discard()
        raise
    return Job(session, build, shop, inside, yes=yes)


def resumed(session: Session, name: str, *, yes: bool) -> Job:
    """An interrupted build, where it was: a coder that was interrupted begins its round again.

    Raises:
        InputError: There is none of that name, what it needs is gone, or what a killed build left half done in the
            folder cannot be taken back.
    """
    shop, build, inside = find(data_folder(), name)
    shop.take()
    sweep(data_folder())
    _check(session, attrs.evolve(build.plan, tests=()))
    notes = _taken_back(shop.folder)
    if build.phase in ("agreeing", "testing", "writing"):
        shop.fresh_work(shop.trial if build.rounds and shop.trial.is_dir() else shop.start)
    for warning in (*build.warnings, *notes):
        session.warn(warning)
    is_approved = build.phase in ("verifying", "applying")
    if is_approved and shop.tested().sha256 != build.rounds[-1].approval.approved_sha256:
        session.warn("what is there is not what was approved any more: it is asked about again")
        build = attrs.evolve(build, phase="approving")
    return Job(session, build, shop, inside, yes=yes)


def discarded(name: str) -> tuple[str, tuple[str, ...]]:
    """Remove the copies of an interrupted build, which can then not be resumed. Its diffs stay.

    Returns:
        Its id, and a line for each change of its folder that was half done and is taken back.

    Raises:
        InputError: There is none of that name, it goes on in another process, or what it left half done in its folder
            cannot be taken back.
    """
    shop, build, _ = find(data_folder(), name)
    shop.take()
    notes = _taken_back(shop.folder)
    shop.close()
    return build.id, notes


def _check(session: Session, plan: Plan) -> None:
    coder = check_coder(session, plan.coder)
    folder = Path(plan.folder)
    if not os.path.isdir(folder):  # noqa: PTH112 - one above that may not be searched is no reason to fail
        raise InputError(f"{plan.folder!r} is no folder", hint="give the project's folder with --in")
    if plan.apply == "auto" and not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"{plan.folder!r} cannot be written", hint="make it writable, or take the diff alone with --apply never"
        )
    places_of(map(Path, plan.tests), folder)
    check_sandbox(session)
    _tell_once(session, plan.coder, coder)


def _taken_back(folder: Path) -> tuple[str, ...]:
    """What a killed build was changing in the folder, which is then as it was before."""
    try:
        return recover(folder)
    except ConflictError as exc:
        raise InputError(exc.message, hint=exc.hint) from exc


def _tell_once(session: Session, name: str, coder: Coder) -> None:
    """Before its first use on this machine: to whom a coder sends prompts and files."""
    sends = getattr(coder, "sends", None)
    if not sends:
        return
    told = data_folder() / "told" / name.replace("/", "_")
    if told.exists():
        return
    session.warn(f"the coder {name!r} sends prompts and files to {sends}: code leaves this machine")
    with suppress(OSError):  # then it is said again
        told.parent.mkdir(parents=True, exist_ok=True)
        told.touch()
