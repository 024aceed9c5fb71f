"""OpenAI's chat completions as local servers speak them: the base of those that have them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import attrs

from codeconductor.testing.servers.plans import Plan, as_json, dump
from codeconductor.testing.servers.script import Said, ScriptedModel
from codeconductor.testing.servers.server import ScriptedServer
from codeconductor.testing.servers.wire import Fault, Frame, FrameKind, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

CREATED = 1767225600
"""Seconds since 1970 of everything that these servers made."""

ReasoningField = Literal["reasoning_content", "reasoning", "inline"]

DONE = Frame(b"data: [DONE]\n\n", "end")


def error(message: str, status: int, *, kind: str = "invalid_request_error", **more: object) -> Plan:
    """OpenAI's form of an error."""
    return as_json({"error": {"message": message, "type": kind, **more}}, status)


class OpenAIDialect(ScriptedServer):
    """Answers chat completions, streamed or whole; the base of the servers that have them.

    Args:
        models: As of `ScriptedServer`.
        key: What `Authorization: Bearer` must say; None: nobody needs one.
        reasoning: The field that reasoning goes into; ``"inline"``: a `<think>` block in the text.
        refuses: Fields of a request that get status 400.
        faults: As of `ScriptedServer`.
        port: As of `ScriptedServer`.
    """

    def __init__(
        self,
        *models: ScriptedModel | str,
        key: str | None = None,
        reasoning: ReasoningField = "reasoning_content",
        refuses: tuple[str, ...] = (),
        faults: Mapping[str, Fault] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(*models, faults=faults, port=port)
        self._key = key
        self._reasoning = reasoning
        self._refuses = refuses

    cuts: bool = False
    """Whether a prompt that does not fit is cut in silence."""

    def interrupts(self, model: ScriptedModel) -> bool:
        """Whether an answer breaks off here because its model has left memory."""
        return False

    def unauthorized(self, request: Request) -> Plan | None:
        """The refusal of a request without the key, or None."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key is None or given == self._key:
            return None
        # some servers repeat the beginning of what they were sent
        return error(f"invalid API key: {given[:10]}...", 401, kind="authentication_error", code="invalid_api_key")

    def completion(self, request: Request, model: ScriptedModel) -> Plan:
        """The answer of a model to a chat completion."""
        body = request.body
        for field in self._refuses:
            if field in body:
                return error(f"{field}: extra inputs are not permitted", 400, param=field)
        tokens, window = self.prompt_tokens(body), self.window(model)
        if tokens > window and not self.cuts:
            return attrs.evolve(self.overflow(body, tokens, window), model=model)
        if body.get("stream"):
            return Plan(frames=self._stream(model, body), content_type="text/event-stream", model=model)
        return Plan(frames=self._whole(model, body), model=model)

    async def _stream(self, model: ScriptedModel, body: Mapping[str, Any]) -> AsyncIterator[Frame]:
        async with self.answering(model):
            await asyncio.sleep(model.delay)
            said = self._inlined(model.says(body))
            frames = [self.reasoning_frame(model.name, piece) for piece in model.pieces(said.reasoning)]
            frames += [self.text_frame(model.name, piece) for piece in model.pieces(said.text)]
            if said.tool_calls:
                frames.append(self._delta(model.name, "tool", {"tool_calls": _calls(said)}))
            for position, frame in enumerate(frames):
                if position:
                    await asyncio.sleep(model.pace)
                if self.interrupts(model):
                    yield self.error_frame(model.name, self.gone)
                    return
                yield frame
            yield self._delta(model.name, "final", {}, finish_reason=said.finish_reason)
            options = body.get("stream_options")
            if isinstance(options, dict) and options.get("include_usage"):
                chunk = self._head(model.name, "chat.completion.chunk") | {
                    "choices": [],
                    "usage": self._usage(model, said, body),
                }
                yield Frame(b"data: " + dump(chunk) + b"\n\n", "final")
            yield DONE

    async def _whole(self, model: ScriptedModel, body: Mapping[str, Any]) -> AsyncIterator[Frame]:
        async with self.answering(model):
            said = self._inlined(model.says(body))
            pieces = max(1, len([*model.pieces(said.reasoning), *model.pieces(said.text)]))
            await asyncio.sleep(model.delay + model.pace * (pieces - 1))
            message: dict[str, Any] = {"role": "assistant", "content": said.text}
            if said.reasoning:
                message[self._reasoning] = said.reasoning
            if said.tool_calls:
                message["tool_calls"] = _calls(said)
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}
            whole = self._head(model.name, "chat.completion") | {
                "choices": [choice],
                "usage": self._usage(model, said, body),
            }
            yield Frame(dump(whole), "whole")

    def _inlined(self, said: Said) -> Said:
        if self._reasoning != "inline" or not said.reasoning:
            return said
        return Said(
            text=f"<think>\n{said.reasoning}\n</think>\n\n{said.text}",
            tool_calls=said.tool_calls,
            finish_reason=said.finish_reason,
        )

    def _usage(self, model: ScriptedModel, said: Said, body: Mapping[str, Any]) -> dict[str, int]:
        prompt = min(self.prompt_tokens(body), self.window(model))
        completion = (len(said.text) + len(said.reasoning)) // 4 + 1
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    @staticmethod
    def _head(model: str, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-scripted", "object": kind, "created": CREATED, "model": model}

    def _delta(
        self, model: str, kind: FrameKind, delta: Mapping[str, object], finish_reason: str | None = None
    ) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return Frame(
            b"data: " + dump(self._head(model, "chat.completion.chunk") | {"choices": [choice]}) + b"\n\n", kind
        )

    def text_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of the answer."""
        return self._delta(model, "text", {"content": text})

    def reasoning_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of reasoning."""
        if self._reasoning == "inline":
            return self._delta(model, "reasoning", {"content": f"<think>{text}</think>"})
        return self._delta(model, "reasoning", {self._reasoning: text})

    def error_frame(self, model: str, message: str) -> Frame:
        """The event that tells of an error; nothing but `[DONE]` follows it."""
        return Frame(b"data: " + dump({"error": {"message": message, "type": "server_error"}}) + b"\n\n", "final")

    def failure(self, message: str, status: int) -> Plan:
        """A refusal in the server's own form."""
        return error(message, status, kind=kind_of(status))

    def overflow(self, body: Mapping[str, Any], tokens: int, window: int) -> Plan:
        """The refusal of a prompt that does not fit."""
        words = f"This model's maximum context length is {window} tokens. However, your messages resulted in {tokens}."
        return error(words, 400, param="messages", code="context_length_exceeded")


def engine_overflow(tokens: int, window: int) -> Plan:
    """llama.cpp's refusal of a prompt that does not fit, which others pass on."""
    words = f"request ({tokens} tokens) exceeds the available context size ({window} tokens), try increasing it"
    return error(words, 400, kind="exceed_context_size_error", code=400, n_prompt_tokens=tokens, n_ctx=window)


def kind_of(status: int) -> str:
    """The type of an error, as OpenAI names it."""
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": dump(arguments).decode()},
        }
        for index, (name, arguments) in enumerate(said.tool_calls)
    ]
