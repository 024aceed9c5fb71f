"""Every tool with the official client, over both transports, in both eras of the protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # jsonschema has no types
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ElicitResult, TextContent

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult


pytestmark = pytest.mark.anyio

ARGUMENTS = {
    "consensus": {"task", "kind", "language", "strategy", "context_paths"},
    "choose": {"task", "answers", "strategy"},
    "models": set(),
    "verify": {"path", "tests"},
    "history": {"limit"},
}

FEW = 3000
"""Characters that all tools may take in a model's context."""


def text_of(result: CallToolResult) -> str:
    """What a call says, which is a text."""
    content = result.content[0]
    assert isinstance(content, TextContent)
    return content.text


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a call, which is what its schema says and what its text says."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    (schema,) = [listed.output_schema for listed in (await client.list_tools()).tools if listed.name == tool]
    jsonschema.validate(result.structured_content, schema)
    assert json.loads(text_of(result)) == result.structured_content
    found: dict[str, Any] = result.structured_content
    return found


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The text of a call that is an error."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    text = text_of(result)
    assert "Traceback" not in text
    return text


async def test_the_tools_are_those_of_the_contract(world: Any, way: tuple[str, str]) -> None:
    """Names and arguments are exact, each has a schema of its result, and all of them are short."""
    async with world.client(*way) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name: set(tool.input_schema["properties"]) for tool in tools} == ARGUMENTS
    assert all(tool.output_schema["type"] == "object" for tool in tools)
    assert [tool.input_schema["additionalProperties"] for tool in tools] == [False] * len(tools)
    assert sum(len(f"{tool.name}{tool.description}{json.dumps(tool.input_schema)}") for tool in tools) < FEW


async def test_every_tool_gives_a_structured_result(world: Any, way: tuple[str, str]) -> None:
    """A run, a decision, the models, a verification, and the history with the run as a resource."""
    (world.project / "given.txt").write_text("as given", encoding="utf-8")
    (world.project / "one.case").write_text("passes", encoding="utf-8")

    async def yes(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"approve": True})

    models = [ScriptedModel(name="little", reply="a"), ScriptedModel(name="large", reply="the longest")]
    with ScriptedOpenAI(*models) as server:
        world.ask(server, "little", "large")
        async with world.client(*way, elicitation_callback=yes) as client:
            listed = await call(client, "models")
            assert {model["id"] for model in listed["models"]} == {"acme/little", "acme/large"}
            run = await call(
                client,
                "consensus",
                task="Add two numbers",
                kind="function",
                language="Go",
                strategy="longest",
                context_paths=["given.txt"],
            )
            assert run["prompt"]["text"] == "Add two numbers ['given.txt']\nthe longest"
            assert run["task"] == {"text": "Add two numbers", "kind": "function", "language": "go"}
            assert run["consensus"]["choice"] == {"model": "acme/large", "sample": 0}
            assert [answer["error"] for answer in run["answers"]] == [None, None]
            past = await call(client, "history", limit=1)
            assert [(one["id"], one["command"]) for one in past["runs"]] == [(run["id"], "mcp")]
            for uri in (run["resource"], "conductor://runs/last"):
                whole = json.loads((await client.read_resource(uri)).contents[0].text)
                assert whole["schema"] == "conductor.run/1"
                assert {answer["text"] for answer in whole["answers"]} == {"a", "the longest"}
            chosen = await call(client, "choose", task="Add", answers=["a", "bbb", "cc"])
            assert (chosen["index"], chosen["answer"], chosen["strategy"]) == (1, "bbb", "longest")
            report = await call(client, "verify", path=str(world.project))
            assert (report["runner"], report["passed"], report["green"]) == ("listing", 1, True)
    assert len(server.asked("/v1/chat/completions")) == 2


async def test_tests_that_fail_are_a_result(world: Any) -> None:
    """Not an error of the tool: the report says what failed."""
    (world.project / "one.case").write_text("fails", encoding="utf-8")

    async def yes(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"approve": True})

    async with world.client(elicitation_callback=yes) as client:
        report = await call(client, "verify", path=".")
    assert (report["failed"], report["green"]) == (1, False)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ElicitResult(action="decline"), "did not agree"),
        (ElicitResult(action="cancel"), "did not agree"),
        (ElicitResult(action="accept", content={"approve": False}), "did not agree"),
        (ElicitResult(action="accept"), "does not say whether"),
        (ElicitResult(action="accept", content={"approve": "perhaps"}), "does not say whether"),
        (None, "cannot ask for it"),
    ],
    ids=["decline", "cancel", "cleared", "empty", "other", "absent"],
)
async def test_without_a_yes_nothing_is_run(
    world: Any, way: tuple[str, str], answer: ElicitResult | None, says: str
) -> None:
    """`verify` is then an error that says so; the person was told which folder and which tests."""
    (world.project / "one.case").write_text("passes", encoding="utf-8")
    asked = []

    async def answering(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        assert answer is not None
        return answer

    async with world.client(*way, elicitation_callback=None if answer is None else answering) as client:
        text = await refused(client, "verify", path=str(world.project), tests=["one.case"])
    assert "not approved" in text
    assert says in text
    assert "Resolver" not in text
    assert [str(world.project) in one and "one.case" in one for one in asked] == [True] * (answer is not None)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"error": {"code": -32602, "message": "no window to ask in"}}, "could not ask (no window to ask in)"),
        ({"result": {"action": "perhaps"}}, "does not say whether"),
        ({"result": {"action": "accept", "content": [True]}}, "does not say whether"),
        ({"result": {}}, "does not say whether"),
    ],
)
def test_a_client_that_cannot_ask_after_all_has_not_approved(world: Any, reply: dict[str, Any], says: str) -> None:
    """It says that it can, and answers the question with an error, or with something that is no answer."""
    (world.project / "one.case").write_text("passes", encoding="utf-8")
    hello = {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    verify = {"id": 2, "method": "tools/call", "params": {"name": "verify", "arguments": {"path": "."}}}
    with world.start() as process:

        def send(*messages: dict[str, Any]) -> dict[str, Any]:
            for message in messages:
                process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
            process.stdin.flush()
            got: dict[str, Any] = json.loads(process.stdout.readline())
            return got

        send(hello)
        question = send({"method": "notifications/initialized"}, verify)
        assert question["method"] == "elicitation/create"
        result = send({"id": question["id"]} | reply)["result"]
        _, err = process.communicate()
    assert result["isError"]
    text = result["content"][0]["text"]
    assert text.startswith("not approved: ")
    assert says in text
    assert "Resolver" not in text
    assert err == ""


async def test_what_cannot_be_verified_is_refused_before_anybody_is_asked(world: Any) -> None:
    """A folder that does not exist, a file, and no path at all; and where nothing fits, after the yes."""
    (world.project / "file").write_text("", encoding="utf-8")
    asked = []

    async def yes(_context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={})

    async with world.client(elicitation_callback=yes) as client:
        assert "does not exist" in await refused(client, "verify", path="nowhere")
        assert "is no folder" in await refused(client, "verify", path="file")
        assert "is no path" in await refused(client, "verify", path="~nobody-of-that-name/project")
        assert asked == []
        text = await refused(client, "verify", path=".")
        assert "no runner fits" in text
        assert "give tests with tests" in text
        assert "--" not in text
        assert len(asked) == 1


async def test_arguments_that_are_wrong_are_errors_of_the_tool(world: Any, way: tuple[str, str]) -> None:
    """They name the argument; nothing is asked."""
    with ScriptedOpenAI(ScriptedModel(name="parrot")) as server:
        world.ask(server, "parrot")
        async with world.client(*way) as client:
            assert "task" in await refused(client, "consensus")
            assert "unknown argument 'tsk'; did you mean 'task'?" in await refused(client, "consensus", tsk="Add")
            assert "unknown argument 'bogus'" in await refused(client, "consensus", task="Add", bogus=1)
            assert "it takes none" in await refused(client, "models", bogus=1)
            missing = await refused(client, "consensus", task="Add", context_paths=["nowhere.txt"])
            assert "check the path in context_paths" in missing
            assert "kind" in await refused(client, "consensus", task="Add", kind="poem")
            assert "the task is empty" in await refused(client, "consensus", task=" ")
            assert "answers" in await refused(client, "choose", task="Add", answers=[])
            assert "answers" in await refused(client, "choose", task="Add", answers="a")
            assert "limit" in await refused(client, "history", limit=0)
            for strategy in ("longets", "nonsense"):
                text = await refused(client, "consensus", task="Add", strategy=strategy)
                assert f"unknown strategy {strategy!r}" in text
            assert "did you mean 'longest'?" in await refused(
                client, "choose", task="A", answers=["a"], strategy="longe"
            )
            for path in ("/etc/passwd", "../outside", "a\0b"):
                assert "within the project" in await refused(client, "consensus", task="Add", context_paths=[path])
            assert "no such" in await refused(client, "consensus", task="Add", context_paths=["-"])
            with pytest.raises(MCPError, match="there is no tool 'chose'; did you mean 'choose'") as caught:
                await client.call_tool("chose", {})
            assert caught.value.error.code == INVALID_PARAMS
    assert server.asked("/v1/chat/completions") == []


KINDS = "'auto', 'function', 'class', 'api', 'test', 'bugfix', 'refactor' or 'question'"

MISTYPED: list[tuple[str, dict[str, Any], str]] = [
    ("consensus", {"task": 5}, "argument 'task': expected a text, got 5"),
    ("consensus", {"task": None}, "argument 'task': expected a text, got null"),
    (
        "consensus",
        {"task": "x", "kind": "Class"},
        f"argument 'kind': expected one of {KINDS}, got 'Class'; did you mean 'class'?",
    ),
    ("consensus", {"task": "x", "language": {}}, "argument 'language': expected a text, got an object"),
    ("consensus", {}, "the argument 'task' is missing"),
    (
        "consensus",
        {"task": 5, "strategy": 5},
        "argument 'task': expected a text, got 5; argument 'strategy': expected a text, got 5",
    ),
    ("choose", {"task": "x", "answers": "a"}, "argument 'answers': expected a list of texts, got 'a'"),
    ("choose", {"task": "x", "answers": ["a", True]}, "argument 'answers[1]': expected a text, got true"),
    ("choose", {"task": "x", "answers": []}, "argument 'answers': expected at least 1, got a list of 0"),
    ("choose", {"task": "x", "answers": ["a"] * 201}, "argument 'answers': expected at most 200, got a list of 201"),
    ("history", {"limit": 0}, "argument 'limit': expected 1 or more, got 0"),
    ("history", {"limit": 1001}, "argument 'limit': expected 1000 or less, got 1001"),
    ("history", {"limit": "ten"}, "argument 'limit': expected a whole number, got 'ten'"),
    ("history", {"limit": 1.5}, "argument 'limit': expected a whole number, got 1.5"),
    ("verify", {"path": ["a", "b"]}, "argument 'path': expected a text, got a list of 2"),
]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_arguments_of_a_wrong_type_are_told_in_short_words(world: Any, mode: str) -> None:
    """Which one, what was expected and what came, in one line; it is an error of the tool, so that a model reads it."""
    async with world.client(mode=mode) as client:
        for tool, arguments, words in MISTYPED:
            assert await refused(client, tool, **arguments) == f"{tool}: {words}"
        long = await refused(client, "history", limit="x" * 10_000)
        many = await refused(client, "choose", task=1, answers=[1] * 200)
    assert len(long) < 200
    assert many.endswith("; and 198 more")


BROKEN = {
    "[sandbox]\nmemory = 'lots'": "sandbox.memory: expected a size such as '512 MiB'",
    "[history]\nenabled = 'perhaps'": "history.enabled: expected true or false, got 'perhaps'",
    "[prompt]\nstandard = []": "unknown setting prompt.standard",
    "[mcp]\nparallel = 0": "mcp.parallel: expected 1 or more, got 0",
    "[run]\nkind = 'poem'": "run.kind: expected 'auto' or 'function'",
    "[run": "conductor.toml: ",
}
"""Tables of a project's file that are wrong, and what is said of them."""


async def test_settings_that_break_while_it_serves_are_told_in_the_reply(world: Any) -> None:
    """Of every table that a call goes by, with the file and what was expected; once mended, calls work again."""

    async def yes(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"approve": True})

    (world.project / "one.case").write_text("passes", encoding="utf-8")
    settings = world.project / "conductor.toml"
    async with world.client(elicitation_callback=yes) as client:
        for text, says in BROKEN.items():
            settings.write_text(text, encoding="utf-8")
            for tool, arguments in (
                ("consensus", {"task": "Add"}),
                ("choose", {"task": "Add", "answers": ["a"]}),
                ("models", {}),
                ("verify", {"path": "."}),
            ):
                told = await refused(client, tool, **arguments)
                assert says in told
                assert "Hint: " in told
        settings.write_text("[run]\nstrategy = 'longest'\n", encoding="utf-8")
        assert (await call(client, "choose", task="Add", answers=["a"]))["answer"] == "a"


async def test_without_a_model_the_error_says_what_to_do(world: Any) -> None:
    """As the command line does."""
    async with world.client() as client:
        assert (await call(client, "models"))["models"] == []
        text = await refused(client, "consensus", task="Add")
    assert "no model could be found" in text
    assert "Hint: " in text


async def test_answers_that_are_all_empty_cannot_be_chosen_from(world: Any) -> None:
    """And a strategy that raises is named with what it belongs to."""
    async with world.client() as client:
        assert "usable" in await refused(client, "choose", task="Add", answers=["", " "])
        text = await refused(client, "choose", task="Add", answers=["a", "b"], strategy="broken")
    assert "'broken'" in text
    assert "no idea" in text


async def test_a_model_that_fails_is_told_beside_the_others(world: Any) -> None:
    """The run goes on with those that answered."""
    with ScriptedOpenAI(ScriptedModel(name="parrot", reply="said")) as server:
        world.ask(server, "parrot", "nobody")
        async with world.client() as client:
            run = await call(client, "consensus", task="Add")
    assert run["prompt"]["text"].endswith("said")
    answered = {answer["model"]: answer["error"] is None for answer in run["answers"]}
    assert answered == {"acme/parrot": True, "acme/nobody": False}


async def test_a_run_that_does_not_exist_is_no_resource(world: Any) -> None:
    """And one that was not recorded has none."""
    world.environment["CONDUCTOR_HISTORY__ENABLED"] = "false"
    with ScriptedOpenAI(ScriptedModel(name="parrot", reply="said")) as server:
        world.ask(server, "parrot")
        async with world.client() as client:
            assert (await call(client, "consensus", task="Add"))["resource"] is None
            with pytest.raises(MCPError, match="no run 'last'"):
                await client.read_resource("conductor://runs/last")
            assert (await call(client, "history"))["runs"] == []


async def test_hints_name_what_a_tool_has(world: Any) -> None:
    """Settings and arguments, as a client has no command line."""
    world.environment["CONDUCTOR_RUN__MIN_CONFIDENCE"] = "0.99"
    models = [ScriptedModel(name="little", reply="a"), ScriptedModel(name="large", reply="the longest")]
    with ScriptedOpenAI(*models) as server:
        world.ask(server, "little", "large")
        async with world.client() as client:
            run = await call(client, "consensus", task="Add")
    assert run["error"]["hint"] == "ask more models or raise [run] samples, or lower [run] min_confidence"


async def test_the_prompt_leads_to_the_tools(world: Any) -> None:
    """For clients that show prompts: it takes the task."""
    async with world.client() as client:
        (listed,) = (await client.list_prompts()).prompts
        text = (await client.get_prompt("conductor", {"task": "Add two numbers"})).messages[0].content.text
        templates = (await client.list_resource_templates()).resource_templates
    assert [argument.name for argument in listed.arguments] == ["task"]
    assert "Add two numbers" in text
    assert [template.uri_template for template in templates] == ["conductor://runs/{run}"]
