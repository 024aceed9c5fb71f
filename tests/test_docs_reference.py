"""The reference pages that are written by hand name what the program has, all of it and nothing else."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import (
    Consensus,
    Disagreement,
    Failure,
    FieldConsensus,
    Option,
    Problem,
    Prompt,
    Run,
    ToolCall,
    Witness,
    WitnessOption,
    errors,
    verification,
)
from codeconductor.cli.plugins import list_plugins
from codeconductor.converters import (
    build_document,
    decision_document,
    models_document,
    run_document,
    verification_document,
)
from codeconductor.history import History, list_runs
from codeconductor.pipeline.building import Build, Plan, Round
from codeconductor.session import Session
from codeconductor.testing import a_model, a_task, an_answer
from codeconductor.testing.servers import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import TestReport

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def tables(page: str) -> dict[str, list[str]]:
    """The first cells of the tables of a page, by the heading that each stands under."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| ") and not line.startswith("| ---"):
            found.setdefault(heading, []).append(line.split("|")[1].strip().strip("`"))
    return {heading: cells[1:] for heading, cells in found.items()}  # without the table's own head


# Documents


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """One document of each schema, as the program writes it, with every part present."""
    monkeypatch.setenv("CONDUCTOR_HOME", str(tmp_path))
    run = _run()
    history = History(tmp_path)
    session = Session.start(tmp_path, builtin={"history": history})
    history.conductor_run_finished(session, run)
    history.close()
    made = [
        models_document([a_model()], [Problem(provider="acme", error="gone")]),
        run_document(run),
        decision_document("a", "question", run.consensus),
        list_runs(tmp_path, 1),
        verification_document(_report()),
        build_document(_build()),
        {"schema": "conductor.plugins/1", "plugins": list_plugins(session)},
    ]
    return {document["schema"]: document for document in made}


def _report() -> TestReport:
    sandbox = verification.SandboxUsed(name="landlock", strength="strong")
    return verification.TestReport(
        runner="pytest", sandbox=sandbox, cases=[verification.TestCase(name="a", status="passed")]
    )


def _run() -> Run:
    answer = an_answer("```python\nprint(4)\n```", error="timeout", tool_calls=[ToolCall(name="add", arguments="{}")])
    answer = attrs.evolve(answer, error=Failure(kind="timeout", message="too late"))
    consensus = Consensus(
        outcome={"text": "4"},
        agreement=1.0,
        choice=answer,
        fields=[FieldConsensus(name="approach", value="add", support=1.0)],
        disagreements=[Disagreement(field="tests", options=[Option(value="none", support=0.5)])],
        witness=Witness(input=1, options=[WitnessOption(result=2)]),
    )
    return Run(task=a_task(), models=(answer.model,), answers=(answer,), consensus=consensus, prompt=Prompt(text="4"))


def _build() -> Build:
    failure = Failure(kind="exit", message="exit status 3")
    one = Round(round=1, files=(("calc.py", "changed"),), error=failure, verification={"passed": 1})
    return Build(plan=Plan(text="Add two numbers", folder="/project"), run={"id": "01"}, rounds=(one,), tests=one)


_OPEN = {"answers[].data", "consensus.outcome", "consensus.signals", "consensus.weights", "outcome", "signals"} | {
    "run",
    "rounds[].verification",
    "tests",
}
"""Objects whose keys are a model's, models, or a strategy's; and those that are other documents, or like others."""


def objects(value: Any, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """(path, keys) of every object inside of a document."""
    if path in _OPEN:
        return
    if isinstance(value, dict):
        yield path, set(value)
        for key, item in value.items():
            yield from objects(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from objects(value[0], f"{path}[]")


def test_every_field_of_every_document_is_described(documents: dict[str, dict[str, Any]]) -> None:
    """The tables of the JSON reference have the fields that the program writes, of each document and each part."""
    written = {
        f"{schema}: {path}" if path else schema: keys
        for schema, document in documents.items()
        for path, keys in objects(document)
    }
    described = {heading: set(cells) for heading, cells in tables("json.md").items()}
    assert described == written


# Exit codes and kinds of errors


def test_every_exit_code_is_described() -> None:
    """The table has the codes of the errors, and those of success, of a bug and of an interrupt."""
    own = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and hasattr(cls, "exit_code")}
    described = [int(code) for code in tables("exit-codes.md")["Exit codes and errors"]]
    assert described == sorted({0, 1, 130} | own)


def test_the_exit_codes_for_scripts_mean_what_the_reference_says() -> None:
    """The how-to guide repeats a part of the table."""
    pattern = re.compile(r"^\| (\d+) \| ([^|;:,]+)", re.MULTILINE)
    meanings = dict(pattern.findall((REFERENCE / "exit-codes.md").read_text(encoding="utf-8")))
    repeated = pattern.findall((ROOT / "docs" / "how-to" / "scripts-and-ci.md").read_text(encoding="utf-8"))
    assert repeated
    assert {code: meanings[code].strip() for code, _ in repeated} == {code: text.strip() for code, text in repeated}


def test_every_kind_of_error_is_described() -> None:
    """The table has the kinds that an answer's error can have."""
    assert set(tables("exit-codes.md")["Why an answer failed"]) == errors.ERROR_KINDS


# The testing kit


def test_every_fault_of_the_scripted_servers_is_described() -> None:
    """The table has those that have a name on the command line, those made of others, and a host that refuses."""
    named = {name for cell in tables("testing.md")["Faults"] for name in re.findall(r"(\w+)\(", cell)}
    assert named == {*FAULTS, "combined", "only_first", "refusing_host"}


# MCP


def test_the_tools_of_the_mcp_server_and_their_arguments_are_named() -> None:
    """A tool that is added has a row, with its arguments in their order."""
    from codeconductor_mcp._server import make_server

    page = (REFERENCE / "mcp.md").read_text(encoding="utf-8")
    for tool in asyncio.run(make_server().list_tools()):
        arguments = ", ".join(f"`{name}`" for name in tool.input_schema["properties"])
        assert f"| `{tool.name}` | {arguments} |".replace("|  |", "| |") in page
