"""The test programs that cargo builds: which there are, how it starts them, and what came of running them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import TestCase, TestRun, frozen

from codeconductor_runner_cargo._lines import ENDED_EARLY, judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@frozen(kw_only=True)
class Program:
    """A test program.

    Attributes:
        argv: How cargo starts it.
        folder: Where.
        environment: With what.
        manifest: The file that says which kind of target it is.
        kind: That, as cargo calls it: ``lib``, ``test``, ``bin`` …
        name: Of the target.
    """

    argv: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    manifest: str
    kind: str
    name: str


@attrs.define
class _Said:
    """What a program was reported to do, listing its tests and running them."""

    listed: bytearray = attrs.field(factory=bytearray)
    ran: bytearray = attrs.field(factory=bytearray)
    was_listed: bool = False
    status: int | None = None
    returned: bool | None = None


def split_listing(built: bytes, listed: bytes) -> tuple[list[Program], bytes] | None:
    """The programs that are to be run, and the list of documentation tests; None: the two do not fit.

    Args:
        built: The messages of the build: they name each program and its target.
        listed: What was recorded of each program's start, as lines of JSON among what rustdoc lists.
    """
    targets = {}
    for message in _objects(built):
        if message.get("reason") == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            targets[message["executable"]] = (message["manifest_path"], message["target"])
    programs, documented = [], []
    for line in listed.splitlines(keepends=True):
        facts = next(_objects(line), {})
        if "argv" not in facts:  # rustdoc's, or what a macro prints
            documented.append(line)
            continue
        manifest, target = targets.pop(facts["argv"][0], (None, None))
        if manifest is None:
            return None
        programs.append(
            Program(
                argv=tuple(word for word in facts["argv"] if word != "--list"),
                folder=facts["folder"],
                environment=facts["environment"],
                manifest=manifest,
                kind=target["kind"][0],
                name=target["name"],
            )
        )
    return None if targets else (programs, b"".join(documented))


def judge_programs(programs: Sequence[Program], report: bytes, *, is_cut: bool) -> TestRun:
    """What came of running programs.

    Args:
        programs: Those that were to be run.
        report: The lines of `inside/drive.py`.
        is_cut: Whether it was ended, or its report cut off.
    """
    said = [_Said() for _ in programs]
    reason = ""
    for facts in _objects(report):
        if "untold" in facts:
            reason = facts["untold"]
            continue
        one, listing = said[facts["program"]], facts["listing"]
        if "said" in facts:
            (one.listed if listing else one.ran).extend(facts["said"].encode("latin-1"))
        elif listing:
            one.was_listed = facts["status"] == 0
        else:
            one.status, one.returned = facts["status"], facts["returned"]
    runs = [_judged(program, one, is_cut=is_cut) for program, one in zip(programs, said, strict=True)]
    untold = [
        program.name for program, one in zip(programs, said, strict=True) if one.was_listed and one.returned is None
    ]
    return TestRun(
        cases=[case for run in runs for case in run.cases],
        fault=next((run.fault for run in runs if run.fault), None),
        warnings=[_warning(untold, reason)] if untold and not is_cut else [],
    )


def _judged(program: Program, said: _Said, *, is_cut: bool) -> TestRun:
    who = f"the test program of {program.name}"
    if said.was_listed or said.listed:
        run = judged(bytes(said.listed), bytes(said.ran), said.status, who=who, is_cut=is_cut)
        if said.status == 0 and said.returned is False:
            return attrs.evolve(run, fault=ENDED_EARLY)
        return run
    # a `main` of its own: its status counts, and tests where it prints them as the harness does
    shown = judged(b"", bytes(said.ran), said.status, who=who, is_cut=is_cut)
    listed = b"".join(f"{case.name}: test\n".encode() for case in shown.cases)
    run = judged(listed, bytes(said.ran), said.status, who=who, is_cut=is_cut)
    if run.cases or said.status is None or is_cut:
        return run
    message = None if said.status == 0 else f"it ended with status {said.status}"
    return TestRun(cases=[TestCase(name=program.name, status="failed" if said.status else "passed", message=message)])


def _warning(names: Sequence[str], reason: str) -> str:
    why = reason or "not linked as the shim is that would tell"
    return f"whether a test program ended itself early cannot be told here of {', '.join(names)}: {why}"


def _objects(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        if line.startswith(b"{"):
            try:
                facts = json.loads(line)
            except ValueError:  # the last one, of a report that was cut
                continue
            yield facts
