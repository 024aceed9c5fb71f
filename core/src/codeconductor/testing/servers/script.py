"""What a scripted model is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor.testing.servers.wire import Fault

DEFAULT_REPLY = """\
```json
{
  "approach": "A class with one method for each operation.",
  "requirements": ["add and subtract two numbers", "raise ZeroDivisionError when dividing by zero"],
  "files": [{"path": "calculator.py", "purpose": "the class"}],
  "dependencies": [],
  "constraints": ["standard library only"],
  "tests": ["add(2, 3) is 5", "divide(1, 0) raises ZeroDivisionError"],
  "risks": ["rounding of floats"]
}
```
```python calculator.py
class Calculator:
    def add(self, a, b):
        return a + b

    def subtract(self, a, b):
        return a - b

    def divide(self, a, b):
        return a / b
```
"""
"""What a model says that was given no script: a proposal, and the code for it."""


@frozen(kw_only=True)
class Said:
    """One reply.

    Attributes:
        text: The answer.
        reasoning: What comes before it, where the server puts reasoning.
        tool_calls: (name, arguments) of functions to be called.
        finish_reason: As the server says it at the end.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    finish_reason: str = "stop"


Reply = str | Said | Callable[[Mapping[str, Any]], str | Said]
"""A text, more than a text, or a function of the request's body that gives one of the two."""


@frozen(kw_only=True)
class ScriptedModel:
    """A model and its script.

    Attributes:
        name: As the server calls it.
        reply: What it says.
        chunk: Characters in one piece of the stream; 0: all at once.
        pace: Seconds between two pieces.
        delay: Seconds before the first piece, when the model is in memory.
        load_seconds: Seconds that a load takes.
        loaded: Whether it is in memory when the server starts.
        context_length: Tokens it can hold at most.
        loaded_context_length: Tokens in force when it is loaded; None: the most it can.
        capabilities: As Ollama names them; beside ``"completion"`` such as ``"tools"``, ``"vision"``, ``"thinking"``.
        embedding: It makes vectors and cannot chat.
        remote: The server hands its requests on to somebody else's computer.
        size: Bytes on disk.
        parameters: Such as ``"7.6B"``.
        quantization: Such as ``"Q4_K_M"``.
        parallel: Requests that it answers at once, the others wait; None: all of them.
        fault: What goes wrong when it is asked; requests that only load it are spared.
    """

    name: str
    reply: Reply = DEFAULT_REPLY
    chunk: int = 40
    pace: float = 0.0
    delay: float = 0.0
    load_seconds: float = 0.0
    loaded: bool = True
    context_length: int = 32768
    loaded_context_length: int | None = None
    capabilities: tuple[str, ...] = ("completion",)
    embedding: bool = False
    remote: bool = False
    size: int = 4_700_000_000
    parameters: str = "7.6B"
    quantization: str = "Q4_K_M"
    parallel: int | None = None
    fault: Fault | None = None

    def says(self, body: Mapping[str, Any]) -> Said:
        """The reply to a request."""
        reply = self.reply(body) if callable(self.reply) else self.reply
        return reply if isinstance(reply, Said) else Said(text=reply)

    @property
    def window(self) -> int:
        """Tokens in force when it is loaded."""
        return self.loaded_context_length or self.context_length

    def pieces(self, text: str) -> Iterator[str]:
        """The text as it is streamed."""
        step = self.chunk or len(text) or 1
        return (text[start : start + step] for start in range(0, len(text), step))
