"""The tests that models propose: test files in their answers, for where the user and the folder have none."""

from __future__ import annotations

import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from codeconductor.events import Stepped
from codeconductor.handover import ApprovalRequest, apply, is_test, make_draft
from codeconductor.pipeline.building.asking import ask
from codeconductor.pipeline.building.values import Round

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from codeconductor.handover import Draft
    from codeconductor.pipeline.building.values import Build
    from codeconductor.pipeline.building.workshop import Workshop
    from codeconductor.session import Session

_IN_PYTHON = re.compile(r"^(?:def test_\w+\(|class Test\w*|class \w+\((?:unittest\.)?TestCase\))", re.MULTILINE)
_IN_JAVASCRIPT = re.compile(r"""^(?:import|const) .*\b(?:node:test|vitest|@jest/globals)\b""", re.MULTILINE)

_NAMES = {"python": "test_proposed.py", "javascript": "proposed.test.mjs", "typescript": "proposed.test.ts"}


def has_tests(folder: Path) -> bool:
    """Whether a folder, which is a copy without what is ignored, has a file that is a test by its name."""
    return any(
        is_test(path.relative_to(folder).as_posix())
        for path in folder.rglob("*")
        if path.suffix and path.is_file() and "node_modules" not in path.parts
    )


async def ask_for_tests(session: Session, shop: Workshop, build: Build, *, yes: bool) -> Round | None:
    """Lay the proposed tests beside the copy, as far as they are approved; None: the models propose none."""
    run = build.run or {}
    proposed = proposed_tests(run)
    if not proposed:
        return None
    place, nothing = shop.given / "proposed", shop.root / "nothing"
    shutil.rmtree(place, ignore_errors=True)
    nothing.mkdir(exist_ok=True)
    for path, text in proposed.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    draft = make_draft(nothing, place)
    session.events.emit(Stepped("the models propose tests: " + ", ".join(draft.paths)))
    shop.save_diff("tests.diff", draft.diff)
    request = ApprovalRequest(
        build=build.id, round=0, what="tests", coder="the models", draft=draft, folder=place,
        redraft=lambda: make_draft(nothing, place), prompt=build.plan.text, consensus=run.get("consensus"),
    )  # fmt: skip
    decided = await ask(session, shop, request, yes=yes)
    kept = decided.kept
    shutil.rmtree(place)
    if kept is not None and kept.changes:
        place.mkdir()
        apply(kept, place)
    files = tuple((change.path, change.action) for change in decided.draft.changes)
    return Round(
        round=0, files=files, diff=decided.draft.diff, approval=decided.approval,
        green=kept is not None and bool(kept.changes), kept=None if kept is None else kept.paths,
    )  # fmt: skip


def proposed_tests(run: Mapping[str, Any]) -> dict[str, str]:
    """Source by path: the test files in the answer that was chosen, else in the first answer that has any."""
    choice = (run.get("consensus") or {}).get("choice")
    answers = sorted(
        (answer for answer in run.get("answers", ()) if answer["error"] is None),
        key=lambda answer: {"model": answer["model"], "sample": answer["sample"]} != choice,
    )
    for answer in answers:
        tests = dict(_tests_in(answer["code"]))
        if tests:
            return tests
    return {}


def is_choice(draft: Draft, run: Mapping[str, Any]) -> bool:
    """Whether a draft has the code of the chosen answer, word for word and nothing beside it."""
    choice = (run.get("consensus") or {}).get("choice")
    chosen = [a for a in run.get("answers", ()) if choice == {"model": a["model"], "sample": a["sample"]}]
    code = {block["text"].strip().encode() for answer in chosen for block in answer["code"]}
    written = {change.after.content.strip() for change in draft.changes if change.after is not None}
    return bool(code) and code == written


def _tests_in(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        language, text = block["language"] or "", block["text"]
        path = block["path"] or ""
        looks = _IN_PYTHON if language == "python" else _IN_JAVASCRIPT
        if not looks.search(text) or language not in _NAMES:
            continue
        if language == "python" and re.search(r"^(?:def (?!test_)|class (?!Test))", text, re.MULTILINE) and not path:
            continue  # the code and its tests in one: nobody could run the tests against other code
        pure = PurePosixPath(path)
        if not path or not is_test(path) or pure.is_absolute() or ".." in pure.parts:
            path = _NAMES[language]
        yield path, text
