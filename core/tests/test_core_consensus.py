"""Core hands the usable answers to one strategy, and checks what it gives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import (
    ConductorError,
    Consensus,
    FieldConsensus,
    InputError,
    Message,
    Query,
    ToolCall,
    decide,
    hookimpl,
)
from codeconductor.consensus import find_strategy, settling
from codeconductor.converters import consensus_document, decision_document
from codeconductor.errors import NoAnswerError, PluginError
from codeconductor.events import Decided
from codeconductor.testing import MakeSession, a_bench, a_task, an_answer, record_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Session, Task


class Strategy:
    """Decides as a test wants: with a share, with something else, or by raising."""

    def __init__(self, name: str, result: object = 0.5) -> None:
        self.name, self.result = name, result
        self.seen: list[tuple[str, int]] = []

    async def decide(self, task: object, answers: Sequence[Answer], bench: object) -> Any:
        self.seen = [(answer.model.name, answer.sample) for answer in answers]
        if isinstance(self.result, BaseException):
            raise self.result
        if isinstance(self.result, int | float):
            return Consensus(outcome={"text": self.name}, agreement=self.result, choice=answers[0])
        return self.result


class Fitting(Strategy):
    """Says how well it fits."""

    def __init__(self, name: str, fit: object, result: object = 0.5) -> None:
        super().__init__(name, result)
        self.fit = fit

    def suits(self, task: object, answers: object, bench: object) -> Any:
        if isinstance(self.fit, BaseException):
            raise self.fit
        return self.fit


class Brings:
    """A plugin with these strategies."""

    def __init__(self, *strategies: object) -> None:
        self.strategies = strategies

    @hookimpl
    def conductor_consensus_strategies(self) -> Sequence[object]:
        return self.strategies


ANSWERS = [an_answer("b", model="two"), an_answer("a", model="one", sample=1), an_answer("a", model="one")]


def decided(session: Session, strategy: str, answers: Sequence[Answer] = ANSWERS) -> Consensus:
    return asyncio.run(decide(session, a_task(), answers, a_bench(answers), strategy=strategy))


def test_the_strategy_that_is_named_decides(make_session: MakeSession) -> None:
    """Core fills in its name, the weights and the confidence, which is the agreement where nothing calibrates it."""
    session = make_session(brings=Brings(Strategy("half"), Strategy("other")))
    log = record_events(session)
    consensus = decided(session, "half")
    assert (consensus.strategy, consensus.agreement, consensus.confidence) == ("half", 0.5, 0.5)
    assert not consensus.calibrated
    assert consensus.weights == {"acme/one": 1.0, "acme/two": 1.0}
    assert log.of(Decided) == [Decided(consensus)]


def test_signals_stand_in_the_documents_as_numbers(make_session: MakeSession) -> None:
    """A strategy may give integers and booleans; readers of the documents get floats."""
    said = Consensus(outcome={}, agreement=0.5, choice=ANSWERS[0], signals={"groups": 2, "share": 0.5})
    consensus = decided(make_session(brings=Brings(Strategy("half", said))), "half")
    for document in (consensus_document(consensus), decision_document("a", "question", consensus)):
        assert document["signals"] == {"groups": 2.0, "share": 0.5}
        assert all(type(value) is float for value in document["signals"].values())


def test_a_signal_that_is_no_finite_number_is_the_strategys_fault(make_session: MakeSession) -> None:
    """It would be no JSON, and no calibration could read it."""
    said = Consensus(outcome={}, agreement=0.5, signals={"margin": float("nan")})
    with pytest.raises(PluginError, match="signal 'margin' is nan, not a finite number"):
        decided(make_session(brings=Brings(Strategy("half", said))), "half")


@pytest.mark.parametrize("strategy", ["auto", "half"])
def test_the_strategies_are_asked_for_once_a_decision(make_session: MakeSession, strategy: str) -> None:
    """However one is chosen: a plugin may have to make them."""
    calls: list[int] = []

    class Counts(Brings):
        @hookimpl
        def conductor_consensus_strategies(self) -> Sequence[object]:
            calls.append(1)
            return self.strategies

    session = make_session(brings=Counts(Strategy("half")))
    decided(session, strategy)
    assert calls == [1]


def test_failed_answers_never_vote_and_order_is_taken_away(make_session: MakeSession) -> None:
    """A strategy sees the usable answers alone, sorted by model and sample, whatever order they came in."""
    strategy = Strategy("half")
    session = make_session(brings=Brings(strategy))
    failed = [an_answer("half an ans", model="zero", error="timeout"), an_answer("  ", model="blank")]
    decided(session, "half", [*failed, *ANSWERS])
    assert strategy.seen == [("one", 0), ("one", 1), ("two", 0)]


def test_what_failed_is_counted_in_the_explanation(make_session: MakeSession) -> None:
    """A strategy never sees it, and a person must not take two of two for two of five."""
    said = Consensus(outcome={}, agreement=1.0, explanation="Both wrote the same.")
    session = make_session(brings=Brings(Strategy("half", said)))
    failed = [
        an_answer("half an ans", model="zero", error="timeout"),
        an_answer("", model="three", error="cancelled"),
        an_answer("", model="four", error="timeout"),
    ]
    explanation = decided(session, "half", [*failed, *ANSWERS]).explanation
    assert explanation == "Both wrote the same. 3 of 6 answers did not count: 2 × timeout, cancelled."
    assert decided(session, "half").explanation == "Both wrote the same."


@pytest.mark.parametrize("strategy", ["half", "auto"])
def test_without_a_usable_answer_nobody_decides(make_session: MakeSession, strategy: str) -> None:
    """The error tells why each one failed, and what to do."""
    session = make_session(brings=Brings(Strategy("half")))
    failed = [an_answer("", model="one", error="timeout"), an_answer("", model="two", error="refused")]
    with pytest.raises(NoAnswerError) as caught:
        decided(session, strategy, failed)
    assert "acme/one: failed for the test: timeout" in caught.value.message
    assert "acme/two" in caught.value.message
    assert caught.value.hint
    with pytest.raises(NoAnswerError, match="nobody was asked"):
        decided(session, strategy, [])


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (ValueError("a bug"), "ValueError: a bug"),
        ("a text", r"TypeError: decide\(\) gave str, not a Consensus"),
        (Consensus(outcome=None, agreement=1.0), "TypeError: the outcome is of type NoneType, not a mapping"),  # type: ignore[arg-type]
        (Consensus(outcome={}, agreement=1.0, choice=an_answer("made up")), "the choice is none of the answers"),
        (None, "gave NoneType"),
        (1.5, r"agreement is 1\.5, not a share from 0 to 1"),
        (-0.1, "agreement is -0.1"),
        (float("nan"), "agreement is nan"),
    ],
)
def test_a_named_strategy_that_fails_ends_the_command(make_session: MakeSession, result: object, told: str) -> None:
    """Nothing else is put in its place; plugin and distribution are named."""
    session = make_session(brings=Brings(Strategy("bad", result), Strategy("good")))
    with pytest.raises(PluginError, match=told) as caught:
        decided(session, "bad")
    assert "strategy 'bad' of plugin 'brings' (codeconductor-brings) failed" in caught.value.message
    assert caught.value.hint


class Panic(BaseException):
    """What a library that is written in Rust raises where it has a bug."""


class GaveUp(KeyboardInterrupt):
    """A library's own, raised by nobody at the keyboard."""


UNUSUAL = [SystemExit("no licence"), Panic("index out of bounds"), GaveUp("bored"), asyncio.CancelledError("mine")]


@pytest.mark.parametrize("fault", UNUSUAL, ids=lambda fault: type(fault).__name__)
def test_a_strategy_that_raises_no_exception_ends_or_costs_no_more(
    make_session: MakeSession, fault: BaseException
) -> None:
    """Asked for by name it ends the command with its name; else it is passed over, wherever it raises."""
    told = f"{type(fault).__name__}: {fault}"
    bad = Fitting("bad", 9, fault)
    bad.settled = lambda *_: decided_badly(fault)  # type: ignore[attr-defined]
    session = make_session(brings=Brings(bad, Fitting("unsure", fault), Strategy("good")))
    with pytest.raises(PluginError, match=f"strategy 'bad' of plugin 'brings' .* failed: {told}"):
        decided(session, "bad")
    assert decided(session, "auto").strategy == "good"
    assert not settling(session, a_task(), a_bench(ANSWERS), "bad")(ANSWERS, 1)
    assert [warning.partition("'brings' ")[2] for warning in session.warnings] == [
        f"is passed over: {told}",
        f"is passed over: {told}",
        f"cannot say when it is settled: {told}",
    ]


def decided_badly(fault: BaseException) -> bool:
    raise fault


def test_ctrl_c_within_a_strategy_is_no_fault_of_it(make_session: MakeSession) -> None:
    """It ends the command, and nobody is blamed."""
    session = make_session(brings=Brings(Strategy("bad", KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        decided(session, "bad")
    assert session.warnings == []


def test_a_strategy_may_say_no_in_its_own_words(make_session: MakeSession) -> None:
    """An expected condition is passed on as it is."""
    session = make_session(brings=Brings(Strategy("no", ConductorError("needs two models", hint="start another"))))
    with pytest.raises(ConductorError, match=r"^needs two models$") as caught:
        decided(session, "no")
    assert type(caught.value) is ConductorError


def test_auto_takes_the_strategy_that_suits_best(make_session: MakeSession) -> None:
    """The highest number; ties by name; without an opinion 0; None, or no number, not at all."""
    plain, low, high = Strategy("plain"), Fitting("low", -5), Fitting("high", 7)
    assert decided(make_session(brings=Brings(plain, low, high)), "auto").strategy == "high"
    assert decided(make_session(brings=Brings(low, plain)), "auto").strategy == "plain"
    assert decided(make_session(brings=Brings(Fitting("b", 7), Fitting("a", 7))), "auto").strategy == "a"
    assert (
        decided(make_session(brings=Brings(low, Fitting("never", None), Fitting("odd", "9"))), "auto").strategy == "low"
    )


def test_auto_says_that_no_candidate_was_run(make_session: MakeSession) -> None:
    """Where there are several programs and no sandbox for them; not of questions or of languages that nobody runs."""
    programs = [an_answer(f"```python\nx = {number}\n```", model=f"m{number}") for number in range(2)]
    session = make_session(acme=Brings(Strategy("plain")))

    def explanation(task: Task, answers: Sequence[Answer]) -> str:
        return asyncio.run(decide(session, task, answers, a_bench(answers), strategy="auto")).explanation

    assert "No candidate was run" in explanation(a_task(), programs)
    assert explanation(a_task(), programs[:1]) == ""
    assert explanation(a_task(language="rust"), programs) == ""
    assert explanation(a_task(kind="question", language=None), programs) == ""


def test_auto_passes_over_what_fails(make_session: MakeSession) -> None:
    """With a warning for each, and the next best decides."""
    session = make_session(
        brings=Brings(
            Fitting("raises", 9, ValueError("a bug")),
            Fitting("wrong", 8, "text"),
            Fitting("unsure", ValueError("no idea")),
            Fitting("vague", "very"),
            Fitting("broken", float("nan")),
            Fitting("good", 1),
        )
    )
    assert decided(session, "auto").strategy == "good"
    assert [warning.partition(" of plugin")[0] for warning in session.warnings] == [
        "strategy 'unsure'",
        "strategy 'vague'",
        "strategy 'broken'",
        "strategy 'raises'",
        "strategy 'wrong'",
    ]


def test_when_nothing_fits_the_error_says_what_to_install(make_session: MakeSession) -> None:
    """Also where there is no strategy at all."""
    with pytest.raises(InputError, match="no installed strategy fits") as caught:
        decided(make_session(brings=Brings(Fitting("never", None))), "auto")
    assert "pip install codeconductor-consensus-majority" in (caught.value.hint or "")
    for name in ("auto", "majority"):
        with pytest.raises(InputError, match="no strategy is installed") as caught:
            find_strategy(make_session(), name)
        assert "pip install codeconductor-consensus-majority" in (caught.value.hint or "")


def test_a_strategy_is_looked_for_before_anybody_is_asked(make_session: MakeSession) -> None:
    """An unknown name has the nearest in its hint; `auto` is chosen when the answers are in."""
    session = make_session(brings=Brings(Strategy("majority")))
    assert find_strategy(session, "auto") is None
    found = find_strategy(session, "majority")
    assert found is not None
    assert (found[0].name, found[1].name) == ("brings", "majority")
    with pytest.raises(InputError, match="unknown strategy 'majorty'") as caught:
        find_strategy(session, "majorty")
    assert caught.value.hint == "did you mean 'majority'?"


@pytest.mark.parametrize("strategy", ["auto", "sure"])
def test_the_strategies_are_collected_once_for_all_answers(make_session: MakeSession, strategy: str) -> None:
    """Answers arrive by the hundred, and a plugin may make its strategies anew each time that it is asked."""

    class Sure(Strategy):
        def settled(self, task: object, answers: Sequence[Answer], pending: int) -> bool:
            if pending > 7:
                raise ValueError("too many")
            return len(answers) > pending

    class Counts:
        calls = 0

        @hookimpl
        def conductor_consensus_strategies(self) -> Sequence[object]:
            self.calls += 1
            return [Sure("sure")]

    counts = Counts()
    session = make_session(counts=counts)
    is_settled = settling(session, a_task(), a_bench(ANSWERS), strategy)
    assert [is_settled(ANSWERS[:count], 3 - count) for count in (1, 2, 3)] == [False, True, True]
    assert counts.calls == 1
    assert is_settled(ANSWERS, 8) is False
    assert [w for w in session.warnings if "cannot say when it is settled: ValueError: too many" in w]


@pytest.mark.parametrize("strategy", ["runs", "auto"])
def test_a_strategy_for_code_leaves_the_plan_to_another(make_session: MakeSession, strategy: str) -> None:
    """The prompt has both: what was agreed on, and the code that was chosen by what it does."""

    def made(name: str, **outcome: object) -> Consensus:
        fields = [FieldConsensus(name=field, value=value, support=0.5, models=()) for field, value in outcome.items()]
        return Consensus(outcome=outcome, agreement=0.5, fields=fields, explanation=f"By {name}.")

    runs = Fitting("runs", 40, made("runs", approach="its own", code=("c",)))
    runs.decides = "code"  # type: ignore[attr-defined]
    votes = Fitting("votes", 10, made("votes", approach="agreed", requirements=("r",), code=("other",)))
    session = make_session(acme=Brings(runs, votes))
    with_plan = [an_answer('```json\n{"approach": "x"}\n```\n```python\npass\n```')]
    consensus = decided(session, strategy, with_plan)
    assert consensus.outcome == {"approach": "agreed", "requirements": ("r",), "code": ("c",)}
    assert [(field.name, field.value) for field in consensus.fields] == [
        ("approach", "agreed"),
        ("requirements", ("r",)),
        ("code", ("c",)),
    ]
    assert (consensus.strategy, consensus.explanation) == ("runs", "By runs. The plan was put together by votes.")
    assert decided(session, strategy, [an_answer("```python\npass\n```")]).outcome["approach"] == "its own"


@pytest.mark.parametrize("fails", [False, True])
def test_calls_are_no_code(make_session: MakeSession, fails: bool) -> None:
    """Who knows code alone has them decided by who knows more, if anybody does; a text with code is still its own."""
    coder, voter = Strategy("coder"), Strategy("voter", ValueError("broken") if fails else 1.0)
    coder.decides = "code"  # type: ignore[attr-defined]  # as a strategy may have it
    session = make_session(brings=Brings(coder, voter))
    calls = [an_answer("", model="one", tool_calls=[ToolCall(name="f", arguments="{}")])]
    consensus = decided(session, "coder", calls)
    assert consensus.strategy == "coder"
    assert consensus.outcome == {"text": "coder" if fails else "voter"}
    assert bool(session.warnings) is fails
    code = [an_answer("```python\na = 1\n```", model="one")]
    assert decided(session, "coder", code).outcome == {"text": "coder"}


def test_a_call_that_is_required_may_be_spelled_in_code(make_session: MakeSession) -> None:
    """Then it is no code either; where no strategy finds a call there is no decision."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    query = Query(messages=[Message("user", "Call f.")], tools=tools, tool_choice="required")
    task = a_task(kind="call", functions=tools, query=query)
    answers = [an_answer('```json\n{"name": "f"}\n```', model="one")]
    found = Consensus(outcome={"calls": [{"name": "f", "arguments": {}}]}, agreement=1.0)
    coder = Strategy("coder")
    coder.decides = "code"  # type: ignore[attr-defined]  # as a strategy may have it
    session = make_session(brings=Brings(coder, Strategy("voter", found)))
    consensus = asyncio.run(decide(session, task, answers, a_bench(answers), strategy="coder"))
    assert consensus.outcome == found.outcome
    session = make_session(brings=Brings(Strategy("talker")))
    with pytest.raises(NoAnswerError, match="no model called a function, and a call is required \\(acme/one"):
        asyncio.run(decide(session, task, answers, a_bench(answers), strategy="talker"))
