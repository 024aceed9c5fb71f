"""`build`: consensus ─▶ prompt ─▶ coder ─▶ diff ─▶ approval ─▶ tests ─▶ feedback, round after round until green."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.errors import InputError
from codeconductor.pipeline.building.opening import opened, resumed

if TYPE_CHECKING:
    from codeconductor.pipeline.building.job import Job
    from codeconductor.pipeline.building.values import Build, Plan
    from codeconductor.session import Session


async def build(session: Session, plan: Plan, *, yes: bool = False) -> Build:
    """Have code written, approved and tested, until its tests pass or the rounds are used up.

    A coder writes into a copy of the plan's folder. Nothing that it wrote is run before a person approved it, and the
    folder itself is changed only when the tests are green. What ends a build is its `outcome`.

    Args:
        session: Settings, plugins and clients.
        plan: What is wanted.
        yes: Approve every draft without asking, but for what can decide whether tests pass.

    Raises:
        InputError: A name, a path or the folder is wrong, or no sandbox is strong enough; nothing was asked.
    """
    return await _loop(opened(session, plan, yes=yes))


async def resume(session: Session, name: str, *, yes: bool = False) -> Build:
    """Go on with a build that was interrupted, where it was; arguments and errors are as for `build`."""
    return await _loop(resumed(session, name, yes=yes))


async def _loop(job: Job) -> Build:
    try:
        await job.agree()
    except InputError:  # the command line is wrong: nothing was asked, and there is nothing to resume
        job.discard()
        raise
    await job.propose_tests()
    while not job.is_over:
        await job.write()
        await job.approve()
        await job.verify()
        job.apply()
    job.close()
    return job.build
