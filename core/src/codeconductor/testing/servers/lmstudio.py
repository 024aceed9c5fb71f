"""LM Studio's three families of endpoints on one port, with loading on demand and its unknown paths of status 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from codeconductor.testing.servers.openai import OpenAIDialect, ReasoningField, error
from codeconductor.testing.servers.server import Plan, as_json, dump
from codeconductor.testing.servers.wire import Fault, Frame, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor.testing.servers.script import ScriptedModel

_NATIVE = {"v1": ("v0", "v1"), "v0": ("v0",), "none": ()}


class ScriptedLMStudio(OpenAIDialect):
    """Speaks LM Studio's protocols.

    Args:
        native: The newest native family that it has: ``"v1"`` (0.4.0 and later), ``"v0"`` (0.3.6), ``"none"``.
        jit: Whether a request loads its model; when not, the older lists show loaded models only.
        parallel: Predictions at once that each loaded model tells of.
        models: As of `OpenAIDialect`, and so the other arguments.

    Attributes:
        instances: How often a model was loaded by `/api/v1/models/load` while it was there already.
    """

    headers: ClassVar[Mapping[str, str]] = {"x-powered-by": "Express", "keep-alive": "timeout=5"}

    def __init__(
        self,
        *models: ScriptedModel | str,
        native: Literal["v1", "v0", "none"] = "v1",
        jit: bool = True,
        parallel: int = 4,
        key: str | None = None,
        reasoning: ReasoningField = "reasoning_content",
        refuses: tuple[str, ...] = (),
        faults: Mapping[str, Fault] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(*models, key=key, reasoning=reasoning, refuses=refuses, faults=faults, port=port)
        self._native = _NATIVE[native]
        self._jit = jit
        self._parallel = parallel
        self.instances: dict[str, int] = {}

    def plan(self, request: Request) -> Plan:
        """How a request is to be answered."""
        refusal = self.unauthorized(request)
        if refusal is not None:
            return refusal
        what = (request.method, request.path)
        if what == ("GET", "/v1/models"):
            return as_json({"data": [self._named(model) for model in self._visible()], "object": "list"})
        if what == ("GET", "/api/v0/models") and "v0" in self._native:
            return as_json({"data": [self._listed_v0(model) for model in self._visible()], "object": "list"})
        if what == ("GET", "/api/v1/models") and "v1" in self._native:
            return as_json({"models": [self._listed_v1(model) for model in self.models.values()]})
        if what == ("POST", "/api/v1/models/load") and "v1" in self._native:
            return self._load(request)
        if what == ("POST", "/api/v1/models/unload") and "v1" in self._native:
            return self._unload(request)
        if what == ("POST", "/v1/chat/completions"):
            return self._chat(request)
        return as_json({"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})

    def _visible(self) -> list[ScriptedModel]:
        return [model for model in self.models.values() if self._jit or model.name in self.loaded]

    def _named(self, model: ScriptedModel) -> dict[str, Any]:
        return {"id": model.name, "object": "model", "owned_by": "organization_owner"}

    def _listed_v0(self, model: ScriptedModel) -> dict[str, Any]:
        loaded = model.name in self.loaded
        listed: dict[str, Any] = {
            "id": model.name,
            "object": "model",
            "type": "embeddings" if model.embedding else "vlm" if "vision" in model.capabilities else "llm",
            "publisher": model.name.partition("/")[0],
            "arch": "llama",
            "compatibility_type": "gguf",
            "quantization": model.quantization,
            "state": "loaded" if loaded else "not-loaded",
            "max_context_length": model.context_length,
        }
        if loaded:
            listed["loaded_context_length"] = model.window
        if "tools" in model.capabilities:
            listed["capabilities"] = ["tool_use"]
        return listed

    def _listed_v1(self, model: ScriptedModel) -> dict[str, Any]:
        listed: dict[str, Any] = {
            "type": "embedding" if model.embedding else "llm",
            "publisher": model.name.partition("/")[0],
            "key": model.name,
            "display_name": model.name,
            "architecture": "llama",
            "quantization": {"name": model.quantization, "bits_per_weight": 4},
            "size_bytes": model.size,
            "params_string": model.parameters,
            "loaded_instances": [self._instance(model)] if model.name in self.loaded else [],
            "max_context_length": model.context_length,
            "format": "gguf",
            "description": None,
        }
        if not model.embedding:
            listed["capabilities"] = {
                "vision": "vision" in model.capabilities,
                "trained_for_tool_use": "tools" in model.capabilities,
            }
            if "thinking" in model.capabilities:
                listed["capabilities"]["reasoning"] = {"allowed_options": ["off", "on"], "default": "on"}
        return listed

    def _instance(self, model: ScriptedModel) -> dict[str, Any]:
        return {"id": model.name, "config": {"context_length": model.window, "parallel": self._parallel}}

    def _load(self, request: Request) -> Plan:
        model = self.models.get(request.model)
        if model is None:
            return error(f"Model {request.model} not found", 404, kind="model_not_found", code="model_not_found")
        return Plan(frames=self._loaded(model), model=model)

    async def _loaded(self, model: ScriptedModel) -> AsyncIterator[Frame]:
        name = model.name
        if name in self.loaded:  # not idempotent: a second call makes a second instance
            self.instances[name] = self.instances.get(name, 1) + 1
            name = f"{name}:{self.instances[name]}"
        else:
            await self.load(model)
        kind = "embedding" if model.embedding else "llm"
        done = {"type": kind, "instance_id": name, "load_time_seconds": model.load_seconds, "status": "loaded"}
        yield Frame(dump(done), "whole")

    def _unload(self, request: Request) -> Plan:
        instance = str(request.body.get("instance_id") or "")
        if instance not in self.loaded:
            return error(f"No instance {instance}", 404, kind="model_not_found", code="model_not_found")
        self.loaded.discard(instance)
        return as_json({"instance_id": instance})

    def _chat(self, request: Request) -> Plan:
        body = request.body
        wanted = body.get("response_format")
        if isinstance(wanted, dict) and wanted.get("type") not in ("json_schema", "text"):
            return as_json({"error": "'response_format.type' must be 'json_schema' or 'text'"}, 400)
        model = self.models.get(request.model)
        if model is None or model.embedding:
            return error(f'Model "{request.model}" not found', 404, param="model", code="model_not_found")
        if model.name not in self.loaded and not self._jit:
            words = "No models loaded. Please load a model in the developer page or use the 'lms load' command."
            return error(words, 400, param="model", code=None)
        return self.completion(request, model)

    def error_frame(self, model: str, message: str) -> Frame:
        """The event that tells of an error; the stream just ends after it."""
        return Frame(
            b"event: error\ndata: " + dump({"error": {"message": message}, "message": message}) + b"\n\n", "final"
        )
