"""What is asked of a model, the pieces in which it answers, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codeconductor.discovery import Model

Role = Literal["system", "user", "assistant", "tool"]


# Converters with types of their own: a type checker cannot see through `converter=tuple`.


def _messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(messages)


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


def _schemas(schemas: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(schemas)


def _calls(calls: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(calls)


def _blocks(blocks: Iterable[CodeBlock]) -> tuple[CodeBlock, ...]:
    return tuple(blocks)


@frozen
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who says it.
        content: What is said; may be empty beside calls.
        tool_calls: Functions that the assistant wanted called in this turn.
        tool_call_id: In a turn of a tool: the call that it answers.
        tool_name: In a turn of a tool: the function that was called, where it is known.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = attrs.field(default=(), converter=_calls, kw_only=True)
    tool_call_id: str | None = attrs.field(default=None, kw_only=True)
    tool_name: str | None = attrs.field(default=None, kw_only=True)


@frozen(kw_only=True)
class Query:
    """One request to one model, in chat-completion terms; None means: the server's own default.

    Attributes:
        messages: The conversation, oldest first.
        temperature: Sampling temperature.
        seed: Differs from sample to sample.
        max_tokens: Longest answer, reasoning included.
        stop: Texts that end the answer.
        response_schema: A JSON schema that the whole answer must match, where the server can enforce one.
        tools: Function schemas in OpenAI's form; mostly none.
        tool_choice: ``"required"``: only a call of one of the tools is an answer. Few servers enforce it.
        parallel_tool_calls: Whether an answer may have more than one call.
    """

    messages: tuple[Message, ...] = attrs.field(converter=_messages)
    temperature: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    response_schema: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = attrs.field(default=(), converter=_schemas)
    tool_choice: Literal["auto", "required"] = "auto"
    parallel_tool_calls: bool = True

    def permitted(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Those of a reply's calls that it may have: none where there is no tool, and one where one is the most.

        A call without a name is none. Where one is required, only that of a tool that was offered will do; servers
        write an underline for a dot.
        """
        if not self.tools:
            return ()
        calls = [call for call in calls if call.name.strip()]
        if self.tool_choice == "required":
            offered = {_bare(str(schema.get("function", schema).get("name"))) for schema in self.tools}
            calls = [call for call in calls if _bare(call.name) in offered]
        return tuple(calls if self.parallel_tool_calls else calls[:1])


def _bare(name: str) -> str:
    return name.replace(".", "_")


@frozen(kw_only=True)
class Usage:
    """Tokens of one request as the server counted them; None: it does not tell.

    Attributes:
        prompt_tokens: Of the prompt as the server read it; some leave out what was cached.
        completion_tokens: Of the answer, reasoning included.
        context_length: That was in force for this request, where the provider knows it better than discovery did.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    context_length: int | None = None


@frozen(kw_only=True)
class ToolCall:
    """A function that the model wants to be called; `arguments` as the model wrote them, mostly JSON."""

    name: str
    arguments: str
    id: str | None = None


@frozen(kw_only=True)
class Chunk:
    """A piece of an answer; an empty one says that the model is loaded and generates.

    Attributes:
        text: More of the answer.
        reasoning: More of what the model thought, kept apart from the answer.
        tool_calls: Complete calls.
        finish_reason: ``"stop"``, ``"length"`` …, in the last chunk, where the server tells.
        usage: In the last chunk, where the server tells.
        model: Who the server says has answered, in any one chunk; another than the one that was asked is warned about.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = attrs.field(default=(), converter=_calls)
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None


@frozen(kw_only=True)
class CodeBlock:
    """A fenced block of code: its language and path as the model named them, or None."""

    language: str | None = None
    path: str | None = None
    text: str


@frozen(kw_only=True)
class Failure:
    """Why there is no usable answer: the contract's kind, what happened, what to do."""

    kind: str
    message: str
    hint: str | None = None


@frozen(kw_only=True)
class Answer:
    """What one model said to one query.

    Attributes:
        model: Who was asked.
        sample: 0, 1 … of this model in this run.
        text: The whole reply less its reasoning.
        reasoning: What the model thought.
        tool_calls: Functions that it wants called.
        data: The JSON object in the reply (the proposal), or None.
        code: The code in the reply: its fenced blocks but the proposal's, else what the proposal holds of it, else a
            Python program that stands there without fences.
        finish_reason: As the server said; None: it did not.
        error: Why the answer cannot be used; what arrived before is kept in `text`.
        prompt_cut: Whether the server cut the prompt; None: not known.
        usage: Tokens.
        seconds: From sending the request to the end of the answer, less the load.
        first_token_seconds: From sending the request to the first piece of it, less the load.
        load_seconds: That its model took to load for it, before the request was sent; None: it did not have to.
    """

    model: Model
    sample: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = attrs.field(default=(), converter=_calls)
    data: Mapping[str, Any] | None = None
    code: tuple[CodeBlock, ...] = attrs.field(default=(), converter=_blocks)
    finish_reason: str | None = None
    error: Failure | None = None
    prompt_cut: bool | None = None
    usage: Usage = attrs.field(factory=Usage)
    seconds: float | None = None
    first_token_seconds: float | None = None
    load_seconds: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it may vote: it is complete and says something."""
        return self.error is None and bool(self.text.strip() or self.tool_calls)
