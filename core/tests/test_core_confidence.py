"""A decision's confidence is a probability where a calibration fits, and says so; otherwise it is the agreement."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Consensus, TrackRecord, decide, hookimpl
from codeconductor.calibration import FILE, Calibration, Fitted, Term, table_document, write_table
from codeconductor.testing import MakeSession, a_bench, a_task, an_answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codeconductor import Session

ANSWERS = [an_answer("4", model="one"), an_answer("4", model="two"), an_answer("5", model="three")]
SHIPPED = Calibration(
    strategy="vote", kind="question", record=False, intercept=math.log(1 / 4), terms=[], n=5000
)  # one in five
OWN = attrs.evolve(SHIPPED, intercept=math.log(4), n=450)  # four in five, nine times as heavy as the shipped one


class Vote:
    """Gives an agreement of two thirds, and these signals."""

    name = "vote"

    def __init__(self, calibrations: object = None, **signals: float) -> None:
        self.calibrations, self.signals = calibrations, signals

    async def decide(self, task: object, answers: Sequence[Any], bench: object) -> Consensus:
        return Consensus(outcome={"answer": "4"}, agreement=2 / 3, choice=answers[0], signals=self.signals)


class Brings:
    """A plugin with this strategy."""

    def __init__(self, strategy: object) -> None:
        self.strategy = strategy

    @hookimpl
    def conductor_consensus_strategies(self) -> Sequence[object]:
        return [self.strategy]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CONDUCTOR_HOME", str(folder))
    return folder


def table(path: Path, *calibrations: Calibration) -> Path:
    """A file with these."""
    made = [Fitted(calibration=one, source="a test", fitted="2026-11-24") for one in calibrations]
    write_table(path, table_document(made))
    return path


def decided(session: Session, *, kind: str = "question", record: TrackRecord | None = None) -> Consensus:
    bench = a_bench(ANSWERS, record=record or TrackRecord())
    return asyncio.run(decide(session, a_task(kind=kind), ANSWERS, bench, strategy="vote"))


@pytest.mark.usefixtures("home")
def test_what_a_strategy_brings_makes_its_agreement_a_probability(make_session: MakeSession, tmp_path: Path) -> None:
    """The agreement stays as it is."""
    consensus = decided(make_session(brings=Brings(Vote(table(tmp_path / "shipped.json", SHIPPED)))))
    assert consensus.confidence == pytest.approx(0.2)
    assert consensus.calibrated is True
    assert consensus.agreement == pytest.approx(2 / 3)


@pytest.mark.usefixtures("home")
def test_another_kind_of_task_or_a_track_record_is_another_calibration(
    make_session: MakeSession, tmp_path: Path
) -> None:
    """Where there is none for it, the agreement is shown, and the signals say how many earlier tasks there were."""
    session = make_session(brings=Brings(Vote(table(tmp_path / "shipped.json", SHIPPED))))
    for consensus in (decided(session, kind="function"), decided(session, record=TrackRecord(tasks=7))):
        assert not consensus.calibrated
        assert consensus.confidence == consensus.agreement
    assert decided(session, record=TrackRecord(tasks=7)).signals == {"record": 7.0}
    assert "record" not in decided(session).signals


@pytest.mark.usefixtures("home")
def test_all_signals_have_to_be_there(make_session: MakeSession, tmp_path: Path) -> None:
    """A strategy that could run nothing cannot be judged by what running tells."""
    needs = attrs.evolve(SHIPPED, terms=[Term(signal="passed", form="plain", slope=1.0)])
    file = table(tmp_path / "shipped.json", needs)
    assert not decided(make_session(brings=Brings(Vote(file)))).calibrated
    passing = decided(make_session(brings=Brings(Vote(file, passed=1.0))))
    assert passing.confidence == pytest.approx(math.e / (math.e + 4))


def test_the_users_own_table_goes_first(make_session: MakeSession, home: Path, tmp_path: Path) -> None:
    """Blended with the shipped one by the number of outcomes; alone where there is no other."""
    table(home / FILE, OWN)
    assert decided(make_session(brings=Brings(Vote()))).confidence == pytest.approx(0.8)
    shipped = table(tmp_path / "shipped.json", SHIPPED)
    assert decided(make_session(brings=Brings(Vote(shipped)))).confidence == pytest.approx(0.74)


def test_a_damaged_table_costs_one_warning_and_the_probability(
    make_session: MakeSession, home: Path, tmp_path: Path
) -> None:
    """However many decisions are made; the other table still counts."""
    shipped = table(tmp_path / "shipped.json", SHIPPED)
    home.mkdir(exist_ok=True)
    (home / FILE).write_text("{", encoding="utf-8")
    session = make_session(brings=Brings(Vote(shipped)))
    assert [decided(session).confidence for _ in range(3)] == [pytest.approx(0.2)] * 3
    shown = f"the calibration {home / FILE} is not used: it is no table of calibrations; make it anew"
    assert [warning.partition(" with `")[0] for warning in session.warnings] == [shown]


@pytest.mark.usefixtures("home")
def test_a_damaged_shipped_table_is_the_distributions_fault(make_session: MakeSession, tmp_path: Path) -> None:
    """Agreement is shown in its place."""
    (tmp_path / "shipped.json").write_text('{"schema": "conductor.calibration/9", "calibrations": []}', "utf-8")
    session = make_session(brings=Brings(Vote(tmp_path / "shipped.json")))
    assert not decided(session).calibrated
    (warning,) = session.warnings
    assert warning.startswith(
        "the calibration of strategy 'vote' is not used: its version is 'conductor.calibration/9'"
    )
    assert warning.endswith("reinstall its distribution")
