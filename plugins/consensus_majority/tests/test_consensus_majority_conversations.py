"""Conversations in which functions may be called: calls and texts are candidates, and all texts are one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Message, Query, ToolCall
from codeconductor.testing import a_bench, a_model, a_task
from codeconductor_consensus_majority._strategies import Best, Majority

if TYPE_CHECKING:
    from codeconductor import Consensus, ConsensusStrategy, Task

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather"}}


def decided(*said: str, strategy: ConsensusStrategy | None = None, **fields: Any) -> Consensus:
    """The decision of models of which each wants the weather of a city (`@Rome`), or says something."""
    query = Query(messages=[Message("user", "How is Rome?")], tools=[TOOL], **fields)
    task: Task = a_task(text="How is Rome?", kind="call", functions=[TOOL], query=query)
    answers = [
        Answer(model=a_model(name=f"m{number}"), tool_calls=(ToolCall(name="weather", arguments=text[1:]),))
        if text.startswith("@")
        else Answer(model=a_model(name=f"m{number}"), text=text)
        for number, text in enumerate(said)
    ]
    return asyncio.run((strategy or Majority()).decide(task, answers, a_bench()))


def test_the_call_that_most_want_is_made_however_its_arguments_are_written() -> None:
    """By name and normalised arguments."""
    consensus = decided('@{"city": "Rome", "days": 1}', '@{"days": 1.0, "city": "rome "}', "I do not know.")
    assert consensus.choice is not None
    assert consensus.choice.tool_calls
    assert consensus.agreement == pytest.approx(2 / 3)


def test_texts_together_are_one_candidate() -> None:
    """Whatever they say: that nothing is called is what they agree on; between equals the call is made."""
    consensus = decided('@{"city": "Rome"}', "It is sunny.", "I cannot know the weather.")
    assert consensus.choice is not None
    assert consensus.outcome == {"text": consensus.choice.text}
    assert consensus.agreement == pytest.approx(2 / 3)
    level = decided('@{"city": "Rome"}', "It is sunny.")
    assert level.choice is not None
    assert level.choice.tool_calls


def test_words_are_a_call_only_of_a_function_that_was_offered() -> None:
    """Code in a text is none."""
    assert "calls" in decided('weather(city="Rome")').outcome
    assert "text" in decided('print("Rome")').outcome


def test_where_a_call_is_required_texts_have_no_vote() -> None:
    """One that is spelled in words wins against them."""
    said = ["I do not know.", 'weather(city="Rome")', "I do not know."]
    assert "text" in decided(*said).outcome
    assert decided(*said, tool_choice="required").outcome["calls"] == [
        {"name": "weather", "arguments": {"city": "Rome"}}
    ]


def test_the_best_model_may_say_something_where_others_call() -> None:
    """Its text is the outcome."""
    consensus = decided("It is sunny.", '@{"city": "Rome"}', strategy=Best())
    assert consensus.outcome == {"text": "It is sunny."}
