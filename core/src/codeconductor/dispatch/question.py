"""Words the task for one model: the form of the reply, facts of the project, context files as far as they fit."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.dispatch.context import estimate_tokens, likely_tokens, longest_context
from codeconductor.dispatch.values import Message, Query

if TYPE_CHECKING:
    from codeconductor.discovery import Model
    from codeconductor.task import ContextFile, Task

SMALL = 1_000_000_000
"""Parameters below which a model is asked for code alone: it cannot keep to a form as well."""

MAX_REPLY = 12_288
"""Tokens of the longest reply: room for a model that thinks at length, and then for its answer."""

_REPLY_TOKENS = 1536
"""Tokens of the context length that context files leave for the reply."""

_FRAME_TOKENS = 50
"""Tokens of the lines around a context file; fewer of the file itself are of no use."""

_UNKNOWN_CONTEXT = 8192
"""Tokens that are assumed where the server does not tell the context length."""

_TEXTS = {"type": "array", "items": {"type": "string"}}

PROPOSAL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "approach": {"type": "string"},
        "requirements": _TEXTS,
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "purpose": {"type": "string"}},
                "required": ["path", "purpose"],
                "additionalProperties": False,
            },
        },
        "dependencies": _TEXTS,
        "constraints": _TEXTS,
        "tests": _TEXTS,
        "risks": _TEXTS,
    },
    "required": ["approach", "requirements"],
    "additionalProperties": False,
}
"""The JSON schema of a proposal: what a reply's `json` block should hold."""

ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"reasons": _TEXTS, "answer": {"type": "string"}},
    "required": ["reasons", "answer"],
    "additionalProperties": False,
}
"""The JSON schema of the reply to a question: the reasons first, so that the answer can follow from them."""

_FORM = """\
You are an experienced software engineer. Reply with two parts and nothing else.

1. Your plan, as one JSON object in a block that begins with ```json:
{
  "approach": "one or two sentences",
  "requirements": ["observable behaviour, one short sentence each"],
  "files": [{"path": "relative/path", "purpose": "a few words"}],
  "dependencies": ["packages that are needed, none if possible"],
  "constraints": ["what must hold"],
  "tests": ["cases to test, with input and expected result"],
  "risks": ["what may go wrong"]
}
2. Then the complete code, in one fenced block a file. The path stands behind the language, for example
```LANGUAGE relative/path

No code inside of the JSON, and no other text."""

_ANSWER_FORM = """\
You are an experienced software engineer. Answer the question as one JSON object:
{"reasons": ["short reasons"], "answer": "the answer, as short as the question allows"}"""


def question(task: Task, model: Model, *, temperature: float | None = None, seed: int | None = None) -> Query:
    """The query for one model; that of a conversation is passed on, with what it leaves open filled in.

    Context files are given in the user's order as far as the model's context length allows; the last that fits is cut.
    """
    if task.query is not None:
        asked = task.query
        return attrs.evolve(
            asked,
            temperature=temperature if asked.temperature is None else asked.temperature,
            seed=seed if asked.seed is None else asked.seed,
            max_tokens=asked.max_tokens or _longest_reply(model, asked.messages),
        )
    if task.kind == "question":
        system, schema = _ANSWER_FORM, ANSWER_SCHEMA
    elif is_small(model):
        messages: tuple[Message, ...] = (Message("user", _short(task, model)),)
        return Query(messages=messages, temperature=temperature, seed=seed, max_tokens=_longest_reply(model, messages))
    else:
        system, schema = _FORM.replace("LANGUAGE", task.language or "text"), None
    wish = "\n\n".join(part for part in (task.text, _facts(task)) if part)
    context = _context(task.context, _budget(model, system + wish))
    user = f"{wish}\n\n{context}" if context else wish
    messages = (Message("system", system), Message("user", user))
    return Query(
        messages=messages,
        temperature=temperature,
        seed=seed,
        max_tokens=_longest_reply(model, messages),
        response_schema=schema,
    )


def is_small(model: Model) -> bool:
    """Whether it is known to have too few weights to follow a form, or to judge."""
    return model.parameters is not None and model.parameters < SMALL


def _longest_reply(model: Model, messages: tuple[Message, ...]) -> int:
    """Tokens that a reply may have, so that one without end ends: as many as the context leaves free, at most."""
    window = longest_context(model)
    if window is None:
        return MAX_REPLY
    free = window - sum(estimate_tokens(message.content) for message in messages)
    return min(MAX_REPLY, max(_REPLY_TOKENS, free))


def _short(task: Task, model: Model) -> str:
    language = (task.language or "").capitalize()
    wish = f"{task.text}\n\nWrite {language} code only, in one code block." if language else task.text
    head = _function_head(task.text) if task.language == "python" else None
    if head is not None:
        # Eight samples of each of eight small functions by a model of 135 million parameters, at temperature 0.7: 36 of
        # 64 were right so, and 20 to 25 with six wordings that leave the head to the model, which forgets the name.
        block = f"```python\n{head}\n    ...\n```"
        wish = f"{task.text}\n\nAnswer with the complete Python code in one ```python block:\n{block}"
    context = _context(task.context, _budget(model, wish))
    return f"{context}\n\n{wish}" if context else wish


_CALL = re.compile(r"\b[A-Za-z_]\w*\([^()\n]{0,200}\)")


def _function_head(text: str) -> str | None:
    """`def NAME(PARAMETERS):` where a task for one function names it so, else None."""
    heads = {f"def {match[0]}:" for match in _CALL.finditer(text)}
    if len(heads) != 1:
        return None
    head = heads.pop()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(f"{head} ...")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return head


def _budget(model: Model, rest: str) -> int:
    """Tokens that the context files may have beside the rest of the prompt and a reply."""
    return max(0, (longest_context(model) or _UNKNOWN_CONTEXT) - _REPLY_TOKENS - likely_tokens(rest))


def _facts(task: Task) -> str:
    facts = []
    if task.language:
        facts.append(f"Language: {task.language}.")
    if task.project.languages:
        facts.append(f"The project uses {', '.join(task.project.languages)}.")
    if task.project.test_command:
        facts.append(f"Its tests are run with `{task.project.test_command}`.")
    facts.extend(f"Standard to keep: {standard}." for standard in task.project.standards)
    return "\n".join(facts)


def _context(files: tuple[ContextFile, ...], budget: int) -> str:
    parts = []
    for file in files:
        part = _quoted(file.path, file.text)
        tokens = likely_tokens(part)
        if tokens > budget:
            beginning = _beginning(file.text, budget)
            if beginning:
                parts.append(_quoted(file.path, beginning, " (only its beginning)"))
            break
        parts.append(part)
        budget -= tokens
    return "\n\n".join(parts)


def _quoted(name: str, text: str, remark: str = "") -> str:
    """A context file; its name stands on one line, in a code span, whatever characters somebody gave it."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name).replace("`", "'")
    fence = fence_for(text)
    return f"File `{shown}`{remark}:\n{fence}\n{text.rstrip()}\n{fence}"


def _beginning(text: str, budget: int) -> str:
    """As much of a text as has so many tokens; nothing where that is too little to be of use."""
    budget -= _FRAME_TOKENS
    while budget > _FRAME_TOKENS and (tokens := likely_tokens(text)) > budget:
        text = text[: len(text) * budget // tokens - 1]
    return text if budget > _FRAME_TOKENS else ""


def fence_for(text: str) -> str:
    """A fence of backticks that nothing in the text can close."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    return "`" * (longest + 1)
