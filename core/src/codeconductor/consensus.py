"""Dispatch ─▶ **consensus** ─▶ prompt: what the models agree on, decided by a strategy that a plugin brings."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import attrs

from codeconductor.errors import ConductorError, InputError, NoAnswerError, PluginError
from codeconductor.events import Decided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from codeconductor.discovery import Model
    from codeconductor.dispatch import Answer, Message
    from codeconductor.plugins import PluginInfo
    from codeconductor.session import Session
    from codeconductor.task import Task

PACKAGE = "codeconductor-consensus-majority"
"""The distribution that is named to somebody who has no strategy."""


# Converters with types of their own: a type checker cannot see through `converter=tuple`.


def _ids(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(ids)


def _options(options: Iterable[Option]) -> tuple[Option, ...]:
    return tuple(options)


def _results(results: Iterable[WitnessOption]) -> tuple[WitnessOption, ...]:
    return tuple(results)


def _fields(fields: Iterable[FieldConsensus]) -> tuple[FieldConsensus, ...]:
    return tuple(fields)


def _disagreements(disagreements: Iterable[Disagreement]) -> tuple[Disagreement, ...]:
    return tuple(disagreements)


@attrs.frozen(kw_only=True)
class Option:
    """One side of a disagreement: a value, its share of the votes (0 to 1), and the ids of the models behind it."""

    value: Any
    support: float
    models: tuple[str, ...] = attrs.field(default=(), converter=_ids)


@attrs.frozen(kw_only=True)
class FieldConsensus:
    """A value that was agreed on: for a list, there is one of these for each of its items.

    Attributes:
        name: The proposal's field.
        value: As its most central backer worded it.
        support: Share of the votes, 0 to 1.
        models: Ids of its backers, sorted.
    """

    name: str
    value: Any
    support: float
    models: tuple[str, ...] = attrs.field(default=(), converter=_ids)


@attrs.frozen(kw_only=True)
class Disagreement:
    """A field on which the models differ, with the options, the best supported first."""

    field: str
    options: tuple[Option, ...] = attrs.field(converter=_options)


@attrs.frozen(kw_only=True)
class WitnessOption:
    """What some models' code returned for the witness."""

    result: Any
    models: tuple[str, ...] = attrs.field(default=(), converter=_ids)


@attrs.frozen(kw_only=True)
class Witness:
    """The smallest input on which the two largest groups of candidates differ."""

    input: Any
    options: tuple[WitnessOption, ...] = attrs.field(converter=_results)


@attrs.frozen(kw_only=True)
class Consensus:
    """What a strategy decided. A strategy gives `outcome`, `agreement` and mostly `choice`; core fills in the rest.

    Attributes:
        outcome: The proposal's agreed fields as such, and ``code``, ``answer``, ``calls`` or ``text``, as far as there
            are any.
        agreement: Share of the votes behind the outcome, 0 to 1.
        choice: The recorded answer that the outcome equals or was taken from.
        fields: What was agreed on, field by field, with support and backers.
        disagreements: What was not.
        witness: An input that shows how candidates differ.
        advice: What a person should do about it.
        explanation: How the decision came about, in a sentence or two; core adds how many answers did not count.
        strategy: Filled in by core: the strategy's name.
        confidence: Filled in by core: the probability that the outcome is right, or the agreement.
        calibrated: Filled in by core: whether `confidence` is that probability.
        weights: Filled in by core: weight by model id.
    """

    outcome: Mapping[str, Any]
    agreement: float
    choice: Answer | None = None
    fields: tuple[FieldConsensus, ...] = attrs.field(default=(), converter=_fields)
    disagreements: tuple[Disagreement, ...] = attrs.field(default=(), converter=_disagreements)
    witness: Witness | None = None
    advice: str | None = None
    explanation: str = ""
    strategy: str = ""
    confidence: float = 0.0
    calibrated: bool = False
    weights: Mapping[str, float] = attrs.field(factory=dict)


class Bench(Protocol):
    """What a strategy may use beyond the answers.

    Attributes:
        weights: Weight by model id, for every model that was asked.
        seed: For whatever a strategy draws by chance.
        can_run: Whether `run` runs code here.
    """

    @property
    def weights(self) -> Mapping[str, float]: ...
    @property
    def seed(self) -> int: ...
    @property
    def can_run(self) -> bool: ...

    async def ask(
        self, model: Model, messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask one model again; a failure is an answer with an `error`."""
        ...

    async def run(self, programs: Sequence[str], inputs: Sequence[Any], entry_point: str) -> Sequence[Sequence[Any]]:
        """Run programs in the sandbox: a row of outcomes a program, in the order of the inputs."""
        ...


@runtime_checkable
class ConsensusStrategy(Protocol):
    """Decides which answer to trust; ``--strategy`` finds it by its name.

    It may also have ``settled(task, answers, pending) -> bool``: true ends the waiting for the `pending` answers that
    are still to come; and ``suits(task, answers, bench) -> int | None``: how well it fits, by which ``auto`` chooses
    (the highest; ties by name; None: not at all).
    """

    name: str

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Decide between usable answers, of which there is at least one; failed ones never get here.

        The result must not depend on the order of the answers.
        """
        ...


_Strategies: TypeAlias = Mapping[str, tuple[str, ConsensusStrategy]]
"""(plugin, strategy) by the strategy's name."""


def find_strategy(session: Session, name: str) -> tuple[PluginInfo, ConsensusStrategy] | None:
    """The strategy of that name and the plugin that brings it; None for ``auto``, which is chosen when answers are in.

    Raises:
        InputError: There is none of that name, or none at all; the hint says what to do.
    """
    strategies = session.plugins.consensus_strategies()
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
    usable = sorted((a for a in answers if a.is_usable), key=lambda a: (a.model.id, a.sample))
    if not usable:
        raise _no_answer(answers)
    named = find_strategy(session, strategy)
    if named is not None:
        info, chosen = named
        try:
            consensus = await _decided(chosen, task, usable, bench)
        except ConductorError:
            raise
        except Exception as exc:
            raise PluginError(
                f"strategy {chosen.name!r} of plugin {info.name!r} ({info.distribution}) failed: "
                f"{type(exc).__name__}: {exc}",
                hint="the answers are recorded; take another --strategy, and report this to the plugin's author",
            ) from exc
    else:
        consensus = await _suited(session, task, usable, bench)
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
        except Exception as exc:  # noqa: BLE001 - costs only this strategy
            session.warn(f"strategy {name!r} of plugin {plugin!r} is passed over: {_words(exc)}")
            continue
        if isinstance(fit, int):
            ranked.append((-fit, name))
    return [name for _, name in sorted(ranked)]


async def _suited(session: Session, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
    """The strategy that suits best decides; one that raises is warned about, and the next one tried."""
    strategies = session.plugins.consensus_strategies()
    for name in _ranked(session, strategies, task, answers, bench):
        plugin, strategy = strategies[name]
        try:
            return await _decided(strategy, task, answers, bench)
        except Exception as exc:  # noqa: BLE001 - costs only this strategy
            session.warn(f"strategy {name!r} of plugin {plugin!r} is passed over: {_words(exc)}")
    raise InputError("no installed strategy fits these answers", hint=f"install one: pip install {PACKAGE}")


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
        except Exception as exc:  # noqa: BLE001 - only the shortcut is lost
            session.warn(f"strategy {name!r} of plugin {plugin!r} cannot say when it is settled: {_words(exc)}")
            return False

    return is_settled


def _words(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"


async def _decided(strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
    consensus = await strategy.decide(task, answers, bench)
    if not isinstance(consensus, Consensus):
        raise TypeError(f"decide() gave {type(consensus).__name__}, not a Consensus")
    agreement = float(consensus.agreement)
    if not (math.isfinite(agreement) and 0 <= agreement <= 1):
        raise ValueError(f"agreement is {agreement!r}, not a share from 0 to 1")
    return attrs.evolve(
        consensus,
        strategy=strategy.name,
        agreement=agreement,
        confidence=agreement,
        calibrated=False,
        weights=dict(bench.weights),
    )


def collect_weights(session: Session, task: Task, models: Sequence[Model]) -> dict[str, float]:
    """Weight by model id: the first plugin's that knows it, else 1; what is no weight is warned about."""
    weights: dict[str, float] = {}
    for plugin, given in session.plugins.model_weights(session, task, models):
        if not isinstance(given, Mapping):
            session.warn(f"plugin {plugin!r} gave {type(given).__name__} in place of weights by model id: not used")
            continue
        for model in models:
            weight = given.get(model.id)
            if weight is None or model.id in weights:
                continue
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= sys.float_info.max:
                session.warn(f"plugin {plugin!r} gave {weight!r} as the weight of {model.id}: it is not used")
                continue
            weights[model.id] = float(weight)
    return {model.id: weights.get(model.id, 1.0) for model in models}
