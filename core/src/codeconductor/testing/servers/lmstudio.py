"""LM Studio's three families of endpoints on one port, with loading on demand and its unknown paths of status 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from codeconductor.testing.servers.openai import OpenAIDialect, ReasoningField, engine_overflow, error
from codeconductor.testing.servers.plans import Plan, as_json, dump, one
from codeconductor.testing.servers.wire import Fault, Frame, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor.testing.servers.memory import Load
    from codeconductor.testing.servers.script import ScriptedModel

_NATIVE = {"v1": ("v0", "v1"), "v0": ("v0",), "none": ()}


class ScriptedLMStudio(OpenAIDialect):
    """Speaks LM Studio's protocols.

    Args:
        native: The newest native family that it has: ``"v1"`` (0.4.0 and later), ``"v0"`` (0.3.6), ``"none"``.
        jit: Whether a question loads its model; when not, the older lists show loaded models only. Loads on demand
            know nothing of each other: a question to a model that another one is just loading loads it a second time.
        auto_evict: Whether a load on demand throws out what was loaded on demand before, while it answers too.
        parallel: Predictions at once that each loaded model tells of, and keeps to; before 0.4.0 it is always one.
        cuts: Whether a prompt that does not fit is cut in silence; when not, it is refused.
        models: As of `OpenAIDialect`, and so the other arguments.

    Attributes:
        instances: How many of a model there are, where it was loaded while it was there already.
    """

    headers: ClassVar[Mapping[str, str]] = {"x-powered-by": "Express", "keep-alive": "timeout=5"}

    gone: ClassVar[str] = "Model unloaded."

    def __init__(
        self,
        *models: ScriptedModel | str,
        native: Literal["v1", "v0", "none"] = "v1",
        jit: bool = True,
        auto_evict: bool = True,
        parallel: int = 4,
        cuts: bool = False,
        key: str | None = None,
        reasoning: ReasoningField = "reasoning_content",
        refuses: tuple[str, ...] = (),
        faults: Mapping[str, Fault] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(*models, key=key, reasoning=reasoning, refuses=refuses, faults=faults, port=port)
        self._native = _NATIVE[native]
        self._jit = jit
        self._auto_evict = auto_evict
        self._parallel = parallel
        self._evictable: set[str] = set()
        self.cuts = cuts
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
            listed["loaded_context_length"] = self.window(model)
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
            "loaded_instances": self._instances(model),
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

    def _instances(self, model: ScriptedModel) -> list[dict[str, Any]]:
        if model.name not in self.loaded:
            return []
        names = [model.name, *(f"{model.name}:{n}" for n in range(2, self.instances.get(model.name, 1) + 1))]
        return [
            {"id": name, "config": {"context_length": self.window(model), "parallel": self.at_once(model)}}
            for name in names
        ]

    def _find(self, name: str) -> ScriptedModel | None:
        """The model of a name or of an instance."""
        base, _, number = name.rpartition(":")
        if number.isdecimal() and 2 <= int(number) <= self.instances.get(base, 1):
            return self.models.get(base)
        return self.models.get(name)

    # Memory

    def at_once(self, model: ScriptedModel) -> int | None:
        """Requests that a model answers at once."""
        return model.parallel or (self._parallel if "v1" in self._native else 1)

    def interrupts(self, model: ScriptedModel) -> bool:
        """Whether an answer breaks off here because its model has left memory."""
        return model.name not in self.loaded

    async def load(self, model: ScriptedModel, window: int | None = None, *, on_demand: bool = True) -> None:
        """Bring a model into memory, where it is to be loaded on demand only if it is not there."""
        if model.name not in self.loaded or not on_demand:
            await self._load_another(model, window or model.window, on_demand=on_demand)

    async def _load_another(self, model: ScriptedModel, window: int, *, on_demand: bool) -> Load:
        """Load now: no load waits for another one."""
        name = instance = model.name
        if name in self.loaded or self._under_way[name]:
            self.instances[name] = self.instances.get(name, 1) + 1
            instance = f"{name}:{self.instances[name]}"
        self._evict_for(name, on_demand=on_demand)
        load = await self._bring(model, window, on_demand=on_demand, instance=instance)
        self._evict_for(name, on_demand=on_demand)  # another one may have come in meanwhile
        if on_demand:
            self._evictable.add(name)
        return load

    def _evict_for(self, name: str, *, on_demand: bool) -> None:
        if on_demand and self._auto_evict:
            for other in sorted(self._evictable & self.loaded - {name}):
                self.evict(other)

    def evict(self, name: str) -> None:
        """Throw a model out to make room, all of its instances."""
        self._evictable.discard(name)
        self.instances.pop(name, None)
        super().evict(name)

    def _load(self, request: Request) -> Plan:
        model = self.models.get(request.model)
        if model is None:
            return error(f"Model {request.model} not found", 404, kind="model_not_found", code="model_not_found")
        return Plan(frames=self._loaded(model, request.body.get("context_length")))

    async def _loaded(self, model: ScriptedModel, window: object) -> AsyncIterator[Frame]:
        asked = window if isinstance(window, int) else model.window
        load = await self._load_another(model, min(asked, model.context_length), on_demand=False)
        kind = "embedding" if model.embedding else "llm"
        done = {"type": kind, "instance_id": load.instance, "load_time_seconds": model.load_seconds, "status": "loaded"}
        yield Frame(dump(done), "whole")

    def _unload(self, request: Request) -> Plan:
        instance = str(request.body.get("instance_id") or "")
        model = self._find(instance)
        if model is None or model.name not in self.loaded:
            return error(f"No instance {instance}", 404, kind="model_not_found", code="model_not_found")
        if self.instances.get(model.name, 1) > 1:
            self.instances[model.name] -= 1
        else:
            self.loaded.discard(model.name)
        return as_json({"instance_id": instance})

    # Answers

    def _chat(self, request: Request) -> Plan:
        body = request.body
        wanted = body.get("response_format")
        if isinstance(wanted, dict) and wanted.get("type") not in ("json_schema", "text"):
            return as_json({"error": "'response_format.type' must be 'json_schema' or 'text'"}, 400)
        model = self._find(request.model)
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

    def overflow(self, body: Mapping[str, Any], tokens: int, window: int) -> Plan:
        """The refusal of a prompt that does not fit: since 0.4 the engine's own, or an event with status 200."""
        if "v1" not in self._native:
            words = f"Trying to keep the first {tokens} tokens when context the overflows. However, the model is loaded"
            return as_json({"error": f"{words} with context length of only {window} tokens, which is not enough."}, 400)
        if not body.get("stream"):
            return engine_overflow(tokens, window)
        words = f"Input does not fit in context length. The input has {tokens} tokens"
        frame = self.error_frame("", f"{words}, but the context length only supports {window} tokens.")
        return Plan(frames=one(frame), content_type="text/event-stream")
