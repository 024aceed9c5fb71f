"""The server: its tools, prompt and resources, as clients see them."""

# no annotations from __future__: the SDK reads those of tools at run time
import json
from typing import Annotated, Literal, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Resolve
from mcp_types import ToolAnnotations
from pydantic import Field

from codeconductor_mcp._approval import Answer, ask, check
from codeconductor_mcp._calls import Calls
from codeconductor_mcp._refusing import ConductorServer
from codeconductor_mcp._settings import McpSettings
from codeconductor_mcp._values import ChoiceResult, ConsensusResult, HistoryResult, ModelsResult, VerifyResult

Kind = Literal["auto", "function", "class", "api", "test", "bugfix", "refactor", "question"]

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_RUNS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)


def make_server(settings: McpSettings | None = None, *, log_file: str | None = None) -> ConductorServer:
    """The server with everything that it offers.

    Args:
        settings: How many calls there may be; None: as many as without settings.
        log_file: Path of `--log-file`; None: no log is written.
    """
    calls = Calls(settings or McpSettings(), log_file)
    server = ConductorServer(calls)
    _add_tools(server, calls)
    _add_reading(server, calls)
    return server


def _add_tools(server: ConductorServer, calls: Calls) -> None:
    @server.tool(annotations=_RUNS)
    async def consensus(
        task: Annotated[str, Field(description="What is wanted, in words")],
        ctx: Context,
        kind: Kind = "auto",
        language: str | None = None,
        strategy: str | None = None,
        context_paths: Annotated[
            list[str] | None, Field(description="Files or folders of the project for the models to read")
        ] = None,
    ) -> ConsensusResult:
        """Ask several local models one coding task; returns what they agree on and a prompt to work from."""
        result = await calls.consensus(
            ctx, task, kind=kind, language=language, strategy=strategy, context_paths=context_paths or []
        )
        return cast("ConsensusResult", result)

    @server.tool(annotations=_READS)
    async def choose(
        task: Annotated[str, Field(description="What the answers answer")],
        answers: Annotated[list[str], Field(description="Whole texts", min_length=1, max_length=200)],
        ctx: Context,
        strategy: str | None = None,
    ) -> ChoiceResult:
        """Choose the answer that is most likely right; code is run in a sandbox to compare it."""
        return cast("ChoiceResult", await calls.choose(ctx, task, answers, strategy=strategy))

    @server.tool(annotations=_READS)
    async def models(ctx: Context) -> ModelsResult:
        """List the local models in reach, and servers that are not."""
        return cast("ModelsResult", await calls.models(ctx))

    @server.tool(annotations=_RUNS)
    async def verify(
        path: Annotated[str, Field(description="Folder of the project")],
        answer: Annotated[Answer, Resolve(ask)],
        ctx: Context,
        tests: Annotated[list[str] | None, Field(description="Files or folders to run alone")] = None,
    ) -> VerifyResult:
        """Run a folder's tests in a sandbox, on a copy; a person has to approve it."""
        check(answer, ctx)
        return cast("VerifyResult", await calls.verify(ctx, path, tests or []))

    @server.tool(annotations=_READS)
    async def history(limit: Annotated[int, Field(ge=1, le=1000)] = 10) -> HistoryResult:
        """List past runs, newest first; conductor://runs/ID has one whole."""
        return cast("HistoryResult", await calls.history(limit))


def _add_reading(server: ConductorServer, calls: Calls) -> None:
    @server.resource("conductor://runs/last", name="last-run", mime_type="application/json")
    async def last_run() -> str:
        """The newest recorded run, with every answer."""
        return json.dumps(await calls.run("last"))

    @server.resource("conductor://runs/{run}", name="run", mime_type="application/json")
    async def recorded_run(run: str) -> str:
        """A recorded run, with every answer; an id or the beginning of one."""
        return json.dumps(await calls.run(run))

    @server.prompt(name="conductor", title="Ask the local models first")
    def plan(task: str) -> str:
        """Get a plan that several local models agree on, then do it."""
        return (
            f"Call the tool consensus with this task:\n\n{task}\n\nThen work from the prompt in its result. Tell me "
            "what the models disagreed on. When the code is written, call the tool verify on the project's folder."
        )
