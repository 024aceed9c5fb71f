"""What core relies on in a consensus strategy."""

from __future__ import annotations

import asyncio
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from codeconductor.consensus import Consensus
from codeconductor.converters import to_plain
from codeconductor.testing.contracts.base import Contract, must_override
from codeconductor.testing.values import a_bench, a_task, an_answer

if TYPE_CHECKING:
    from codeconductor.consensus import Bench, ConsensusStrategy
    from codeconductor.dispatch import Answer
    from codeconductor.task import Task

_ADDS = """\
```json
{"approach": "add with the operator", "requirements": ["adds two numbers"], "dependencies": []}
```
```python
def add(a, b):
    return a + b
```"""

_ALSO_ADDS = _ADDS.replace("(a, b)", "(a, b, /)").replace("adds two numbers", "adds two numbers of any type")

_SUBTRACTS = """\
```json
{"approach": "subtract the negated one", "requirements": ["raises TypeError for a text"], "dependencies": ["numpy"]}
```
```python
def add(a, b):
    return a - (-b)
```"""


class StrategyContract(Contract):
    """Override `strategy`; the rest has defaults that suit a strategy for code."""

    @pytest.fixture
    def strategy(self) -> ConsensusStrategy:
        """The strategy, as its hook gives it."""
        raise must_override("strategy", "give the object that `conductor_consensus_strategies` brings")

    @pytest.fixture
    def task(self) -> Task:
        """What was asked."""
        return a_task()

    @pytest.fixture
    def answers(self) -> Sequence[Answer]:
        """Usable answers of three models, two of which are near to each other."""
        return [
            an_answer(_ADDS, model="one"),
            an_answer(_ALSO_ADDS, model="two"),
            an_answer(_SUBTRACTS, model="three"),
        ]

    @pytest.fixture
    def bench(self, answers: Sequence[Answer]) -> Bench:
        """Weights of 1, models that fail when they are asked again, and no sandbox."""
        return a_bench(answers)

    def test_its_name_is_what_people_type(self, strategy: ConsensusStrategy) -> None:
        """`--strategy NAME` finds it: a text in lower case without blanks."""
        assert isinstance(strategy.name, str), "give it a `name`"
        assert strategy.name == strategy.name.lower().strip(), "write the name in lower case"
        assert strategy.name, "the name is empty"
        assert " " not in strategy.name, "the name has a blank"
        assert strategy.name != "auto", "`auto` stands for the strategy that fits best"

    def test_deciding_is_a_coroutine_function(self, strategy: ConsensusStrategy) -> None:
        """A strategy may ask models again, so it is awaited."""
        assert inspect.iscoroutinefunction(strategy.decide), "write `async def decide`"

    def test_it_gives_a_consensus(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """The result is a `Consensus` whose agreement is a share from 0 to 1."""
        consensus = _decided(strategy, task, answers, bench)
        assert isinstance(consensus, Consensus), f"give a Consensus, not {consensus!r}"
        assert isinstance(consensus.outcome, Mapping), "`outcome` has values by field"
        assert math.isfinite(consensus.agreement), "`agreement` is a share from 0 to 1"
        assert 0 <= consensus.agreement <= 1, "`agreement` is a share from 0 to 1"

    def test_its_choice_is_one_of_the_answers(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """`choice` names the recorded answer that the outcome was taken from, or is None."""
        choice = _decided(strategy, task, answers, bench).choice
        assert choice is None or any(choice is answer for answer in answers), "do not make up an answer"

    def test_its_outcome_can_be_written_as_json(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """The outcome goes into `--json` documents: texts, numbers, lists and mappings alone."""
        consensus = _decided(strategy, task, answers, bench)
        json.dumps(dict(consensus.outcome), default=to_plain, allow_nan=False)

    def test_it_names_backers_by_id(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """Backers of fields and of options are ids of models that answered."""
        consensus = _decided(strategy, task, answers, bench)
        ids = {answer.model.id for answer in answers}
        for field in consensus.fields:
            assert ids.issuperset(field.models), f"field {field.name!r} is backed by somebody else"
            assert 0 <= field.support <= 1, f"support of {field.name!r} is a share from 0 to 1"
        for disagreement in consensus.disagreements:
            for option in disagreement.options:
                assert ids.issuperset(option.models), f"an option of {disagreement.field!r} is backed by somebody else"

    def test_the_order_of_the_answers_changes_nothing(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """Answers come in by chance; the decision must not."""
        first, *others = [
            _comparable(_decided(strategy, task, order, bench)) for order in list(permutations(answers))[:24]
        ]
        for other in others:
            assert other == first, "break ties by something else than the order of arrival, such as the model's id"

    def test_it_decides_the_same_every_time(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """Whatever is drawn by chance is drawn with `bench.seed`."""
        first, second = (_comparable(_decided(strategy, task, answers, bench)) for _ in range(2))
        assert first == second, "draw by chance with random.Random(bench.seed)"

    def test_one_answer_is_enough(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """A strategy gets at least one answer, and sometimes no more."""
        assert isinstance(_decided(strategy, task, answers[:1], bench), Consensus)

    @pytest.mark.parametrize(
        "text",
        ["plain words", '```json\n{"approach": "words alone"}\n```', "```python\nprint(1)\n```", '{"answer": "four"}'],
        ids=["text", "proposal", "code", "answer"],
    )
    def test_it_takes_any_usable_answer(self, strategy: ConsensusStrategy, task: Task, text: str) -> None:
        """An answer is usable with a proposal, with code, or with plain text alone."""
        answers = [an_answer(text, model="one"), an_answer(text + "\n\nThat is all.", model="two")]
        assert isinstance(_decided(strategy, task, answers, a_bench(answers)), Consensus)

    def test_its_opinions_have_the_right_type(
        self, strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench
    ) -> None:
        """`settled`, where it has one, says yes or no; `suits` gives a whole number or None."""
        settled, suits = getattr(strategy, "settled", None), getattr(strategy, "suits", None)
        if settled is not None:
            assert isinstance(settled(task, answers, 1), bool), "`settled` gives True or False"
        if suits is not None:
            fit = suits(task, answers, bench)
            assert fit is None or isinstance(fit, int), "`suits` gives a whole number, or None: not at all"


def _decided(strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
    return asyncio.run(_decide(strategy, task, answers, bench))


async def _decide(strategy: ConsensusStrategy, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
    return await strategy.decide(task, answers, bench)


def _comparable(consensus: Consensus) -> Any:
    return to_plain(consensus)
