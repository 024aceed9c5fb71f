"""A person's yes before code is run, asked through the client where it can ask."""

# no annotations from __future__: the SDK reads those of a resolver at run time
from pathlib import Path

from codeconductor import ConductorError, InputError
from mcp.server.elicitation import AcceptedElicitation, CancelledElicitation, DeclinedElicitation
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, Field

from codeconductor_mcp._words import told


class Approval(BaseModel):
    """The form that a person fills in: accepting it is the yes, unless the box was cleared."""

    approve: bool = Field(default=True, title="Run these tests", description="Clear it to refuse.")


Answer = AcceptedElicitation[Approval] | DeclinedElicitation | CancelledElicitation


def can_ask(ctx: Context) -> bool:
    """Whether the client can put a form to a person."""
    capabilities = ctx.client_capabilities
    elicitation = None if capabilities is None else capabilities.elicitation
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


async def ask(path: str, ctx: Context, tests: list[str] | None = None) -> Approval | Elicit[Approval]:
    """Ask whether the tests of a folder may be run; without asking it is a no where the client cannot."""
    try:
        folder = folder_of(path)
    except ConductorError as exc:
        raise ToolError(told(exc)) from exc
    if not can_ask(ctx):
        return Approval(approve=False)
    which = f"the tests {', '.join(tests)}" if tests else "the tests"
    return Elicit(f"Run {which} of {folder} in the sandbox, on a copy of the folder?", Approval)


def check(answer: Answer, ctx: Context) -> None:
    """Go on only with a yes.

    Raises:
        ToolError: It was a no, or nobody could be asked.
    """
    if isinstance(answer, AcceptedElicitation) and answer.data.approve:
        return
    if not can_ask(ctx):
        raise ToolError(
            "not approved: running code needs a person's approval, and this client cannot ask for it (it has no "
            "elicitation)\nHint: run `conductor verify` in a terminal"
        )
    raise ToolError("not approved: the person did not agree to run these tests, and nothing was run")


def refused(exc: ToolError) -> ToolError | None:
    """The refusal, where a client's answer is not what it was asked for; None: it is another error.

    The SDK raises before `check` is reached, and has no type of its own for that.
    """
    if not str(exc).startswith("Error executing tool verify: Resolver "):
        return None
    return ToolError("not approved: the client's answer does not say whether to run these tests, and nothing was run")


def unasked(exc: MCPError) -> ToolError:
    """The refusal, where a client that should be able to ask answers with an error."""
    return ToolError(f"not approved: the client could not ask ({exc.error.message[:200]}), and nothing was run")


def folder_of(path: str) -> Path:
    """The folder that is to be verified.

    Raises:
        InputError: It is none.
    """
    try:
        folder = Path(path).expanduser().absolute()
        if folder.is_dir():
            return folder
        what = "is no folder" if folder.exists() else "does not exist"
    except (OSError, ValueError, RuntimeError):  # too long, with a null, or in nobody's home
        what = "is no path"
    raise InputError(f"{path!r} {what}", hint="give the folder of a project; files with tests go with tests")
