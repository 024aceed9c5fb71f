"""Asks whether a draft may be run: `--yes`, a plugin, or the person at the terminal; and writes the decision down."""

from __future__ import annotations

import getpass
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

import attrs

from codeconductor.errors import ConductorError
from codeconductor.handover import Approval, ApprovalRequest, Draft, only
from codeconductor.handover.values import Decision
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.pipeline.building.workshop import Workshop
    from codeconductor.session import Session

NOBODY = "no terminal, and no --yes"


@frozen(kw_only=True)
class Decided:
    """A decision, and what it is about.

    Attributes:
        approval: With the hash of `kept`.
        draft: All of the changes, as they were when the decision was made.
        kept: Those that may be tested and applied; None: nothing may.
    """

    approval: Approval
    draft: Draft
    kept: Draft | None


async def ask(
    session: Session,
    shop: Workshop,
    request: ApprovalRequest,
    *,
    yes: bool,
    keep: Callable[[Draft, Draft, Approval], Draft] = lambda part, _all, _approval: part,
) -> Decided:
    """The decision about a draft, written down before anything follows from it.

    A yes counts only for the diff that was shown: its hash is compared with that of what is there now, all of it or the
    part that the yes is for. That diff and the one of what counts are kept, to be compared with the hashes later.

    Args:
        session: Settings and plugins.
        shop: Where it is written down.
        request: What is asked.
        yes: Whether `--yes` was given.
        keep: What counts of the part that was approved; given that part, all of the draft, and the approval.

    Raises:
        ConductorError: The decision cannot be written down.
    """
    approval = _by_flag(request) if yes else await _asked(session, request)
    now = request.draft if approval.decision == "not_asked" else request.redraft()
    part = now if approval.paths is None else only(now, approval.paths)
    shown = next((draft for draft in (part, now) if draft.sha256 == approval.sha256), None)
    if approval.decision == "approved" and shown is None:
        reason = "what was approved is not what is there now"
        approval = attrs.evolve(approval, decision="rejected", reason=reason)
        session.warn(f"the yes of {approval.by} does not count: {reason}")
    kept = keep(part, now, approval) if approval.decision == "approved" else None
    approval = attrs.evolve(approval, approved_sha256=None if kept is None else kept.sha256)
    for name, draft in (("shown", shown), ("kept", kept)):
        if draft is not None:
            shop.save_diff(f"rounds/{request.round}.{name}.diff", draft.diff)
    entry = {
        "time": datetime.now(UTC).isoformat(),
        "build": request.build,
        "round": request.round,
        "what": request.what,
        "decision": approval.decision,
        "by": approval.by,
        "user": _user(),
        "edited": approval.edited,
        "reason": approval.reason,
        "sha256": approval.sha256,
        "approved_sha256": approval.approved_sha256,
        "files": list((part if kept is None else kept).paths),
        "named": sorted(approval.named),
    }
    try:
        shop.note_decision(entry)
    except OSError as exc:
        raise ConductorError(
            f"the decision cannot be written down: {exc.strerror}", hint="free some space; nothing was run"
        ) from exc
    return Decided(approval=approval, draft=now, kept=kept)


def _by_flag(request: ApprovalRequest) -> Approval:
    """`--yes`, which is for everything but what must be approved by its name."""
    return Approval(decision="approved", by="--yes", sha256=request.draft.sha256)


async def _asked(session: Session, request: ApprovalRequest) -> Approval:
    hook = "conductor_approve"
    for plugin, pending in session.plugins.approve(session, request):
        try:
            approval = await pending
        except ConductorError:
            raise
        except Exception as exc:  # noqa: BLE001 - another plugin, or the terminal, is asked then
            session.plugins.blame(plugin, hook, exc)
            continue
        if approval is None:
            continue
        if not isinstance(approval, Approval) or approval.decision not in get_args(Decision):
            session.plugins.blame(plugin, hook, f"gave {approval!r}, no Approval")
            continue
        if approval.decision != "not_asked":
            return approval if approval.by else attrs.evolve(approval, by=plugin)
    return Approval(decision="not_asked", reason=NOBODY)


def _user() -> str | None:
    """The name that the system knows the person by, which proves nothing."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return None
