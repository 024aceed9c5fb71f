"""Who may ask: hosts, origins, tokens and browsers' pages, and which addresses are served at all."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI

HELLO = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def asked(served: Any, body: object, path: str, headers: dict[str, str], method: str) -> tuple[int, dict[str, Any]]:
    """Send a request with just these headers; gives the status and the error."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
    reply = connection.getresponse()
    said = json.loads(reply.read())
    connection.close()
    return reply.status, said.get("error", said)


# Hosts and origins


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "foreign_host"),
        ({"Host": "evil.example:7777"}, "foreign_host"),
        ({"Host": "127.0.0.1.evil.example"}, "foreign_host"),
        ({"Host": "localhost@evil.example"}, "foreign_host"),
        ({"Host": ""}, "foreign_host"),
        ({"Origin": "https://evil.example"}, "foreign_origin"),
        ({"Origin": "null"}, "foreign_origin"),
        ({"Origin": "http://localhost.evil.example"}, "foreign_origin"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models"), ("GET", "/healthz")])
def test_foreign_hosts_and_origins_are_refused(
    served: Any, headers: dict[str, str], code: str, method: str, path: str
) -> None:
    """A page whose name was made to lead here, and any other page."""
    body = {"model": "conductor", "messages": HELLO} if method == "POST" else None
    assert asked(served, body, path, JSON | headers, method)[0] == 403
    assert asked(served, body, path, JSON | headers, method)[1]["code"] == code


@pytest.mark.parametrize(
    "headers", [{"Host": "localhost"}, {"Host": "[::1]:80"}, {"Origin": "http://localhost:3000"}, {"Host": "127.0.0.1"}]
)
def test_names_of_this_machine_are_welcome(served: Any, headers: dict[str, str]) -> None:
    """Whatever the port."""
    assert asked(served, None, "/healthz", headers, "GET") == (200, {"status": "ok"})


def preflight(served: Any, **headers: str) -> tuple[int, http.client.HTTPMessage]:
    """What a browser asks before a page may; gives the status and the headers."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=60)
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-stainless-os"}
    connection.request("OPTIONS", CHAT, None, asks | headers)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status, reply.headers


def test_pages_that_may_ask_can_from_a_browser(serve: Any) -> None:
    """It asks beforehand, without the token, and reads replies and refusals; all other pages are told nothing."""
    serve.environment.update(TOKEN="correct horse", CONDUCTOR_SERVE__ORIGINS="https://chat.example")
    served = serve("--token-env", "TOKEN")
    for origin in ("https://chat.example", "http://localhost:3000"):
        code, headers = preflight(served, Origin=origin)
        assert (code, headers["access-control-allow-origin"]) == (200, origin)
        assert "POST" in headers["access-control-allow-methods"]
        assert headers["access-control-allow-headers"] == "authorization,x-stainless-os"
        assert "access-control-allow-credentials" not in headers
        for token, expected in (("correct horse", 200), ("wrong horse", 401)):
            request = urllib.request.Request(
                f"{served.url}/v1/models", headers={"Origin": origin, "Authorization": f"Bearer {token}"}
            )
            try:
                reply: Any = urllib.request.urlopen(request)
            except urllib.error.HTTPError as exc:
                reply = exc
            with reply:
                assert (reply.status, reply.headers["access-control-allow-origin"]) == (expected, origin)
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "https://chat.example", "Host": "evil.example"}):
        code, headers = preflight(served, **foreign)
        assert (code, headers["access-control-allow-origin"]) == (403, None)


# Tokens and addresses


def test_a_token_is_needed_where_one_is_set(serve: Any) -> None:
    """By every path but the one that tells nothing; it stands in no message."""
    serve.environment["TOKEN"] = "correct horse"
    with ScriptedOpenAI(ScriptedModel(name="a", reply="yes")) as server:
        served = serve("--token-env", "TOKEN", a=server.host)
        with pytest.raises(openai.AuthenticationError) as caught:
            served.client("wrong horse").models.list()
        assert caught.value.code == "invalid_api_key"
        assert "horse" not in str(caught.value)
        assert asked(served, None, "/v1/models", {}, "GET")[0] == 401
        assert asked(served, None, "/v1/models", {"Authorization": "Basic correct horse"}, "GET")[0] == 401
        assert asked(served, None, "/healthz", {}, "GET")[0] == 200
        assert served.client("correct horse").models.list().data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "--token-env"),
        (("--host", "0.0.0.0", "--token-env", "UNSET"), "UNSET"),
        (("--token-env", "SHORT"), "fewer than 8"),
        (("--port", "70000"), "port"),
    ],
)
def test_an_open_address_needs_a_token_that_is_set(serve: Any, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2 before anything listens."""
    serve.environment["SHORT"] = "abc"
    process = serve.command(*arguments)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in told
    assert "Traceback" not in told


def test_a_port_that_is_taken_is_exit_2(serve: Any, served: Any) -> None:
    """With what to do."""
    process = serve.command("--port", str(urlsplit(served.url).port))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--port" in told
