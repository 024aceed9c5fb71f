"""The steps of a build; each does what is next and nothing where the build is over, so that one can begin anywhere."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.converters import run_document, verification_document
from codeconductor.discovery import discover
from codeconductor.dispatch import Failure, Limits
from codeconductor.errors import ConductorError, ConflictError, InputError, LowConfidenceError, NoModelError
from codeconductor.events import BuildChanged, Stepped
from codeconductor.handover import (
    Approval,
    ApprovalRequest,
    Assignment,
    Draft,
    apply,
    concerns,
    guarded,
    in_the_way,
    is_given,
    only,
    plugins_of_pytest,
)
from codeconductor.handover.choosing import write
from codeconductor.pipeline.bench import SessionBench
from codeconductor.pipeline.building.asking import ask
from codeconductor.pipeline.building.feedback import compose, signature
from codeconductor.pipeline.building.proposed import ask_for_tests, has_tests, is_choice
from codeconductor.pipeline.building.values import Build, Outcome, Phase, Round
from codeconductor.pipeline.stages import conduct, make_task
from codeconductor.settings import BuildSettings
from codeconductor.verification import verify

if TYPE_CHECKING:
    from codeconductor.pipeline.building.workshop import Workshop
    from codeconductor.session import Session


class Job:
    """One build as it goes on.

    Attributes:
        build: What is known so far.
    """

    def __init__(self, session: Session, build: Build, shop: Workshop, inside: tuple[str, ...], *, yes: bool) -> None:
        self.build = build
        self._session = session
        self._shop = shop
        self._inside = inside
        self._yes = yes
        self._bench: SessionBench | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is an outcome."""
        return self.build.outcome is not None

    # Steps

    async def agree(self) -> None:
        """Consensus and prompt."""
        if self.build.phase != "agreeing":
            return
        plan = self.build.plan
        task = make_task(self._session, plan.text, (*plan.context, *plan.tests))
        run = await conduct(self._session, task, command="build", id=self.build.id)
        if isinstance(run.error, NoModelError):
            self._end("no_models", error=run.error)
            return
        document = run_document(run)
        del document["schema"]
        self._keep(run=document)
        if isinstance(run.error, LowConfidenceError):
            self._end("rejected", error=run.error)
        elif run.prompt is None:
            self._end("coder_failed", error=run.error)
        else:
            self._go("testing")

    async def propose_tests(self) -> None:
        """Where nobody gave tests: those that the models wrote, shown for approval as tests."""
        if self.is_over or self.build.phase != "testing":
            return
        if not self.build.plan.tests and not has_tests(self._shop.start):
            one = await ask_for_tests(self._session, self._shop, self.build, yes=self._yes)
            self._keep(tests=one)
            if one is not None and one.approval.reason == "quit":
                self._end("rejected")
                return
        self._go("writing")

    async def write(self) -> None:
        """The coder, in the copy; a round begins."""
        if self.is_over or self.build.phase != "writing":
            return
        build, shop, number = self.build, self._shop, len(self.build.rounds) + 1
        assert build.run is not None
        prompt = self._prompt()
        shop.save_diff(f"rounds/{number}.prompt.md", prompt)
        self._step(f"round {number} of {build.plan.rounds}: {build.plan.coder} writes")
        before = shop.draft()
        assignment = Assignment(
            prompt=prompt, folder=shop.work, round=number, bench=await self._a_bench(), preferred=self._preferred(),
            task=make_task(self._session, build.plan.text),
        )  # fmt: skip
        written = await write(self._session, build.plan.coder, assignment)
        draft = shop.draft()
        for warning in draft.warnings:
            self._session.warn(warning)
        shop.save_diff(f"rounds/{number}.diff", draft.diff)
        one = Round(
            round=number, files=_files(draft), diff=draft.diff, error=written.error, output=written.output,
            model=written.model,
        )  # fmt: skip
        self._keep(rounds=(*build.rounds, one))
        if not draft.changes:
            nothing: Outcome = "no_change" if number == 1 else "failed"
            self._end("coder_failed" if written.error else nothing)
        elif number > 1 and draft.sha256 == before.sha256:
            self._end("failed")
        else:
            self._go("approving")

    async def approve(self) -> None:
        """A person's yes or no, before anything of the draft is run."""
        if self.is_over or self.build.phase != "approving":
            return
        shop, run, draft = self._shop, self.build.run, self._shop.draft()
        request = ApprovalRequest(
            build=self.build.id, round=len(self.build.rounds), coder=self.build.plan.coder, draft=draft,
            folder=shop.work, redraft=shop.draft, concerns=concerns(draft), guarded=self._guarded(draft),
            prompt=self._prompt(), consensus=run["consensus"] if run else None,
        )  # fmt: skip
        decided = await ask(self._session, shop, request, yes=self._yes, keep=self._kept)
        draft, kept = decided.draft, decided.kept
        self._patch(draft)
        self._last(approval=decided.approval, files=_files(draft), diff=draft.diff)
        if kept is None:
            self._end("rejected")
            return
        shop.fresh_trial(kept)
        self._patch(kept)
        self._last(kept=kept.paths, chosen=is_choice(kept, run or {}))
        self._go("verifying")

    async def verify(self) -> None:
        """The tests in the sandbox, on the start with what was approved."""
        if self.is_over or self.build.phase != "verifying":
            return
        self._step(f"round {len(self.build.rounds)}: testing")
        shop = self._shop
        try:
            report = await verify(
                self._session, shop.trial, origin=shop.start, tests=shop.tests(self._inside, within=shop.start)
            )
        except InputError as exc:  # such as: no runner fits what is there so far
            self._last(error=Failure(kind="not_tested", message=exc.message, hint=exc.hint))
        else:
            for warning in report.warnings:
                self._session.warn(warning)
            self._last(verification=verification_document(report), green=report.is_green)
            if report.is_empty:
                hint = "write tests, or give some with --tests"
                self._last(error=Failure(kind="not_tested", message="no test was found", hint=hint))
        self._judge()

    def apply(self) -> None:
        """What is green, into the user's folder: all of it or nothing."""
        if self.is_over or self.build.phase != "applying":
            return
        if self.build.plan.apply == "never":
            self._end("passed")
            return
        try:
            for note in apply(self._approved(), Path(self.build.plan.folder)):
                self._session.warn(note)
        except ConflictError as exc:
            self._end("conflict", error=exc)
        else:
            self._keep(applied=True)
            self._end("passed")

    def close(self) -> None:
        """Remove the folders of a build that is over; the diffs stay."""
        self._shop.close()

    def discard(self) -> None:
        """Leave nothing of a build that has not begun."""
        self._shop.discard()

    # Their parts

    def _approved(self) -> Draft:
        """What was tested last; a ConflictError where it is not what a person said yes to."""
        tested = self._shop.tested()
        if tested.sha256 != self.build.rounds[-1].approval.approved_sha256:
            raise ConflictError(
                "what was tested is not what was approved any more: nothing is applied",
                paths=tested.paths,
                hint="apply the saved diff, which is as it was approved, with `git apply`",
            )
        return tested

    def _judge(self) -> None:
        """Whether it is green, hopeless, or goes on."""
        rounds = self.build.rounds
        if rounds[-1].green:
            self._go("applying")
        elif len(rounds) > 1 and signature(rounds[-1]) == signature(rounds[-2]):
            self._session.warn(f"rounds {len(rounds) - 1} and {len(rounds)} give the same failure: no further round")
            self._end("failed")
        elif len(rounds) >= self.build.plan.rounds:
            self._end("failed")
        else:
            self._go("writing")

    def _kept(self, draft: Draft, whole: Draft, approval: Approval) -> Draft:
        """What counts of what was approved: no change to the given tests, and to what configures tests only by name.

        Nor what cannot be written while something stays that the whole draft deletes.
        """
        given = self._given()
        changed = [path for path in draft.paths if is_given(path, given)]
        if changed:
            self._session.warn(f"changes to the given tests do not count: {', '.join(map(repr, changed))}")
        unnamed = [path for path in self._guarded(draft) if path not in approval.named]
        if unnamed:
            self._session.warn(
                f"{', '.join(map(repr, unnamed))} can decide whether tests pass: the folder's own counts, and the "
                "change is left out, as nobody has approved it by its name"
            )
        kept = {path for path in draft.paths if path not in changed and path not in unnamed}
        for path, other in in_the_way(whole, kept):
            self._session.warn(f"{path!r} is left out: {other!r}, which stays, is in its way")
            kept.discard(path)
        return only(draft, kept)

    def _guarded(self, draft: Draft) -> tuple[str, ...]:
        return guarded(draft, self._given(), plugins_of_pytest(self._shop.start))

    def _given(self) -> tuple[str, ...]:
        """The user's tests by their paths in the folder, also where they are laid there from elsewhere."""
        inside = [path for path in self._inside if path != "."]
        names = [Path(name).name for name in self.build.plan.tests]
        return (*inside, *(name for name in names if not any(Path(one).name == name for one in self._inside)))

    def _prompt(self) -> str:
        build = self.build
        assert build.run is not None
        proposed = (
            [path for path, _ in build.tests.files] if build.tests and self._shop.tests((), within=Path()) else []
        )
        names = [*self._given(), *proposed]
        before = [one for one in build.rounds if one.verification is not None or one.error is not None]
        if build.phase == "approving":  # what the coder of this round was given
            before = before[: len(build.rounds) - 1]
        return compose(build.run["prompt"]["text"], before, names, has_tests=bool(names) or has_tests(self._shop.start))

    def _preferred(self) -> str | None:
        choice = ((self.build.run or {}).get("consensus") or {}).get("choice")
        return None if choice is None else str(choice["model"])

    async def _a_bench(self) -> SessionBench:
        """The models of the run, to be asked again."""
        if self._bench is None:
            ids = (self.build.run or {}).get("models", ())
            found = {model.id: model for model in (await discover(self._session)).models}
            seconds = self._session.settings("build", BuildSettings).answer_timeout
            self._bench = SessionBench(
                self._session, weights=dict.fromkeys(ids, 1.0), seed=0, limits=Limits(timeout=seconds),
                models=[found[name] for name in ids if name in found],
            )  # fmt: skip
        return self._bench

    def _patch(self, draft: Draft) -> None:
        if draft.changes:
            self._keep(patch=self._shop.save_diff("patch.diff", draft.diff))

    def _step(self, message: str) -> None:
        self._session.events.emit(Stepped(message))

    # Keeping

    def _last(self, **fields: Any) -> None:
        """Fill in the round that goes on."""
        *before, last = self.build.rounds
        self._keep(rounds=(*before, attrs.evolve(last, **fields)))

    def _keep(self, **fields: Any) -> None:
        self.build = attrs.evolve(self.build, **fields)

    def _go(self, phase: Phase) -> None:
        """What is next, written down."""
        self._keep(phase=phase, warnings=tuple(self._session.warnings))
        try:
            self._shop.save(self.build, self._inside)
        except OSError as exc:
            self._session.warn(f"the build cannot be resumed from here: {exc.strerror}")
        self._session.events.emit(BuildChanged(self.build))

    def _end(self, outcome: Outcome, *, error: ConductorError | None = None) -> None:
        best = self.build.best
        if outcome == "failed" and best is not None and best is not self.build.rounds[-1] and best.kept is not None:
            with suppress(OSError):
                kept = self._shop.root / "rounds" / f"{best.round}.kept.diff"
                self._keep(patch=self._shop.save_diff("patch.diff", kept.read_bytes().decode("utf-8")))
        self._keep(outcome=outcome, error=error, phase="over", warnings=tuple(self._session.warnings))
        self._session.events.emit(BuildChanged(self.build))


def _files(draft: Draft) -> tuple[tuple[str, str], ...]:
    return tuple((change.path, change.action) for change in draft.changes)
