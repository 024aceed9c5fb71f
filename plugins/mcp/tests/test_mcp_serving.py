"""How the server begins and ends, whom it answers, and which requests it refuses."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI
from codeconductor.testing.servers.faults import silence

ASKED = "/v1/chat/completions"


def hello(tool: str, **arguments: Any) -> str:
    """A handshake and a call, as lines of the protocol."""
    messages: list[dict[str, Any]] = [
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}},
    ]
    return "".join(json.dumps({"jsonrpc": "2.0"} | message) + "\n" for message in messages)


def begin(process: subprocess.Popen[str], tool: str, **arguments: Any) -> None:
    """Greet a server, wait for its greeting, and call a tool."""
    assert process.stdin is not None
    assert process.stdout is not None
    greeting, call = hello(tool, **arguments).split("\n", 1)
    process.stdin.write(greeting + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    process.stdin.write(call)
    process.stdin.flush()


# Standard input and output


def test_a_client_that_goes_away_ends_the_server_and_its_requests(world: Any) -> None:
    """Standard input ends in the midst of a call: exit 0, and no model is asked any longer."""
    with ScriptedOpenAI(ScriptedModel(name="parrot"), faults={ASKED: silence()}) as server:
        world.ask(server, "parrot")
        with world.start() as process:
            assert process.stdin is not None
            begin(process, "consensus", task="Add")
            server.wait_until(lambda: len(server.asked(ASKED)) > 0)
            process.stdin.close()
            process.stdin = None
            out, err = process.communicate()
        server.wait_until(lambda: len(server.cancelled(ASKED)) == len(server.asked(ASKED)))
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())


def test_without_any_input_it_ends_at_once(world: Any) -> None:
    """Nothing is said where nobody asked."""
    done = world.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_but_the_protocol_is_on_standard_output(world: Any) -> None:
    """A plugin that prints, and lines that are no message, disturb nobody."""
    with world.start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("this is no message\n" + hello("models"))
        process.stdin.flush()
        replies: list[dict[str, Any]] = []
        while not any(reply.get("id") == 2 for reply in replies):
            replies.append(json.loads(process.stdout.readline()))
        out, err = process.communicate()
    assert out == ""
    assert "break the protocol" in err
    assert process.returncode == 0
    (greeting,) = [reply["result"] for reply in replies if reply.get("id") == 1]
    assert greeting["protocolVersion"] == "2025-06-18"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_with_what_goes_on(world: Any, name: str) -> None:
    """Exit 130, though the client still holds the pipe; the requests to models are cancelled, the run is recorded."""
    with ScriptedOpenAI(ScriptedModel(name="parrot"), faults={ASKED: silence()}) as server:
        world.ask(server, "parrot")
        with world.start() as process:
            assert process.stderr is not None
            begin(process, "consensus", task="Add")
            server.wait_until(lambda: len(server.asked(ASKED)) > 0)
            process.send_signal(getattr(signal, name))
            process.wait()
            err = process.stderr.read()
        server.wait_until(lambda: len(server.cancelled(ASKED)) == len(server.asked(ASKED)))
    assert process.returncode == 130
    assert "Error: interrupted" in err
    assert "Traceback" not in err


# HTTP


def status(url: str, **headers: str) -> int:
    """The status of a well-formed request with other headers."""
    body = hello("models").splitlines()[0].encode()
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, data=body, headers=usual | headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as response:
            found: int = response.status
            return found
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code


def test_over_http_only_this_machine_is_answered(world: Any) -> None:
    """A web page may lead a browser here under another name: its Host, or its Origin, gives it away."""
    with world.over_http() as url:
        port = url.removesuffix("/mcp").rpartition(":")[2]
        assert status(url) == 200
        assert status(url, Origin=f"http://127.0.0.1:{port}") == 200
        assert status(url, Host=f"localhost:{port}") == 200
        assert status(url, Host=f"evil.example:{port}") == 421
        assert status(url, Host="127.0.0.1.evil.example") == 421
        assert status(url, Origin="http://evil.example") == 403
        assert status(url, Origin="null") == 403


def test_a_client_that_leaves_in_the_midst_of_its_request_is_no_fault(world: Any) -> None:
    """Nothing is said of it on standard error, and others are answered."""
    with world.start("--http", "--port", "0", stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        place = urlsplit(url)
        head = f"POST /mcp HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: application/json, text/event-stream\r\n"
        for kind in ("", "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"):
            with socket.create_connection((place.hostname, place.port)) as leaving:
                rest = f"{kind}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
                leaving.sendall((head + rest).encode())
                assert status(url) == 200
        assert status(url) == 200
        process.terminate()
        _, err = process.communicate()
    assert "Traceback" not in err
    assert "ClientDisconnect" not in err


def test_the_server_over_http_ends_at_a_signal(world: Any) -> None:
    """With what goes on in it: the requests to models are cancelled."""
    with world.start("--http", "--port", "0") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Serving on ")
        process.terminate()
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_taken_port_is_said(world: Any) -> None:
    """Exit 2, with what to do."""
    with world.over_http() as url:
        done = world.run("--http", "--port", url.removesuffix("/mcp").rpartition(":")[2])
    assert done.returncode == 2
    assert "cannot listen on" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


# What is refused


@pytest.mark.parametrize("transport", [(), ("--http", "--port", "0")], ids=["stdio", "http"])
def test_settings_that_are_wrong_are_refused_before_a_client_is_served(world: Any, transport: tuple[str, ...]) -> None:
    """Exit 2, with what to do, as other commands do: of the environment, of a file, and of the log."""

    def refused(*arguments: str) -> str:
        done = world.run(*transport, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Error: " in done.stderr
        assert "Hint: " in done.stderr
        assert "Traceback" not in done.stderr
        assert "Serving" not in done.stderr
        text: str = done.stderr
        return text

    assert "cannot write the log" in refused("--log-file", "/nonexist/x")
    world.environment["CONDUCTOR_RUN__BOGUS"] = "1"
    assert "CONDUCTOR_RUN__BOGUS" in refused()
    del world.environment["CONDUCTOR_RUN__BOGUS"]
    (world.project / "conductor.toml").write_text('[run]\ntimeout = "x"\n', encoding="utf-8")
    assert "timeout" in refused()


ERAS: dict[str, dict[str, Any]] = {
    "2025-11-25": {},
    "2026-07-28": {
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        }
    },
}


def replies_to(world: Any, era: str, *requests: tuple[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """The replies to requests, in their order, and what is on standard error."""
    greeting = hello("models").splitlines()[:2] if era == "2025-11-25" else []
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number + 10, "method": method, "params": params | ERAS[era]})
        for number, (method, params) in enumerate(requests)
    ]
    with world.start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join([*greeting, *lines, ""]))
        process.stdin.flush()
        read = [json.loads(process.stdout.readline()) for _ in range(bool(greeting) + len(requests))]
        _, err = process.communicate()
    replies = {reply["id"]: reply for reply in read}
    return [replies[number + 10] for number in range(len(requests))], err


@pytest.mark.parametrize("era", ERAS)
def test_a_request_that_is_none_is_refused_as_wrong_parameters(world: Any, era: str) -> None:
    """No name, arguments that are no object, a tool, a prompt and a run that do not exist; in either era."""
    replies, err = replies_to(
        world,
        era,
        ("tools/call", {"arguments": {}}),
        ("tools/call", {"name": 5, "arguments": {}}),
        ("tools/call", {"name": "consensus", "arguments": ["task"]}),
        ("tools/call", {"name": "consensuss", "arguments": {}}),
        ("prompts/get", {"name": "conducter", "arguments": {"task": "x"}}),
        ("resources/read", {"uri": "conductor://runs/none"}),
    )
    assert [reply["error"]["code"] for reply in replies] == [-32602] * len(replies)
    assert replies[3]["error"]["message"] == "there is no tool 'consensuss'; did you mean 'consensus'?"
    assert err == ""


def test_a_prompt_that_cannot_be_written_is_refused_with_the_reason(world: Any) -> None:
    """As wrong parameters; nothing is said on standard error."""
    asked = [
        {"name": "conductor"},
        {"name": "conductor", "arguments": {"task": "x", "tasks": "y"}},
        {"name": "conductor", "arguments": {"task": 5}},
        {"name": "conducter", "arguments": {"task": "x"}},
    ]
    greeting = hello("models").splitlines()[:2]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number + 10, "method": "prompts/get", "params": params})
        for number, params in enumerate(asked)
    ]
    with world.start() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join([*greeting, *lines, ""]))
        process.stdin.flush()
        read = [json.loads(process.stdout.readline()) for _ in range(1 + len(asked))]
        _, err = process.communicate()
    replies = {reply["id"]: reply for reply in read}
    errors = [replies[number + 10]["error"] for number in range(len(asked))]
    assert [error["code"] for error in errors] == [-32602] * len(asked)
    assert errors[0]["message"] == "prompt 'conductor': the argument 'task' is missing"
    assert errors[1]["message"] == "prompt 'conductor': unknown argument 'tasks'; did you mean 'task'?"
    assert errors[3]["message"] == "there is no prompt 'conducter'; did you mean 'conductor'?"
    assert err == ""
