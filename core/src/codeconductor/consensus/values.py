"""What a strategy decides and what it is given: a consensus with its fields and disagreements, and the bench."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codeconductor.consensus.record import TrackRecord
    from codeconductor.discovery import Model
    from codeconductor.dispatch import Answer, Message
    from codeconductor.sandbox import Outcome
    from codeconductor.task import Task

T = TypeVar("T")

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


@frozen(kw_only=True)
class Option:
    """One side of a disagreement: a value, its share of the votes (0 to 1), and the ids of the models behind it."""

    value: Any
    support: float
    models: tuple[str, ...] = attrs.field(default=(), converter=_ids)


@frozen(kw_only=True)
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


@frozen(kw_only=True)
class Disagreement:
    """A field on which the models differ, with the options, the best supported first."""

    field: str
    options: tuple[Option, ...] = attrs.field(converter=_options)


@frozen(kw_only=True)
class WitnessOption:
    """What some models' code returned for the witness.

    Attributes:
        result: What it returned, or what happened instead, in words.
        models: Ids of the models whose code it is, sorted; samples of one model may be behind several options.
        answers: How many answers do so; 0 where the strategy does not tell.
    """

    result: Any
    models: tuple[str, ...] = attrs.field(default=(), converter=_ids)
    answers: int = 0


@frozen(kw_only=True)
class Witness:
    """The smallest input on which the two largest groups of candidates differ."""

    input: Any
    options: tuple[WitnessOption, ...] = attrs.field(converter=_results)


@frozen(kw_only=True)
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
        signals: What a calibration turns into a probability, by name; one that is not known is absent. `families`:
            families whose answers were counted (with one family: its answers). `share`: of the votes behind the choice,
            0 to 1. `margin`: that less the best other group's, -1 to 1. `groups`: different values or behaviours.
            `posterior`: the probability that votes of the track record's rates give the choice. `rate`: of the best
            model behind the choice, 0 to 1; absent without a record. `passed`: share of the given examples that the
            choice passes; 1 where there are none. `failed`: share of the answers that could not be counted, 0 to
            1. `inputs`: on which candidates were compared. A strategy may add its own; core adds `record`, the earlier
            tasks that the track record is learned from, where there are any.
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
    signals: Mapping[str, float] = attrs.field(factory=dict)
    strategy: str = ""
    confidence: float = 0.0
    calibrated: bool = False
    weights: Mapping[str, float] = attrs.field(factory=dict)


class Bench(Protocol):
    """What a strategy may use beyond the answers.

    Attributes:
        weights: Weight by model id, for every model that was asked.
        record: What earlier tasks with known outcomes say of these models; without any, it has 0 `tasks`.
        seed: For whatever a strategy draws by chance.
        can_run: Whether `run` runs code here.
        models: That `ask` can reach: the chat models that were found, those on somebody else's computer only where
            they are asked in this run; none where recorded answers are decided.
    """

    @property
    def weights(self) -> Mapping[str, float]: ...
    @property
    def record(self) -> TrackRecord: ...
    @property
    def seed(self) -> int: ...
    @property
    def can_run(self) -> bool: ...
    @property
    def models(self) -> Sequence[Model]: ...

    def settings(self, name: str, cls: type[T]) -> T:
        """The plugin's own settings table, as its hook ``conductor_settings`` declares it.

        Raises:
            InputError: An unknown key or a wrong value.
        """
        ...

    async def ask(
        self, model: Model, messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask one model again; a failure is an answer with an `error`."""
        ...

    async def run(
        self, programs: Sequence[str], inputs: Sequence[str], entry_point: str
    ) -> Sequence[Sequence[Outcome]]:
        """Run programs in the sandbox: a row of outcomes a program, in the order of the inputs.

        Args:
            programs: Whole Python sources.
            inputs: For an entry point, the source of a call's arguments as it stands between the parentheses; for a
                whole program, its standard input.
            entry_point: A function's name, ``Solution().method``, or empty for a whole program.
        """
        ...


@runtime_checkable
class ConsensusStrategy(Protocol):
    """Decides which answer to trust; ``--strategy`` finds it by its name.

    It may also have ``settled(task, answers, pending) -> bool``: true ends the waiting for the `pending` answers that
    are still to come; and ``suits(task, answers, bench) -> int | None``: how well it fits, by which ``auto`` chooses
    (the highest; ties by name; None: not at all). With ``decides = "code"`` it says that it looks at programs alone:
    what answers plan beside these, and answers that are function calls, are then decided by the best suited strategy
    that does not say so. With
    ``calibrations``, a path or what ``importlib.resources.files`` gives, it brings a table that ``conductor calibrate``
    has made of its decisions: where that fits the `signals`, `confidence` is a probability. It is read when the
    strategy first decides. With ``asks = True`` it says that it asks models: then ``bench.models`` has those in reach
    for answers that were recorded earlier, too.
    """

    name: str

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Decide between usable answers, of which there is at least one; failed ones never get here.

        The result must not depend on the order of the answers.
        """
        ...
