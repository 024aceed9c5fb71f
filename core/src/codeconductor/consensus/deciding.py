"""Finds the strategy that was asked for, or the one that suits best, and lets it decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import attrs

from codeconductor.consensus.candidates import candidates, decided_calls, must_call, none_will_do, texts
from codeconductor.consensus.confidence import with_confidence
from codeconductor.consensus.values import Consensus, ConsensusStrategy
from codeconductor.errors import ConductorError, InputError, NoAnswerError, PluginError, in_words, is_fault
from codeconductor.events import Decided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeconductor.consensus.values import Bench
    from codeconductor.dispatch import Answer
    from codeconductor.plugins import PluginInfo
    from codeconductor.session import Session
    from codeconductor.task import Task

PACKAGE = "codeconductor-consensus-majority"
"""The distribution that is named to somebody who has no strategy."""

_Strategies: TypeAlias = Mapping[str, tuple[str, ConsensusStrategy]]
"""(plugin, strategy) by the strategy's name."""


def find_strategy(session: Session, name: str) -> tuple[PluginInfo, ConsensusStrategy] | None:
    """The strategy of that name and the plugin that brings it; None for ``auto``, which is chosen when answers are in.

    Raises:
        InputError: There is none of that name, or none at all; the hint says what to do.
    """
    return _found(session, session.plugins.consensus_strategies(), name)


def _found(session: Session, strategies: _Strategies, name: str) -> tuple[PluginInfo, ConsensusStrategy] | None:
    if name == "auto" and strategies:
        return None
    return session.plugins.pick("strategy", name, strategies, PACKAGE)


async def decide(session: Session, task: Task, answers: Sequence[Answer], bench: Bench, *, strategy: str) -> Consensus:
    """Let the strategy decide between the usable answers.

    Args:
        answers: As they arrived; failed ones are left out here.
        bench: What the strategy may use.
        strategy: Its name, or ``auto``: the one that suits best; one that raises is then passed over.

    Raises:
        NoAnswerError: No answer is usable.
        PluginError: A strategy that was asked for by name raised.
    """
    usable = candidates(task, answers) or (texts(answers) if must_call(task) else [])
    if not usable:
        if task.query is not None and any(answer.is_usable for answer in answers):
            raise none_will_do(task.query, answers)
        raise _no_answer(answers)
    usable.sort(key=lambda answer: (answer.model.id, answer.sample))
    strategies = session.plugins.consensus_strategies()
    named = _found(session, strategies, strategy)
    if named is not None:
        info, chosen = named
        try:
            consensus = await _voted(session, strategies, chosen, task, usable, bench)
            if consensus is None:
                consensus = await _decided(session, chosen, task, usable, bench)
                consensus = await _with_plan(session, strategies, chosen, consensus, task, usable, bench)
        except ConductorError:
            raise
        except BaseException as exc:
            if not is_fault(exc):
                raise
            raise PluginError(
                f"strategy {chosen.name!r} of plugin {info.name!r} ({info.distribution}) failed: {in_words(exc)}",
                hint="take another --strategy, and report this to the plugin's author",
            ) from exc
    else:
        consensus = await _suited(session, strategies, task, usable, bench)
    if task.query and must_call(task) and not decided_calls(task, consensus):  # who asked looks for a call
        raise none_will_do(task.query, answers)
    consensus = attrs.evolve(consensus, explanation=f"{consensus.explanation} {_uncounted(answers)}".strip())
    session.events.emit(Decided(consensus))
    return consensus


def _uncounted(answers: Sequence[Answer]) -> str:
    """How many answers a strategy never saw, by kind of failure; empty where it saw all of them."""
    kinds = Counter(answer.error.kind if answer.error else "empty" for answer in answers if not answer.is_usable)
    if not kinds:
        return ""
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{count} × {kind}" if count > 1 else kind for kind, count in ranked)
    return f"{kinds.total()} of {len(answers)} answers did not count: {listed}."


def _no_answer(answers: Sequence[Answer]) -> NoAnswerError:
    failures = [f"{a.model.id}: {a.error.message}" for a in answers if a.error is not None]
    hints = [a.error.hint for a in answers if a.error is not None and a.error.hint]
    shown = "; ".join(dict.fromkeys(failures)) or "nobody was asked"
    return NoAnswerError(
        f"no model gave a usable answer ({shown})", hint=hints[0] if hints else "ask again, or other models"
    )


def _ranked(
    session: Session, strategies: _Strategies, task: Task, answers: Sequence[Answer], bench: Bench
) -> list[str]:
    """The strategies that fit at all, the best first; ties by name."""
    ranked: list[tuple[int, str]] = []
    for name, (plugin, strategy) in strategies.items():
        suits = getattr(strategy, "suits", None)
        try:
            fit = 0 if suits is None else suits(task, answers, bench)
            if not (fit is None or isinstance(fit, int)):
                raise TypeError(f"suits() gave {fit!r}, neither a whole number nor None")
        except BaseException as exc:  # costs only this strategy
            if not is_fault(exc):
                raise
            session.warn(f"strategy {name!r} of plugin {plugin!r} is passed over: {in_words(exc)}")
            continue
        if fit is not None:
            ranked.append((-fit, name))
    return [name for _, name in sorted(ranked)]


async def _suited(
    session: Session, strategies: _Strategies, task: Task, answers: Sequence[Answer], bench: Bench
) -> Consensus:
    """The strategy that suits best decides; one that raises is warned about, and the next one tried."""
    for name in _ranked(session, strategies, task, answers, bench):
        plugin, strategy = strategies[name]
        try:
            consensus = await _decided(session, strategy, task, answers, bench)
        except BaseException as exc:  # costs only this strategy
            if not is_fault(exc):
                raise
            session.warn(f"strategy {name!r} of plugin {plugin!r} is passed over: {in_words(exc)}")
            continue
        consensus = await _with_plan(session, strategies, strategy, consensus, task, answers, bench)
        return attrs.evolve(consensus, explanation=f"{consensus.explanation} {_unrun(task, answers, bench)}".strip())
    raise InputError("no installed strategy fits these answers", hint=f"install one: pip install {PACKAGE}")


async def _with_plan(
    session: Session,
    strategies: _Strategies,
    chosen: ConsensusStrategy,
    consensus: Consensus,
    task: Task,
    answers: Sequence[Answer],
    bench: Bench,
) -> Consensus:
    """A decision with the plan that another strategy finds in the same answers, where it was one on code alone."""
    if task.kind in ("question", "call"):  # what answers hold beside code is then no plan
        return consensus
    if getattr(chosen, "decides", None) != "code" or not any(answer.data for answer in answers):
        return consensus
    plan = await _beside_code(session, strategies, task, answers, bench)
    return consensus if plan is None else _joined(consensus, plan)


async def _voted(
    session: Session,
    strategies: _Strategies,
    chosen: ConsensusStrategy,
    task: Task,
    answers: Sequence[Answer],
    bench: Bench,
) -> Consensus | None:
    """A vote on function calls, where a strategy that knows code alone was asked for; None: it can decide itself."""
    if getattr(chosen, "decides", None) != "code" or not _are_calls(task, answers):
        return None
    vote = await _beside_code(session, strategies, task, answers, bench)
    if vote is None:
        return None
    told = f"{chosen.name!r} compares code, and function calls are none: {vote.strategy} decided. {vote.explanation}"
    return attrs.evolve(vote, strategy=chosen.name, explanation=told.strip())


def _are_calls(task: Task, answers: Sequence[Answer]) -> bool:
    """Whether the answers are function calls; in a conversation they may be code as well, as long as none is a call."""
    calls, code = any(answer.tool_calls for answer in answers), any(answer.code for answer in answers)
    if task.kind == "call":
        return calls or not code or task.query is None or must_call(task)
    return calls and not code


async def _beside_code(
    session: Session, strategies: _Strategies, task: Task, answers: Sequence[Answer], bench: Bench
) -> Consensus | None:
    """The decision of the strategy that suits best among those that look at more than code; None: there is none."""
    others = {name: pair for name, pair in strategies.items() if getattr(pair[1], "decides", None) != "code"}
    for name in _ranked(session, others, task, answers, bench):
        plugin, strategy = others[name]
        try:
            return await _decided(session, strategy, task, answers, bench)
        except BaseException as exc:  # costs only this strategy
            if not is_fault(exc):
                raise
            session.warn(f"strategy {name!r} of plugin {plugin!r} is passed over: {in_words(exc)}")
    return None


def _joined(code: Consensus, plan: Consensus) -> Consensus:
    outcome = {name: value for name, value in plan.outcome.items() if name != "code"}
    if "code" in code.outcome:
        outcome["code"] = code.outcome["code"]
    return attrs.evolve(
        code,
        outcome=outcome,
        fields=(
            *(field for field in plan.fields if field.name != "code"),
            *(field for field in code.fields if field.name == "code"),
        ),
        disagreements=(*(one for one in plan.disagreements if one.field != "code"), *code.disagreements),
        explanation=f"{code.explanation} The plan was put together by {plan.strategy}.".strip(),
    )


def _unrun(task: Task, answers: Sequence[Answer], bench: Bench) -> str:
    """That different candidates could have been run elsewhere; empty where there are none, or they can be run here."""
    programs = {tuple(block.text for block in answer.code) for answer in answers if answer.code}
    if task.kind in ("question", "call") or task.language != "python" or len(programs) < 2 or bench.can_run:
        return ""
    return "No candidate was run: it is forbidden, or no sandbox here is strong enough."


def settling(session: Session, task: Task, bench: Bench, strategy: str) -> Callable[[Sequence[Answer], int], bool]:
    """What to ask of the usable answers so far and the number of pending ones: can these change the decision no more?

    The strategies are collected once, here, and not for every answer that arrives.

    Args:
        strategy: A name that `find_strategy` knows, or ``auto``. One that raises says no, with a warning.
    """
    strategies = session.plugins.consensus_strategies()

    def is_settled(answers: Sequence[Answer], pending: int) -> bool:
        name = strategy
        if name == "auto":
            ranked = _ranked(session, strategies, task, answers, bench)
            if not ranked:
                return False
            name = ranked[0]
        plugin, chosen = strategies[name]
        settled = getattr(chosen, "settled", None)
        try:
            return settled is not None and bool(settled(task, answers, pending))
        except BaseException as exc:  # only the shortcut is lost
            if not is_fault(exc):
                raise
            session.warn(f"strategy {name!r} of plugin {plugin!r} cannot say when it is settled: {in_words(exc)}")
            return False

    return is_settled


async def _decided(
    session: Session, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
) -> Consensus:
    consensus = await strategy.decide(task, answers, bench)
    if not isinstance(consensus, Consensus):
        raise TypeError(f"decide() gave {type(consensus).__name__}, not a Consensus")
    if not isinstance(consensus.outcome, Mapping):
        raise TypeError(f"the outcome is of type {type(consensus.outcome).__name__}, not a mapping by field")
    if not (consensus.choice is None or any(consensus.choice is answer for answer in answers)):
        raise TypeError("the choice is none of the answers")
    consensus = with_confidence(session, strategy, task, consensus, bench)
    return attrs.evolve(consensus, strategy=strategy.name, weights=dict(bench.weights))
