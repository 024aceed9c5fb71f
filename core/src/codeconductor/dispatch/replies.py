"""Reads a reply as models really write it: reasoning, one JSON object, and code in fences, in every broken form.

Nothing is lost: what cannot be read as one of these stays in the reply's text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from codeconductor.dispatch.bare_code import bare_code
from codeconductor.dispatch.fences import Fence, fences, is_json, parts
from codeconductor.dispatch.reasoning import split_reasoning
from codeconductor.dispatch.values import CodeBlock
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_JSON = 256 * 1024
"""Characters of the longest text that is read as JSON."""

MAX_REPAIR = 64 * 1024
"""Characters of the longest text that is repaired into JSON, which takes a second for every 100,000 of them."""

MAX_DEPTH = 100
"""Objects and lists within each other that are kept: a proposal needs four, and Python's recursion ends at 1,000."""

MAX_OPEN = 64
"""Brackets that are never closed, in a text that is repaired: a model that only repeats `{` meant no object."""

PROPOSAL_FIELDS = ("approach", "requirements", "files", "dependencies", "constraints", "tests", "risks")
"""The fields of a proposal, in the order in which they are asked for."""

_KNOWN_FIELDS = frozenset({*PROPOSAL_FIELDS, "answer"})


@frozen(kw_only=True)
class Reply:
    """A reply taken apart; `text` is the whole of it less its reasoning."""

    text: str
    reasoning: str
    data: Mapping[str, Any] | None
    code: tuple[CodeBlock, ...]


def read_reply(text: str, reasoning: str = "") -> Reply:
    """Take a reply apart.

    Args:
        text: As the model wrote it.
        reasoning: What the server had already kept apart.
    """
    thought, rest = split_reasoning(_less_end_tokens(_mended(text)))
    reasoning = _mended(reasoning)
    taken = list(parts(_unwrapped(rest)))
    found = [part for part in taken if isinstance(part, Fence)]
    prose = "\n".join(part for part in taken if isinstance(part, str))
    data, source = _proposal(prose, found)
    code = _blocks(fence for fence in found if fence is not source)
    if not code and data is not None:
        code = tuple(_blocks_within(data))
    if not code:
        bare = bare_code(prose if data is None or source is not None else _behind_json(prose))
        code = () if bare is None else (CodeBlock(language="python", text=bare),)
    joined = "\n".join(part for part in (reasoning, thought) if part)
    return Reply(text=rest, reasoning=joined, data=data, code=code)


_END_TOKENS = re.compile(
    r"(?:\s*+(?:<\|(?:im_end|eot_id|endoftext|end_of_text|end)\|>|<end_of_turn>|</s>))++\s*+\Z", re.IGNORECASE
)
"""With which models end their turn; some servers pass them on."""

_TAIL = 200
"""Characters at the end among which they are looked for."""


def _less_end_tokens(text: str) -> str:
    return text[:-_TAIL] + _END_TOKENS.sub("", text[-_TAIL:])


_WRAPPED = re.compile(
    r"\s*(?P<mark>`{3,})(?:markdown|md)?[ \t]*\n(?P<inner>.*\n)(?P=mark)\s*", re.DOTALL | re.IGNORECASE
)


def _unwrapped(text: str) -> str:
    """What stands in one block of Markdown around the whole reply, if that is a proposal; else the reply."""
    match = _WRAPPED.fullmatch(text)
    is_proposal = match is not None and _FENCED.search(match["inner"]) and _START.search(match["inner"])
    return match["inner"] if match is not None and is_proposal else text


_FENCED = re.compile(r"^[ \t]*`{3,}[ \t]*json", re.MULTILINE | re.IGNORECASE)


def _behind_json(prose: str) -> str:
    """What stands behind the JSON object in a text that begins with one, or with words before it."""
    match = _START.search(prose)
    start = match.start() if match else prose.find("{")
    try:
        _, end = json.JSONDecoder().raw_decode(prose, start)
    except (ValueError, RecursionError):
        return ""
    return prose[end:]


_SURROGATE = re.compile("[\ud800-\udfff]")


def _mended(text: str) -> str:
    """The text as UTF-8 can hold it: a character may have come in two halves, and half a one is none."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _blocks(found: Iterable[Fence]) -> tuple[CodeBlock, ...]:
    return tuple(
        CodeBlock(language=_language(fence), path=_path(fence), text=fence.text)
        for fence in found
        if fence.text.strip()
    )


def _language(fence: Fence) -> str | None:
    word = re.match(r"[\w+#.-]+", fence.info)
    if word is None or "=" in fence.info[: word.end() + 1] or "/" in fence.info[: word.end() + 1] or "." in word[0]:
        return None
    return _LANGUAGES.get(word[0].lower(), word[0].lower())


_LANGUAGES = {"py": "python", "python3": "python", "js": "javascript", "ts": "typescript", "rs": "rust", "sh": "bash"}

_PATH = r"[\w.@+-]+(?:/[\w.@+-]+)*\.\w{1,8}"
_QUOTES = r"[*`\"']*+"  # possessive: a line of thousands of marks is passed over once
_NAMED = re.compile(
    rf"(?:#++\s*+|\d+[.)]\s++|[-*]\s++)?{_QUOTES}(?:[Ff]ile(?:name)?(?=[*`\"':\s]){_QUOTES}:?{_QUOTES}\s*+{_QUOTES})?"
    rf"({_PATH}){_QUOTES}\s*+:?{_QUOTES}"
)


def _path(fence: Fence) -> str | None:
    """The path in the info string (`python src/a.py`, `path=src/a.py`), else alone on the line above."""
    for match in re.finditer(rf"(?:^|[\s=:\"'{{])({_PATH})(?=$|[\s\"'}}])", fence.info):
        return match[1]
    above = _NAMED.fullmatch(fence.before)
    return above[1] if above else None


def _blocks_within(data: Mapping[str, Any]) -> Iterator[CodeBlock]:
    """Code that a model put into its plan all the same: under `code`, or with a file."""
    if "answer" in data:
        return
    named = data.get("language")
    language = _LANGUAGES.get(named.lower(), named.lower()) if isinstance(named, str) and named.strip() else None
    files = data.get("files")
    for entry in (data, *(files if isinstance(files, list) else ())):
        if not isinstance(entry, dict):
            continue
        text = next((entry[key] for key in ("code", "content") if isinstance(entry.get(key), str)), "")
        path = entry.get("path")
        within = _blocks(fences(text))
        if within:
            yield from within
        elif text.strip():
            yield CodeBlock(language=language, path=path if isinstance(path, str) else None, text=text.rstrip() + "\n")


_START = re.compile(rf"""\{{\s*+["'](?:{"|".join(sorted(_KNOWN_FIELDS | {"reasons"}))})["']""")


def _proposal(prose: str, found: list[Fence]) -> tuple[dict[str, Any] | None, Fence | None]:
    """The JSON object of the reply and the fence that it stands in: the last one with known keys, else the last."""
    objects = []
    for fence in found:
        labelled = is_json(fence.info)
        if labelled or (not fence.info and fence.text.lstrip().startswith(("{", "["))):
            data = read_json(fence.text)
            if data is not None and (labelled or _KNOWN_FIELDS & data.keys()):
                objects.append((_proposed(data), fence))
    known = [pair for pair in objects if _KNOWN_FIELDS & pair[0].keys()]
    if known:
        return known[-1]
    match = _START.search(prose)
    start = match.start() if match else prose.find("{")
    if start >= 0:
        data = read_json(prose[start:])
        if data is not None and (_KNOWN_FIELDS & data.keys() or (not objects and _is_whole(prose, start))):
            return data, None
    return (objects[-1][0], None) if objects else (None, None)


def _proposed(data: dict[str, Any]) -> dict[str, Any]:
    """A proposal that is the only value of an object, such as ``{"proposal": {…}}``; else the object itself."""
    inner = next(iter(data.values())) if len(data) == 1 else None
    return inner if isinstance(inner, dict) and len(inner.keys() & _KNOWN_FIELDS) > 1 else data


def _is_whole(text: str, start: int) -> bool:
    return not text[:start].strip() and text.rstrip().endswith("}")


def read_json(text: str) -> dict[str, Any] | None:
    """A JSON object, also one that is alone in a list, repaired where it must be; None where the text has none."""
    text = text.strip()
    if not text.startswith(("{", "[")) or len(text) > MAX_JSON:
        return None
    try:
        data = json.loads(text, parse_constant=lambda _constant: None)
    except (ValueError, RecursionError):
        data = _repaired(text)
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if _is_deep(data):
        return None
    if "\\ud" in text.lower():  # half a character may be written as an escape
        data = json.loads(_mended(json.dumps(data, ensure_ascii=False)))
    return data if isinstance(data, dict) and data else None


def _is_deep(data: object) -> bool:
    """Whether it nests deeper than `MAX_DEPTH`; told without recursion, for which it may be too deep already."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(level)


def _repaired(text: str) -> object:
    still_open = sum(map(text.count, "{[")) - sum(map(text.count, "}]"))
    if len(text) > MAX_REPAIR or still_open > MAX_OPEN:
        return None
    import json_repair

    try:
        data = json_repair.loads(text)
        if isinstance(data, list):  # two objects, or an object and prose after it
            data = next((item for item in data if isinstance(item, dict)), None)
        json.dumps(data, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return data
