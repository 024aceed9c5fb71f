"""`tool_choice` and `parallel_tool_calls`: what a client is promised of calls, it gets, or an error that says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from codeconductor.testing.servers import Said, ScriptedModel, ScriptedOpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai import OpenAI

CHAT = "/v1/chat/completions"
ROME = ("weather", {"city": "Rome"})
OSLO = ("weather", {"city": "Oslo"})
CLOCK: tuple[str, dict[str, str]] = ("clock", {})
SAID = {
    "text": Said(text="I cannot know."),
    "rome": Said(text="I look.", tool_calls=(ROME,), finish_reason="tool_calls"),
    "clock": Said(tool_calls=(CLOCK,), finish_reason="tool_calls"),
    "both": Said(tool_calls=(ROME, OSLO), finish_reason="tool_calls"),
    "stray": Said(tool_calls=(("rm", {"path": "/"}),), finish_reason="tool_calls"),
    "nameless": Said(tool_calls=(("", {}),), finish_reason="tool_calls"),
    "mixed": Said(tool_calls=(("rm", {"path": "/"}), ROME), finish_reason="tool_calls"),
}


def script(body: Any) -> Said:
    """What a model says: the last message has its part by the model's name."""
    return SAID[json.loads(body["messages"][-1]["content"])[body["model"]]]


def described(name: str) -> dict[str, Any]:
    """A function, as the Responses API has it."""
    return {"name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


class Asking:
    """One way to ask: a protocol, whole or in a stream.

    Args:
        client: OpenAI's own.
        protocol: ``"chat"`` or ``"responses"``.
        stream: Whether the reply comes in pieces.
    """

    def __init__(self, client: OpenAI, protocol: str, *, stream: bool) -> None:
        self._client = client
        self._protocol = protocol
        self._stream = stream

    def choice(self, name: str) -> dict[str, Any]:
        """The choice of one function."""
        if self._protocol == "chat":
            return {"type": "function", "function": {"name": name}}
        return {"type": "function", "name": name}

    def allowed(self, mode: str, *names: str) -> dict[str, Any]:
        """The choice among some."""
        inner = {"mode": mode, "tools": [self.choice(name) for name in names]}
        if self._protocol == "chat":
            return {"type": "allowed_tools", "allowed_tools": inner}
        return {"type": "allowed_tools", **inner}

    def __call__(self, *said: str, **more: Any) -> tuple[str, list[tuple[str, Any]]]:
        """The text of the reply and its calls, where `weather` and `clock` are offered.

        Args:
            said: By the models `a`, `b` and `c`; of one, that model alone is asked.
            more: Fields of the request.
        """
        model = "conductor/most" if said[1:] else "acme/a"
        wish = json.dumps(dict(zip("abc", said * 3 if len(said) == 1 else said, strict=False)))
        return self._chat(model, wish, more) if self._protocol == "chat" else self._responses(model, wish, more)

    def _chat(self, model: str, wish: str, more: dict[str, Any]) -> tuple[str, list[tuple[str, Any]]]:
        tools: Any = [{"type": "function", "function": described(name)} for name in ("weather", "clock")]
        hello: Any = [{"role": "user", "content": wish}]
        if not self._stream:
            whole = self._client.chat.completions.create(model=model, messages=hello, tools=tools, **more)
            message = whole.choices[0].message
            calls: Any = message.tool_calls or []
            assert (whole.choices[0].finish_reason == "tool_calls") == bool(calls)
        else:
            chunks = list(
                self._client.chat.completions.create(model=model, messages=hello, tools=tools, stream=True, **more)
            )
            deltas = [chunk.choices[0].delta for chunk in chunks]
            calls = [call for delta in deltas for call in delta.tool_calls or ()]
            assert [call.index for call in calls] == list(range(len(calls)))
            assert (chunks[-1].choices[0].finish_reason == "tool_calls") == bool(calls)
        text = "".join(delta.content or "" for delta in deltas) if self._stream else message.content or ""
        return text, [(call.function.name, json.loads(call.function.arguments)) for call in calls]

    def _responses(self, model: str, wish: str, more: dict[str, Any]) -> tuple[str, list[tuple[str, Any]]]:
        tools: Any = [{"type": "function", **described(name)} for name in ("weather", "clock")]
        if not self._stream:
            final: Any = self._client.responses.create(model=model, input=wish, tools=tools, **more)
        else:
            events: Any = list(self._client.responses.create(model=model, input=wish, tools=tools, stream=True, **more))
            if events[-1].type == "response.failed":
                error = events[-1].response.error
                raise Failed(error.code, error.message)
            final = events[-1].response
        assert final.parallel_tool_calls == more.get("parallel_tool_calls", True)
        calls = [item for item in final.output if item.type == "function_call"]
        return final.output_text, [(call.name, json.loads(call.arguments)) for call in calls]


class Failed(Exception):
    """A stream of events that ends with a failure."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedOpenAI]:
    """The server of the three models."""
    with ScriptedOpenAI(*(ScriptedModel(name=name, reply=script) for name in "abc")) as server:
        yield server


@pytest.fixture(scope="module")
def client(upstream: ScriptedOpenAI, serve_all: Any) -> OpenAI:
    """A client of a server in front of them, that all tests share."""
    made: OpenAI = serve_all(a=upstream.host, b=upstream.host, c=upstream.host).client()
    return made


@pytest.fixture(
    params=[("chat", False), ("chat", True), ("responses", False), ("responses", True)],
    ids=["chat", "chat-stream", "responses", "responses-stream"],
)
def asking(request: pytest.FixtureRequest, client: OpenAI) -> Asking:
    """A way to ask."""
    protocol, stream = request.param
    return Asking(client, protocol, stream=stream)


def refused(asking: Asking, *said: str, **more: Any) -> str:
    """The message of a request that has no answer."""
    with pytest.raises((openai.APIError, Failed)) as caught:
        asking(*said, **more)
    assert isinstance(caught.value, openai.APIError | Failed)
    assert caught.value.code == "no_answer"
    if isinstance(caught.value, openai.APIStatusError):
        assert caught.value.status_code == 502
    return str(caught.value)


def test_where_a_call_is_required_texts_are_no_candidates(asking: Asking) -> None:
    """One call wins against any number of texts; without the requirement the texts win."""
    assert asking("text", "rome", "text", tool_choice="required") == ("I look.", [ROME])
    assert asking("rome", tool_choice="required") == ("I look.", [ROME])
    assert asking("text", "rome", "text") == ("I cannot know.", [])


def test_a_text_in_place_of_a_required_call_is_an_error(asking: Asking) -> None:
    """Who requires a call reads the call, and would stumble over a text that it did not ask for."""
    for said in (("text",), ("stray",), ("text", "stray", "text")):
        for choice in ("required", asking.choice("weather"), asking.allowed("required", "weather", "clock")):
            message = refused(asking, *said, tool_choice=choice)
            assert "no model called a function, and a call is required" in message


def test_the_function_that_is_named_is_the_one_that_is_called(asking: Asking, upstream: ScriptedOpenAI) -> None:
    """A call of another one is no candidate; the models are offered that one alone, and told that they must."""
    weather, clock = asking.choice("weather"), asking.allowed("required", "clock")
    assert asking("clock", "clock", "rome", tool_choice=weather)[1] == [ROME]
    sent = upstream.asked(CHAT)[-1].body
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["weather"]
    assert sent["tool_choice"] == "required"
    assert asking("mixed", tool_choice=weather) == ("", [ROME])
    assert asking("clock", "mixed", "rome", tool_choice=clock)[1] == [CLOCK]
    assert asking("clock", tool_choice=asking.allowed("auto", "clock"))[1] == [CLOCK]
    assert "tool_choice" not in upstream.asked(CHAT)[-1].body
    assert "is required" in refused(asking, "clock", tool_choice=weather)


def test_none_never_gives_a_call(asking: Asking) -> None:
    """Calls that models make all the same are left out, and where nothing else is said it is an error."""
    assert asking("rome", tool_choice="none") == ("I look.", [])
    assert asking("both", "both", "text", tool_choice="none") == ("I cannot know.", [])
    for said in (("both",), ("both", "clock", "both")):
        assert "no model gave a text, and no function may be called" in refused(asking, *said, tool_choice="none")


def test_a_call_without_a_name_is_none(asking: Asking) -> None:
    """Nobody could carry it out."""
    for said in (("nameless",), ("nameless", "nameless", "nameless")):
        assert "no model gave a text or a call that has a name" in refused(asking, *said)
    assert asking("nameless", "nameless", "rome") == ("I look.", [ROME])


def test_one_call_at_most_where_they_may_not_be_parallel(asking: Asking, upstream: ScriptedOpenAI) -> None:
    """The first one; the models are told so, too."""
    assert asking("both")[1] == [ROME, OSLO]
    assert asking("both", parallel_tool_calls=False)[1] == [ROME]
    assert upstream.asked(CHAT)[-1].body["parallel_tool_calls"] is False
    assert asking("both", "rome", "clock", parallel_tool_calls=False)[1] == [ROME]
    assert asking("both", "text", "text", parallel_tool_calls=False, tool_choice="required")[1] == [ROME]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "weather"}}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {}}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": 5}}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "always", "tools": []}}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}}, "tool_choice"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ],
)
def test_a_choice_that_nobody_could_follow_is_refused(client: OpenAI, wrong: dict[str, Any], param: str) -> None:
    """Before anybody is asked."""
    tools: Any = [{"type": "function", "function": described("weather")}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="conductor", messages=[{"role": "user", "content": "x"}], **{"tools": tools, **wrong}
        )
    assert caught.value.param == param
