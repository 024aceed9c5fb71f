"""Which requests are refused, in OpenAI's form of an error: each a status, a code, and words that say what to do."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import openai
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI, status
from codeconductor.testing.servers.faults import refusing_host
from codeconductor_serve import _body
from codeconductor_serve._errors import ApiError
from codeconductor_serve._streaming import ClientGone
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

HELLO = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
JSON = {"content-type": "application/json"}


def asked(
    served: Any, body: object, path: str = CHAT, headers: Mapping[str, str] = JSON, method: str = "POST"
) -> tuple[int, Any]:
    """Send a request as it is; gives the status and the error, which is null where there is none."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection.request(method, path, data, dict(headers))
    reply = connection.getresponse()
    said = json.loads(reply.read())
    connection.close()
    return reply.status, said.get("error", said)


def a_tool(**function: object) -> dict[str, object]:
    """A request with one tool."""
    return {"model": "acme/parrot", "messages": HELLO, "tools": [{"type": "function", "function": function}]}


WRONG = {
    "no model": ({"messages": HELLO}, "model"),
    "no messages": ({"model": "conductor"}, "messages"),
    "empty messages": ({"model": "conductor", "messages": []}, "messages"),
    "a message that is a text": ({"model": "conductor", "messages": ["Hello"]}, "messages[0]"),
    "an unknown role": ({"model": "conductor", "messages": [{"role": "king", "content": ""}]}, "messages[0].role"),
    "a number as content": (
        {"model": "conductor", "messages": [{"role": "user", "content": 1}]},
        "messages[0].content",
    ),
    "calls that are none": (
        {"model": "conductor", "messages": [{"role": "assistant", "tool_calls": [{}]}]},
        "messages[0].tool_calls",
    ),
    "a hot temperature": ({"model": "conductor", "messages": HELLO, "temperature": 9}, "temperature"),
    "no tokens": ({"model": "conductor", "messages": HELLO, "max_tokens": 0}, "max_tokens"),
    "tokens without end": ({"model": "conductor", "messages": HELLO, "max_tokens": 10**30}, "max_tokens"),
    "options in words": ({"model": "conductor", "messages": HELLO, "stream_options": "all"}, "stream_options"),
    "functions of old": ({"model": "conductor", "messages": HELLO, "functions": [{"name": "f"}]}, "functions"),
    "two replies": ({"model": "conductor", "messages": HELLO, "n": 2}, "n"),
    "stream in words": ({"model": "conductor", "messages": HELLO, "stream": "yes"}, "stream"),
    "a stop that is a number": ({"model": "conductor", "messages": HELLO, "stop": 3}, "stop"),
    "a stop that is an object": ({"model": "conductor", "messages": HELLO, "stop": {}}, "stop"),
    "a choice in a word that is none": ({**a_tool(name="f"), "tool_choice": "always"}, "tool_choice"),
    "a choice that is a number": ({**a_tool(name="f"), "tool_choice": 5}, "tool_choice"),
    "a strange format": (
        {"model": "conductor", "messages": HELLO, "response_format": {"type": "xml"}},
        "response_format",
    ),
    "a strange note": ({"model": "conductor", "messages": HELLO, "conductor": 1}, "conductor"),
    "a part of a type that is no text": (
        {"model": "conductor", "messages": [{"role": "user", "content": [{"type": []}]}]},
        "messages[0].content[0]",
    ),
    "tools that are no list": ({"model": "conductor", "messages": HELLO, "tools": {}}, "tools"),
    "a tool of another type": ({"model": "conductor", "messages": HELLO, "tools": [{"type": "x"}]}, "tools[0].type"),
    "a tool without a name": (a_tool(parameters={}), "tools[0].function"),
    "a schema that is a text": (a_tool(name="f", parameters="{}"), "tools[0].function.parameters"),
    "a schema of a list": (a_tool(name="f", parameters={"type": "array"}), "tools[0].function.parameters.type"),
    "properties in a list": (
        a_tool(name="f", parameters={"type": "object", "properties": ["a"]}),
        "tools[0].function.parameters.properties",
    ),
    "required in words": (
        a_tool(name="f", parameters={"type": "object", "required": "a"}),
        "tools[0].function.parameters.required",
    ),
    "a choice of no tool": (
        {**a_tool(name="f"), "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice",
    ),
}


# Fields


@pytest.mark.parametrize("wrong", WRONG)
def test_a_field_that_is_wrong_is_named(served: Any, wrong: str) -> None:
    """Status 400; `param` is where it stands."""
    body, param = WRONG[wrong]
    code, error = asked(served, body)
    assert (code, error["param"], error["type"]) == (400, param, "invalid_request_error"), error
    assert error["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]}),
        ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]}),
    ],
)
def test_images_are_refused_clearly(served: Any, path: str, body: dict[str, Any]) -> None:
    """Rather than passed over, as nobody would look at them."""
    code, error = asked(served, {"model": "conductor", **body}, path)
    assert (code, error["code"]) == (400, "unsupported_content")
    assert "images are not supported" in error["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input[0]"),
        ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": ["message"]}]}, "input[0]"),
        ({"input": [{"role": "user", "content": [{"type": {}}]}]}, "input[0].content[0]"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "x", "tools": [1]}, "tools[0]"),
        ({"input": "x", "text": 5}, "text"),
        ({"input": "x", "metadata": 5}, "metadata"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "background": 1}, "background"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
    ],
)
def test_a_response_is_refused_as_a_completion_is(served: Any, body: dict[str, Any], param: str) -> None:
    """With the field that is wrong."""
    code, error = asked(served, {"model": "conductor", **body}, "/v1/responses")
    assert (code, error["param"]) == (400, param), error


# Bodies and paths


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "property name"),
        (b"", "Expecting value"),
        (b"[]", "no JSON object"),
        (b"\xff", "not in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"temperature": NaN}', "NaN is no number"),
        (b'{"temperature": -Infinity}', "-Infinity is no number"),
        (b'{"temperature": 1e999}', "the number 1e999 is too large"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "a number in it is too long"),
    ],
)
def test_malformed_json_is_said_to_be_that(served: Any, body: bytes, says: str) -> None:
    """Also where it is no object, no UTF-8, nested without end, or has numbers that JSON has not."""
    code, error = asked(served, body)
    assert (code, error["code"]) == (400, "invalid_json")
    assert says in error["message"]
    assert "sys." not in error["message"]


def test_half_a_character_is_passed_on_as_the_sign_for_one(served: Any) -> None:
    """Wherever it stands: nothing that is sent on could hold it."""
    tool = '{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "title": "\\ud800"}}}'
    body = f'{{"model": "acme/parrot", "messages": [{{"role": "user", "content": "\\udc00"}}], "tools": [{tool}]}}'
    code, _ = asked(served, body.encode())
    assert code == 200
    body = '{"model": "acme/parrot", "input": "x", "metadata": {"a": "\\ud83d\\ude00 \\ud800"}}'
    assert asked(served, body.encode(), RESPONSES) == (200, None)


def test_a_body_that_does_not_end_is_not_waited_for_without_end() -> None:
    """After a time of silence it is 408; a client that leaves meanwhile is no fault."""

    def request(*messages: dict[str, Any]) -> Request:
        left = list(messages)

        async def receive() -> dict[str, Any]:
            if left:
                return left.pop(0)
            return await asyncio.Future()

        headers = [(b"content-type", b"application/json")]
        return Request({"type": "http", "method": "POST", "headers": headers}, receive)

    begun = {"type": "http.request", "body": b"{", "more_body": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_body, "SILENCE", 0.01)
        with pytest.raises(ApiError) as caught:
            asyncio.run(_body.body_of(request(begun)))
    assert (caught.value.status, caught.value.code) == (408, "request_timeout")
    with pytest.raises(ClientGone):
        asyncio.run(_body.body_of(request(begun, {"type": "http.disconnect"})))


def test_a_client_that_leaves_in_the_midst_of_its_body_is_no_fault_of_the_server(serve: Any) -> None:
    """Nothing is said of it on standard error, and others are answered."""
    served = serve()
    head = (
        "POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", urlsplit(served.url).port)) as leaving:
            leaving.sendall(f"{head}Content-Length: 9\r\n\r\n{{".encode())
            assert asked(served, None, "/healthz", {}, "GET")[0] == 200
    assert served.stop() == 0
    assert served.process.stderr.read() == ""


def test_only_json_is_read(served: Any) -> None:
    """A web page can send other types without asking first."""
    code, error = asked(served, {"model": "conductor", "messages": HELLO}, headers={"content-type": "text/plain"})
    assert (code, error["code"]) == (415, "unsupported_media_type")
    code, error = asked(served, b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"})
    assert (code, error["code"]) == (415, "unsupported_media_type")
    assert "'gzip'" in error["message"]


def test_a_body_of_more_than_16_mib_is_refused_and_one_of_10_is_read(served: Any) -> None:
    """The model that it would be sent to has a window of 8192 tokens, which is said before it is asked."""
    long = [{"role": "user", "content": "word " * (2 * 2**20)}]
    code, error = asked(served, {"model": "acme/parrot", "messages": long})
    assert (code, error["code"]) == (400, "context_length_exceeded")
    code, error = asked(served, {"model": "conductor", "messages": long})
    assert (code, error["code"]) == (400, "context_length_exceeded")
    code, error = asked(served, b'{"model": "' + b"x" * 17 * 2**20 + b'"}')
    assert (code, error["code"]) == (413, "request_too_large")


def test_paths_and_methods_are_refused_in_the_same_form(served: Any) -> None:
    """404 and 405, the latter with the methods that are known; a slash too many behind the models does no harm."""
    assert asked(served, {}, "/v1/embeddings")[0] == 404
    code, error = asked(served, None, CHAT, {}, "GET")
    assert (code, error["code"]) == (405, "method_not_allowed")
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    connection.request("PUT", "/v1/models")
    assert "GET" in connection.getresponse().headers["allow"]
    connection.close()
    assert asked(served, None, "/v1/models/", {}, "GET")[1]["object"] == "list"


# Models


def test_an_unknown_model_gets_the_nearest_names(served: Any) -> None:
    """Of models, and of strategies."""
    client = served.client()
    with pytest.raises(openai.NotFoundError, match="acme/parrot") as caught:
        client.chat.completions.create(model="acme/parot", messages=HELLO)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="conductor/most"):
        client.chat.completions.create(model="conductor/mots", messages=HELLO)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("parrot")


def test_no_models_and_no_answer_have_codes_of_their_own(serve: Any) -> None:
    """503 where there is nobody to ask, 502 where nobody could answer, also within a stream."""
    with ScriptedOpenAI(ScriptedModel(name="a", fault=status(500))) as server:
        client = serve(a=server.host).client()
        for model in ("conductor", "acme/a"):
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(model=model, messages=HELLO)
            assert (caught.value.status_code, caught.value.code) == (502, "no_answer")
        with pytest.raises(openai.APIError) as broken:
            list(client.chat.completions.create(model="conductor", messages=HELLO, stream=True))
        assert broken.value.code == "no_answer"
        failed = list(client.responses.create(model="conductor", input="Hello", stream=True))[-1]
        assert (failed.type, failed.response.error.message[:8]) == ("response.failed", "no model")
    client = serve().client()
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="conductor", messages=HELLO, stream=stream)
        assert (caught.value.status_code, caught.value.code) == (503, "no_models")


@pytest.mark.parametrize("path", ["chat", "responses"])
def test_a_model_of_a_server_that_is_down_is_not_unknown(serve: Any, path: str) -> None:
    """503, with the server that cannot be reached; other names are still unknown."""
    with refusing_host() as host, ScriptedOpenAI(ScriptedModel(name="a")) as server:
        serve.environment["DOWN"] = host
        client = serve(a=server.host).client()

        def ask(model: str) -> None:
            if path == "chat":
                client.chat.completions.create(model=model, messages=HELLO)
            else:
                client.responses.create(model=model, input="Hello")

        with pytest.raises(openai.InternalServerError, match=host) as caught:
            ask("down/llama3")
        assert (caught.value.status_code, caught.value.code) == (503, "server_unreachable")
        with pytest.raises(openai.NotFoundError):
            ask("acme/b")
