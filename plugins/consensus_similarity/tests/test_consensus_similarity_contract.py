"""What every strategy promises, and when `auto` takes this one."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor.testing import StrategyContract, a_bench, a_task, an_answer
from codeconductor_consensus_similarity import conductor_consensus_strategies

(MEDOID,) = conductor_consensus_strategies()


class TestMedoid(StrategyContract):
    """The answer most like the others."""

    @pytest.fixture
    def strategy(self) -> Any:
        return MEDOID


CODE = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("task", "texts", "fits"),
    [
        ({}, [CODE, CODE.replace("a + b", "b + a")], True),
        ({}, [CODE, CODE], False),
        ({}, [CODE, "plain words"], False),
        ({"language": "rust"}, [CODE, CODE.replace("a + b", "b + a")], False),
        ({"kind": "question", "language": None}, ["4", "5"], False),
    ],
    ids=["python", "all-the-same", "one-program", "rust", "question"],
)
def test_auto_takes_it_for_python_programs_that_differ(task: dict[str, Any], texts: list[str], fits: bool) -> None:
    """Where they can be run, other strategies suit better; elsewhere a majority, which suits anything with 10."""
    answers = [an_answer(text, sample=sample) for sample, text in enumerate(texts)]
    assert (MEDOID.suits(a_task(**task), answers, a_bench(answers)) > 10) is fits  # type: ignore[attr-defined]
