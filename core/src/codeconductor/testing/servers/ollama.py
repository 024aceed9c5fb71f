"""Ollama's own protocol: NDJSON, loads on demand, and nothing sent before the first token."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from codeconductor.testing.servers.plans import Instead, Plan, as_json, as_text, dump
from codeconductor.testing.servers.server import ScriptedServer
from codeconductor.testing.servers.wire import Fault, Frame, FrameKind, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor.testing.servers.script import Said, ScriptedModel

_CREATED = "2026-01-01T00:00:00.000000Z"
_REMOTE = "https://ollama.com:443"
_LISTS = ("/", "/api/version", "/api/tags", "/api/ps")
_ACTIONS = ("/api/show", "/api/chat", "/api/generate")


class ScriptedOllama(ScriptedServer):
    """Speaks Ollama's protocol.

    Args:
        models: As of `ScriptedServer`.
        version: Decides what is told, as it did: capabilities in the list since 0.30, the context length of loaded
            models since 0.10, capabilities of one model since 0.6.4.
        overflow: What becomes of a prompt that does not fit: it is cut in silence to the window (``"cut"``) or to half
            of it and a little (``"halve"``), or refused (``"refuse"``; so it is also where the request says
            `truncate: false`, since 0.12.6).
        caches: The prompt's tokens are reported less those that the model has read just before.
        max_loaded: Models that fit into memory: a further one throws an idle one out; None: all of them.
        faults: As of `ScriptedServer`.
        port: As of `ScriptedServer`.
    """

    busy: ClassVar[str] = "server busy, please try again.  maximum pending requests exceeded"
    gone: ClassVar[str] = "an error was encountered while running the model: unexpected EOF"

    def __init__(
        self,
        *models: ScriptedModel | str,
        version: str = "0.30.0",
        overflow: Literal["cut", "halve", "refuse"] = "cut",
        caches: bool = False,
        max_loaded: int | None = None,
        faults: Mapping[str, Fault] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(*models, faults=faults, port=port)
        self.version = version
        self._since = tuple(int(part) for part in version.split("."))
        self._overflow = overflow
        self._caches = caches
        self._max_loaded = max_loaded
        self._read: dict[str, str] = {}

    def plan(self, request: Request) -> Plan:
        """How a request is to be answered."""
        path = request.path
        if path not in _LISTS + _ACTIONS:
            return as_text("404 page not found", 404)
        if request.method != "POST" if path in _ACTIONS else request.method not in ("GET", "HEAD"):
            return as_text("405 method not allowed", 405)
        if path == "/":
            return as_text("Ollama is running")
        if path == "/api/version":
            return as_json({"version": self.version})
        if path == "/api/tags":
            return as_json({"models": [self._listed(model) for model in self.models.values()]})
        if path == "/api/ps":
            running = [model for model in self.models.values() if model.name in self.loaded]
            return as_json({"models": [self._running(model) for model in running]})
        return self._act(request)

    def _act(self, request: Request) -> Plan:
        body = request.body
        if not request.model:
            return as_json({"error": "model is required"}, 400)
        model = self.models.get(request.model) or self.models.get(f"{request.model}:latest")
        if model is None:
            return as_json({"error": f"model '{request.model}' not found"}, 404)
        if request.path == "/api/show":
            return as_json(self._shown(model))
        if request.path == "/api/generate" and not body.get("prompt"):
            return Plan(frames=self._moved(model, body))
        if request.path == "/api/generate":
            return as_json({"error": "this server speaks through /api/chat alone"}, 501)
        if model.embedding:
            return as_json({"error": f'"{model.name}" does not support chat'}, 400)
        if not body.get("messages"):
            return Plan(frames=self._moved(model, body))
        if body.get("think") and "thinking" not in model.capabilities:
            return as_json({"error": f'"{model.name}" does not support thinking'}, 400)
        if body.get("stream", True):
            return Plan(frames=self._stream(model, body), content_type="application/x-ndjson", model=model)
        return Plan(frames=self._whole(model, body), model=model)

    # Lists

    def _details(self, model: ScriptedModel) -> dict[str, Any]:
        return {
            "parent_model": "",
            "format": "" if model.remote else "gguf",
            "family": "nomic-bert" if model.embedding else "llama",
            "families": ["nomic-bert" if model.embedding else "llama"],
            "parameter_size": model.parameters,
            "quantization_level": model.quantization,
        }

    def _listed(self, model: ScriptedModel) -> dict[str, Any]:
        listed: dict[str, Any] = {
            "name": model.name,
            "model": model.name,
            "modified_at": _CREATED,
            "size": 384 if model.remote else model.size,
            "digest": hashlib.sha256(model.name.encode()).hexdigest(),
            "details": self._details(model),
            **self._remote(model),
        }
        if self._since >= (0, 30):
            listed["capabilities"] = self._capabilities(model)
            listed["details"]["context_length"] = model.context_length
        return listed

    def _running(self, model: ScriptedModel) -> dict[str, Any]:
        running = self._listed(model) | {"expires_at": "2318-01-01T00:00:00Z", "size_vram": model.size}
        del running["modified_at"]
        if self._since >= (0, 10):
            running["context_length"] = self.window(model)
        return running

    def _shown(self, model: ScriptedModel) -> dict[str, Any]:
        architecture = "nomic-bert" if model.embedding else "llama"
        shown: dict[str, Any] = {
            "modelfile": f"FROM {model.name}",
            "parameters": "temperature 0.7",
            "template": "{{ .Prompt }}",
            "details": self._details(model),
            "model_info": {
                "general.architecture": architecture,
                f"{architecture}.context_length": model.context_length,
            },
            "modified_at": _CREATED,
            **self._remote(model),
        }
        if self._since >= (0, 6, 4):
            shown["capabilities"] = self._capabilities(model)
        return shown

    @staticmethod
    def _capabilities(model: ScriptedModel) -> list[str]:
        return ["embedding"] if model.embedding else list(model.capabilities)

    @staticmethod
    def _remote(model: ScriptedModel) -> dict[str, str]:
        return {"remote_model": model.name.removesuffix("-cloud"), "remote_host": _REMOTE} if model.remote else {}

    # Memory

    async def load(self, model: ScriptedModel, window: int | None = None, *, on_demand: bool = True) -> None:
        """Bring a model into memory, and once more where another window is wanted than the one in force.

        Others wait for their loads meanwhile; what is in memory already passes them by.
        """
        wanted = min(window or model.window, model.context_length)
        if model.remote or self._has(model, wanted):
            return
        async with self._loading:
            if not self._has(model, wanted):
                self.loaded.discard(model.name)
                await self._make_room()
                await self._bring(model, wanted, on_demand=on_demand)

    def _has(self, model: ScriptedModel, window: int) -> bool:
        return model.name in self.loaded and self.window(model) == window

    async def _make_room(self) -> None:
        """Throw idle models out until one more fits; those that answer are waited for."""
        while self._max_loaded is not None and len(self.loaded) >= self._max_loaded:
            await self.until(lambda: bool(self._idle()))
            self.evict(self._idle()[0])

    def _idle(self) -> list[str]:
        return sorted(name for name in self.loaded if not self._answering[name])

    def _prompt_count(self, model: ScriptedModel, body: Mapping[str, Any]) -> int:
        """Tokens of the prompt as they are reported.

        Raises:
            Instead: They do not fit, and are not cut.
        """
        text, tokens, window = self.prompt_text(body), self.prompt_tokens(body), self.window(model)
        if tokens > window:
            if self._overflow == "refuse" or (body.get("truncate") is False and self._since >= (0, 12, 6)):
                raise Instead(self.overflow(body, tokens, window))
            tokens = window if self._overflow == "cut" else window // 2 + 2
        same = takewhile(lambda pair: pair[0] == pair[1], zip(self._read.get(model.name, ""), text, strict=False))
        self._read[model.name] = text
        return max(1, tokens - sum(1 for _ in same) // 4) if self._caches else tokens

    # Answers

    async def _moved(self, model: ScriptedModel, body: Mapping[str, Any]) -> AsyncIterator[Frame]:
        """Load or unload."""
        unload = body.get("keep_alive") in (0, "0")
        if unload:
            self.loaded.discard(model.name)
        else:
            await self.load(model, _num_ctx(body), on_demand=False)
        reply = {"model": model.name, "created_at": _CREATED, "response": "", "done": True}
        yield Frame(dump(reply | {"done_reason": "unload" if unload else "load"}), "whole")

    async def _stream(self, model: ScriptedModel, body: Mapping[str, Any]) -> AsyncIterator[Frame]:
        async with self.answering(model, _num_ctx(body)):
            count = self._prompt_count(model, body)
            await asyncio.sleep(model.delay)
            said = self._thinking(model, body)
            frames = [self.reasoning_frame(model.name, piece) for piece in model.pieces(said.reasoning)]
            frames += [self.text_frame(model.name, piece) for piece in model.pieces(said.text)]
            if said.tool_calls:
                frames.append(self._line(model.name, "tool", content="", tool_calls=_calls(said)))
            for position, frame in enumerate(frames):
                if position:
                    await asyncio.sleep(model.pace)
                yield frame
            yield Frame(dump(self._final(model, said, count, {"role": "assistant", "content": ""})) + b"\n", "final")

    async def _whole(self, model: ScriptedModel, body: Mapping[str, Any]) -> AsyncIterator[Frame]:
        async with self.answering(model, _num_ctx(body)):
            count = self._prompt_count(model, body)
            said = self._thinking(model, body)
            pieces = max(1, len([*model.pieces(said.reasoning), *model.pieces(said.text)]))
            await asyncio.sleep(model.delay + model.pace * (pieces - 1))
            message: dict[str, Any] = {"role": "assistant", "content": said.text}
            if said.reasoning:
                message["thinking"] = said.reasoning
            if said.tool_calls:
                message["tool_calls"] = _calls(said)
            yield Frame(dump(self._final(model, said, count, message)), "whole")

    @staticmethod
    def _thinking(model: ScriptedModel, body: Mapping[str, Any]) -> Said:
        """What the model says, without its reasoning where the request switches that off."""
        said = model.says(body)
        return attrs.evolve(said, reasoning="") if body.get("think") is False else said

    def _final(
        self, model: ScriptedModel, said: Said, prompt_tokens: int, message: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "model": model.name,
            "created_at": _CREATED,
            **self._remote(model),
            "message": message,
            "done_reason": said.finish_reason,
            "done": True,
            "total_duration": 1_000_000,
            "load_duration": 100_000,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": 100_000,
            "eval_count": (len(said.text) + len(said.reasoning)) // 4 + 1,
            "eval_duration": 800_000,
        }

    def _line(self, model: str, kind: FrameKind, **message: object) -> Frame:
        line = {"model": model, "created_at": _CREATED, "message": {"role": "assistant", **message}, "done": False}
        return Frame(dump(line) + b"\n", kind)

    def text_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of the answer."""
        return self._line(model, "text", content=text)

    def reasoning_frame(self, model: str, text: str) -> Frame:
        """A frame of a stream with a piece of reasoning."""
        return self._line(model, "reasoning", content="", thinking=text)

    def error_frame(self, model: str, message: str) -> Frame:
        """The last line of a stream that failed: an error, and no `done`."""
        return Frame(dump({"error": message}) + b"\n", "final")

    def failure(self, message: str, status: int) -> Plan:
        """A refusal in the server's own form."""
        return as_json({"error": message}, status)

    def overflow(self, body: Mapping[str, Any], tokens: int, window: int) -> Plan:
        """The refusal of a prompt that does not fit."""
        words = f"request ({tokens} tokens) exceeds the available context size ({window} tokens), try increasing it"
        return self.failure(words, 400)


def _num_ctx(body: Mapping[str, Any]) -> int | None:
    """The window that a request asks for."""
    options = body.get("options")
    asked = options.get("num_ctx") if isinstance(options, dict) else None
    return asked if isinstance(asked, int) and asked > 0 else None


def _calls(said: Said) -> list[dict[str, Any]]:
    return [{"function": {"name": name, "arguments": dict(arguments)}} for name, arguments in said.tool_calls]
