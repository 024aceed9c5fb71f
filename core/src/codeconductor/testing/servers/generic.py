"""The generic server: `/v1` and little else, in the flavours of llama.cpp and vLLM too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from codeconductor.testing.servers.openai import (
    CREATED,
    OpenAIDialect,
    ReasoningField,
    engine_overflow,
    error,
    kind_of,
)
from codeconductor.testing.servers.plans import Plan, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.testing.servers.script import ScriptedModel
    from codeconductor.testing.servers.wire import Fault, Request


class ScriptedOpenAI(OpenAIDialect):
    """A server that has `/v1` and little else.

    Args:
        flavour: ``"plain"`` tells names alone; ``"llama.cpp"`` has `/props` and `/health`, and while its model is not
            in memory answers 503 and loads, ``"vllm"`` has `/health` and tells each model's context length in the
            list. Errors have each one's form.
        slots: Requests that llama.cpp says it answers at once.
        models: As of `OpenAIDialect`, and so the other arguments.
    """

    def __init__(
        self,
        *models: ScriptedModel | str,
        flavour: Literal["plain", "llama.cpp", "vllm"] = "plain",
        slots: int = 1,
        key: str | None = None,
        reasoning: ReasoningField = "reasoning_content",
        refuses: tuple[str, ...] = (),
        faults: Mapping[str, Fault] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(*models, key=key, reasoning=reasoning, refuses=refuses, faults=faults, port=port)
        self._flavour = flavour
        self._slots_told = slots
        self._starting: asyncio.Task[None] | None = None

    def plan(self, request: Request) -> Plan:
        """How a request is to be answered."""
        if self._flavour == "llama.cpp" and request.path != "/v1/models" and self._is_loading():
            return self.failure("Loading model", 503)
        if request.path == "/health" and self._flavour != "plain":
            return as_json({"status": "ok"})
        refusal = self.unauthorized(request)
        if refusal is not None:
            return refusal
        if request.path == "/v1/models" and request.method == "GET":
            return as_json({"object": "list", "data": [self._listed(model) for model in self.models.values()]})
        if request.path == "/props" and self._flavour == "llama.cpp":
            return as_json(self._props())
        if request.path == "/v1/chat/completions" and request.method == "POST":
            model = self.models.get(request.model)
            if model is None and self._flavour == "llama.cpp" and len(self.models) == 1:
                model = next(iter(self.models.values()))  # it has one, and does not look at the name
            if model is None:
                return error(f"The model `{request.model}` does not exist.", 404, kind="NotFoundError")
            return self.completion(request, model)
        return error("File Not Found", 404, kind="not_found_error", code=404)

    def _is_loading(self) -> bool:
        """Whether models are still on their way into memory; the first who looks sets them going."""
        missing = [model for name, model in self.models.items() if not model.remote and name not in self.loaded]
        if missing and (self._starting is None or self._starting.done()):
            self._starting = asyncio.get_running_loop().create_task(self._start_with(missing))
        return bool(missing)

    async def _start_with(self, models: list[ScriptedModel]) -> None:
        for model in models:
            await self.load(model, on_demand=False)

    def failure(self, message: str, status: int) -> Plan:
        """A refusal in the server's own form."""
        if self._flavour == "plain":
            return super().failure(message, status)
        kind = "unavailable_error" if self._flavour == "llama.cpp" and status == 503 else kind_of(status)
        return error(message, status, kind=kind, code=status)

    def overflow(self, body: Mapping[str, Any], tokens: int, window: int) -> Plan:
        """The refusal of a prompt that does not fit."""
        if self._flavour == "llama.cpp":
            return engine_overflow(tokens, window)
        if self._flavour == "vllm":
            words = f"This model's maximum context length is {window} tokens. However, you requested {tokens} tokens"
            more = " in the messages, Please reduce the length of the messages."
            return error(words + more, 400, kind="BadRequestError", param=None, code=400)
        return super().overflow(body, tokens, window)

    def _listed(self, model: ScriptedModel) -> dict[str, Any]:
        listed: dict[str, Any] = {"id": model.name, "object": "model"}
        if self._flavour == "llama.cpp":
            meta = {"n_ctx_train": model.context_length, "size": model.size}
            return listed | {"created": CREATED, "owned_by": "llamacpp", "meta": meta}
        if self._flavour == "vllm":
            return listed | {"created": CREATED, "owned_by": "vllm", "max_model_len": model.window}
        return listed

    def _props(self) -> dict[str, Any]:
        window = next((model.window for model in self.models.values()), 0)
        return {
            "default_generation_settings": {"n_ctx": window},
            "total_slots": self._slots_told,
            "model_path": next(iter(self.models), ""),
            "build_info": "scripted",
        }
