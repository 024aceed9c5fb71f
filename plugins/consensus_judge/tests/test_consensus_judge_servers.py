"""The whole way: models on a scripted server answer, and one of them judges."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import codeconductor_consensus_judge
from codeconductor import Model, conduct, hookimpl, stream_openai_chat
from codeconductor.testing import a_task
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor import Chunk, Query, Run, Session
    from codeconductor.testing import MakeSession

ADDS = "```python\ndef add(a, b):\n    return a + b\n```"
SUBTRACTS = ADDS.replace("+", "-")


class Provider:
    """The models of one server; only the first is known to be large."""

    def __init__(self, host: str, *names: str) -> None:
        self._models = [
            Model(provider="acme", name=name, host=host, loaded=True, parameters=(9 - n) * 10**9)
            for n, name in enumerate(names)
        ]

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return self._models

    @hookimpl
    def conductor_query_model(self, session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
        return stream_openai_chat(session.client(model.host), model.name, query)


class Plain:
    """A renderer."""

    name = "plain"

    def render(self, task: object, consensus: object, limits: object) -> str:
        return "a prompt"

    @hookimpl
    def conductor_prompt_renderers(self) -> list[Any]:
        return [self]


def judging(body: Mapping[str, Any]) -> str:
    """The larger model says what adds is right, when it is asked about two; else it subtracts."""
    text = body["messages"][-1]["content"]
    if "Which is right" not in text:
        return SUBTRACTS
    return '{"reason": "it adds", "verdict": "%s"}' % ("A" if "a + b" in text.partition("\nB:\n")[0] else "B")


def run(make_session: MakeSession, server: ScriptedOpenAI, **settings: Any) -> Run:
    provider = Provider(server.host, "large", "middle", "little")
    tables = {"run": {"strategy": "judge", "renderer": "plain"}, **settings}
    session = make_session(tables, acme=provider, judge=codeconductor_consensus_judge, plain=Plain())

    async def whole() -> Run:
        async with session:
            return await conduct(session, a_task("Add two numbers."))

    return asyncio.run(whole())


def questions(server: ScriptedOpenAI) -> list[dict[str, Any]]:
    bodies = [request.body for request in server.requests if request.path == "/v1/chat/completions"]
    return [body for body in bodies if "Which is right" in body["messages"][-1]["content"]]


def test_the_largest_model_judges_in_both_orders(make_session: MakeSession) -> None:
    """It is asked with a schema, and what it wrote itself is not what it has to prefer."""
    models = [ScriptedModel(name="large", reply=judging), ScriptedModel(name="middle", reply=ADDS)]
    with ScriptedOpenAI(*models, ScriptedModel(name="little", reply=SUBTRACTS)) as server:
        done = run(make_session, server)
        asked = questions(server)
    assert done.consensus is not None
    assert done.consensus.choice is not None
    assert done.consensus.choice.model.name == "middle"
    assert "acme/large preferred the answer of acme/middle" in done.consensus.explanation
    assert [body["model"] for body in asked] == ["large", "large"]
    assert all(body["response_format"]["json_schema"]["schema"]["required"] == ["reason", "verdict"] for body in asked)
    first, second = (body["messages"][-1]["content"] for body in asked)
    assert (first.index("a - b") < first.index("a + b")) != (second.index("a - b") < second.index("a + b"))


def test_the_setting_names_another_judge(make_session: MakeSession) -> None:
    """One that always says B gives no verdict."""
    models = [ScriptedModel(name="large", reply=SUBTRACTS), ScriptedModel(name="middle", reply=ADDS)]
    little = ScriptedModel(
        name="little", reply=lambda body: "B" if "Which" in body["messages"][-1]["content"] else ADDS
    )
    with ScriptedOpenAI(*models, little) as server:
        done = run(make_session, server, judge={"model": "little"})
    assert done.consensus is not None
    assert done.consensus.choice is not None
    assert "acme/little preferred whatever stood second" in done.consensus.explanation
    assert done.consensus.choice.code[0].text.strip().endswith("a + b")


def test_a_judge_that_breaks_down_costs_the_verdict_alone(make_session: MakeSession) -> None:
    """The run goes on to its end with the larger group."""

    def once(body: Mapping[str, Any]) -> str:
        return "" if "Which is right" in body["messages"][-1]["content"] else SUBTRACTS

    models = [ScriptedModel(name="large", reply=once), ScriptedModel(name="middle", reply=ADDS)]
    with ScriptedOpenAI(*models, ScriptedModel(name="little", reply=ADDS)) as server:
        done = run(make_session, server)
    assert done.error is None
    assert done.consensus is not None
    assert done.consensus.explanation.startswith("Warning: acme/large could not judge (empty")
    assert done.consensus.agreement > 0.6
