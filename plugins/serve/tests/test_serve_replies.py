"""What clients get: through OpenAI's own client, whole and in streams, from one model and from the team."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import Said, ScriptedModel, ScriptedOpenAI

if TYPE_CHECKING:
    from openai import OpenAI

ASKED: list[Any] = [{"role": "user", "content": "Which word?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CHAT = "/v1/chat/completions"


def a_call(city: str) -> Said:
    """A reply that wants the weather."""
    return Said(tool_calls=(("weather", {"city": city}),), finish_reason="tool_calls")


@pytest.fixture
def team(serve: Any) -> Any:
    """Serves a team of three, of which two say the same; gives (client, model server)."""
    models = [ScriptedModel(name=name, reply=reply) for name, reply in (("a", "blue"), ("b", "blue"), ("c", "red"))]
    with ScriptedOpenAI(*models) as server:
        yield serve(**{model.name: server.host for model in models}).client(), server


def test_models_are_the_team_its_strategies_and_each_model(team: Any) -> None:
    """Each can be looked up under its id, too."""
    client, _ = team
    names = [model.id for model in client.models.list()]
    assert names[0] == "conductor"
    assert {"conductor/auto", "conductor/most", "acme/a", "acme/b", "acme/c"} <= set(names)
    assert client.models.retrieve("acme/a").owned_by == "acme"


def test_the_team_gives_the_answer_that_it_agrees_on(team: Any) -> None:
    """With tokens in the usual place, and what is known of the decision in an object of its own."""
    client, _ = team
    reply = client.chat.completions.create(model="conductor/most", messages=ASKED)
    assert reply.choices[0].message.content == "blue"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    told = reply.model_extra["conductor"]
    assert told["strategy"] == "most"
    assert told["agreement"] == told["confidence"] == pytest.approx(2 / 3)
    assert told["calibrated"] is False
    assert told["models"] == ["acme/a", "acme/b", "acme/c"]
    assert {"run", "disagreements", "witness"} <= told.keys()


def test_a_conversation_is_passed_on_as_it_stands(team: Any) -> None:
    """Every turn, to every model, with the client's own settings."""
    client, server = team
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A colour?"},
        {"role": "assistant", "content": "green"},
        {"role": "user", "content": [{"type": "text", "text": "Another?"}]},
    ]
    client.chat.completions.create(model="conductor", messages=turns, temperature=0.5, max_tokens=7, stop=["."], seed=3)
    bodies = [request.body for request in server.asked(CHAT)]
    assert len(bodies) == 3
    for body in bodies:
        assert [turn["content"] for turn in body["messages"]] == ["Be brief.", "A colour?", "green", "Another?"]
        assert (body["temperature"], body["max_tokens"], body["stop"], body["seed"]) == (0.5, 7, ["."], 3)


def test_a_stream_tells_how_the_team_gets_on_and_then_the_answer(team: Any) -> None:
    """Progress is reasoning; what is known of the decision comes with the last chunk."""
    client, _ = team
    chunks = list(
        client.chat.completions.create(
            model="conductor/most", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thoughts = "".join(delta.model_extra.get("reasoning_content", "") for delta in deltas)
    assert "Asking acme/a, acme/b, acme/c." in thoughts
    assert "acme/c answered" in thoughts
    assert "Decided by most: agreement 0.67." in thoughts
    assert "".join(delta.content or "" for delta in deltas) == "blue"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-1].model_extra["conductor"]["strategy"] == "most"


def test_a_note_is_added_on_request(team: Any) -> None:
    """A line at the end of the text."""
    client, _ = team
    note = {"conductor": {"note": True}}
    reply = client.chat.completions.create(model="conductor/most", messages=ASKED, extra_body=note)
    assert reply.choices[0].message.content == "blue\n\n*conductor, most: agreement 0.67*"


def test_a_real_model_answers_under_its_id_in_its_own_pieces(serve: Any) -> None:
    """Its reasoning is kept apart, and no other model is asked."""
    model = ScriptedModel(name="a", reply=Said(text="one two", reasoning="hm"), chunk=4)
    with ScriptedOpenAI(model, "b") as server:
        client = serve(a=server.host, b=server.host).client()
        chunks = list(client.chat.completions.create(model="acme/a", messages=ASKED, stream=True))
        assert [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content] == ["one ", "two"]
        reply = client.chat.completions.create(model="acme/a", messages=ASKED)
        assert reply.choices[0].message.content == "one two"
        assert reply.choices[0].message.model_extra["reasoning_content"] == "hm"
        assert "conductor" not in reply.model_extra
        assert not server.asked(CHAT, "b")


def test_calls_of_tools_are_candidates_as_texts_are(serve: Any) -> None:
    """The call that most models want is made; each gets the tools, and later the result with its call."""
    models = [
        ScriptedModel(name="a", reply=a_call("Rome")),
        ScriptedModel(name="b", reply=a_call("Rome")),
        ScriptedModel(name="c", reply="I cannot know."),
    ]
    with ScriptedOpenAI(*models) as server:
        client: OpenAI = serve(**{model.name: server.host for model in models}).client()
        turns = [*ASKED]
        reply = client.chat.completions.create(model="conductor/most", messages=turns, tools=[WEATHER])
        assert reply.choices[0].finish_reason == "tool_calls"
        calls: Any = reply.choices[0].message.tool_calls
        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
            ("weather", {"city": "Rome"})
        ]
        assert [request.body["tools"][0]["function"]["name"] for request in server.asked(CHAT)] == ["weather"] * 3
        turns += [
            {"role": "assistant", "content": None, "tool_calls": [calls[0].model_dump()]},
            {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"},
        ]
        streamed = client.chat.completions.create(model="conductor/most", messages=turns, tools=[WEATHER], stream=True)
        called = [c for chunk in streamed for c in chunk.choices[0].delta.tool_calls or ()]
        assert [call.function.name for call in called if call.function] == ["weather"]
        last = server.asked(CHAT)[-1].body["messages"]
        assert last[-2]["tool_calls"][0]["id"] == last[-1]["tool_call_id"] == calls[0].id


def test_no_tool_is_offered_where_the_client_forbids_it(team: Any) -> None:
    """`tool_choice` none."""
    client, server = team
    client.chat.completions.create(model="conductor", messages=ASKED, tools=[WEATHER], tool_choice="none")
    assert all("tools" not in request.body for request in server.asked(CHAT))


def test_responses_are_given_whole_and_in_events(team: Any) -> None:
    """What Codex needs: items, their texts, and the whole response at the end."""
    client, server = team
    reply = client.responses.create(model="conductor/most", input="Which word?", instructions="Be brief.")
    assert reply.output_text == "blue"
    assert reply.status == "completed"
    assert reply.usage.total_tokens > 0
    assert reply.model_extra["conductor"]["strategy"] == "most"
    assert [turn["role"] for turn in server.asked(CHAT)[0].body["messages"]] == ["system", "user"]
    events = list(client.responses.create(model="conductor/most", input="Which word?", stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert "response.reasoning_summary_text.delta" in kinds
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "blue"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "blue"
    assert events[-1].response.model_extra["conductor"]["strategy"] == "most"


def test_calls_are_items_of_a_response(serve: Any) -> None:
    """And come back as items; tools that no model here has are left out."""
    with ScriptedOpenAI(ScriptedModel(name="a", reply=a_call("Rome"))) as server:
        client = serve(a=server.host).client()
        tools = [{"type": "function", **WEATHER["function"]}, {"type": "web_search"}]
        reply = client.responses.create(model="acme/a", input="How is Rome?", tools=tools)
        call = reply.output[0]
        assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "weather", {"city": "Rome"})
        turns = [
            {"role": "user", "content": "How is Rome?"},
            {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
        ]
        with client.responses.stream(model="conductor/most", input=turns, tools=tools) as stream:
            final = stream.get_final_response()
        assert [item.type for item in final.output if item.type != "reasoning"] == ["function_call"]
        sent = server.asked(CHAT)[-1].body
        assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "tool"]
        assert len(sent["tools"]) == 1


def test_runs_are_in_the_history_each_with_its_own_answers(serve: Any, tmp_path: Any) -> None:
    """Their command is `serve`; a question to one model is no run."""
    with ScriptedOpenAI(ScriptedModel(name="a", reply=lambda body: body["messages"][-1]["content"])) as server:
        running = serve("--no-execute", a=server.host)
        client = running.client()
        for word in ("one", "two"):
            client.chat.completions.create(model="conductor", messages=[{"role": "user", "content": word}])
        client.chat.completions.create(model="acme/a", messages=ASKED)
        assert running.stop() == 0
    with closing(sqlite3.connect(tmp_path / "data" / "history.db")) as database:
        runs = database.execute("SELECT task, command, status FROM run ORDER BY id").fetchall()
    assert runs == [("one", "serve", "finished"), ("two", "serve", "finished")]


def test_what_is_said_and_called_in_one_turn_is_one_message(serve: Any) -> None:
    """Items of the Responses API; the response repeats the request's instructions and metadata."""
    with ScriptedOpenAI(ScriptedModel(name="a", reply="Mild.")) as server:
        reply = (
            serve(a=server.host)
            .client()
            .responses.create(
                model="acme/a",
                instructions="Be brief.",
                metadata={"team": "blue"},
                input=[
                    {"role": "user", "content": "The weather?"},
                    {"role": "assistant", "content": "I look."},
                    {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "1"},
                    {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "2"},
                    {"type": "function_call_output", "call_id": "1", "output": "mild"},
                    {"type": "function_call_output", "call_id": "2", "output": "mild"},
                ],
            )
        )
        (asked,) = server.asked(CHAT)
    assert (reply.instructions, reply.metadata) == ("Be brief.", {"team": "blue"})
    messages = asked.body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool"]
    assert messages[2]["content"] == "I look."
    assert len(messages[2]["tool_calls"]) == 2


def test_who_may_call_nothing_calls_nothing(serve: Any) -> None:
    """With `tool_choice` none, though the model does."""
    with ScriptedOpenAI(ScriptedModel(name="a", reply=Said(text="Mild.", tool_calls=(("weather", {}),)))) as server:
        reply = (
            serve(a=server.host)
            .client()
            .chat.completions.create(model="acme/a", messages=ASKED, tools=[WEATHER], tool_choice="none")
        )
    assert reply.choices[0].message.tool_calls is None
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("Mild.", "stop")
