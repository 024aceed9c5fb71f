"""Keeps a prompt to its longest length, by leaving things out in a fixed order.

First the text of context files, then what was not agreed on, the input on which candidates differ, risks, the
project's layout, the template's own advice, the names of context files, and last the code. The task and what was agreed
on are never left out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from codeconductor import estimate_tokens, frozen

from codeconductor_prompt_jinja.text import truncate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from codeconductor import PromptLimits

    from codeconductor_prompt_jinja.view import View

_FRAME = 24
"""Tokens around the text of a context file: its name, two fences, and what is said of its being cut."""

_ADVICE = 500
"""Tokens that the built-in templates save where they leave out their advice."""

_LEAST = 64
"""Tokens below which the beginning of a context file is not worth quoting."""


@frozen
class Fitted:
    """A prompt that keeps to its length as far as it can, and what people should know about it."""

    text: str
    warnings: tuple[str, ...]


@frozen
class _Piece:
    """Something that may be left out, and about how many tokens that saves."""

    kind: str
    tokens: int


def fit(view: View, limits: PromptLimits, write: Callable[[dict[str, Any]], str]) -> Fitted:
    """Write the prompt, and again with less until it fits.

    Args:
        view: What there is to say.
        limits: The longest length.
        write: Makes the text of the data; called few times, as what is left out is chosen by its estimated length.
    """
    cut = _Cut(view, limits)
    pieces = _pieces(view)

    def written(count: int) -> tuple[str, int]:
        """The text without the first pieces, and the tokens that are too many."""
        cut.out = Counter(piece.kind for piece in pieces[:count])
        text = write(cut.data())
        return text, estimate_tokens(text) - limits.max_tokens

    count, too_few, least = 0, 0, 1
    text, excess = written(count)
    while excess > 0 and count < len(pieces):
        too_few, before, wanted = count, excess, max(excess, least)
        count = _enough(pieces, count, wanted)
        text, excess = written(count)
        if before - excess < wanted / 2:  # a template that says only some of it must not cost a round for each piece
            least = 2 * wanted
    while excess <= 0 and count - too_few > 1 and pieces[count - 1].tokens <= -excess:  # some of it may stay
        middle = (count + too_few) // 2
        shorter, over = written(middle)
        if over > 0:
            too_few = middle
        else:
            text, excess, count = shorter, over, middle
    cut.out = Counter(piece.kind for piece in pieces[:count])
    if excess <= 0 and not cut.out:
        text = _with_quotes(cut, text, -excess, write)
    return Fitted(text, tuple(_warnings(cut, estimate_tokens(text), limits.max_tokens)))


def _enough(pieces: Sequence[_Piece], count: int, wanted: int) -> int:
    """How many pieces to leave out, more than `count`, for saving so many tokens."""
    while count < len(pieces) and wanted > 0:
        wanted -= pieces[count].tokens
        count += 1
    return count


def _warnings(cut: _Cut, tokens: int, limit: int) -> Iterable[str]:
    left_out = ", ".join(cut.said())
    if tokens > limit:
        yield (
            f"the prompt has about {tokens} tokens, more than the {limit} asked for: the task and what was agreed on "
            f"are never left out{f'; left out: {left_out}' if left_out else ''}"
        )
    elif left_out:
        yield f"the prompt is kept to {limit} tokens; left out: {left_out}"


def _with_quotes(cut: _Cut, text: str, room: int, write: Callable[[dict[str, Any]], str]) -> str:
    """The text with as much of the context files quoted as there is room for."""
    bare = text
    for _ in range(4):
        cut.quotes = _quotes([file["text"] for file in cut.view.task["context"]], room)
        if not any(cut.quotes):
            return bare if cut.view.task["context"] else text
        text = write(cut.data())
        excess = estimate_tokens(text) - cut.limits.max_tokens
        if excess <= 0:
            return text
        room -= excess + _FRAME
    cut.quotes = []
    return bare


def _quotes(texts: Sequence[str], room: int) -> list[str]:
    """As many of the texts as fit, in their order; of the first that does not, the beginning."""
    quotes: list[str] = []
    for text in texts:
        tokens = estimate_tokens(text) if len(text) < 8 * max(room, 0) else room + 1
        if tokens + _FRAME > room:
            rest = room - 2 * _FRAME
            quotes.append(truncate_tokens(text, rest) if rest >= _LEAST else "")
            break
        quotes.append(text)
        room -= tokens + _FRAME
    return quotes


def _pieces(view: View) -> list[_Piece]:
    """What may be left out beside the text of context files, in this order."""
    consensus = view.consensus
    questions = [str([option["text"] for option in question["options"]]) for question in consensus["questions"]]
    code = [block["text"] for block in consensus["code"]]
    witness = [] if consensus["witness"] is None else [str(consensus["witness"])]
    layout = [" ".join(view.project["layout"])] if view.project["layout"] else []
    groups = (
        ("questions", map(estimate_tokens, questions)),
        ("witness", map(estimate_tokens, witness)),
        ("risks", (estimate_tokens(risk["text"]) for risk in consensus["agreed"]["risks"])),
        ("layout", map(estimate_tokens, layout)),
        ("advice", (_ADVICE,)),
        ("names", (estimate_tokens(file["path"]) for file in view.task["context"])),
        ("code", map(estimate_tokens, code or [consensus["text"]] * bool(consensus["text"]))),
    )
    return [_Piece(kind, tokens) for kind, costs in groups for tokens in reversed(list(costs))]


class _Cut:
    """What is left out for now.

    Attributes:
        out: How many of a kind are left out, counted from the end.
        quotes: Texts of the first context files; those of the others are left out.
    """

    def __init__(self, view: View, limits: PromptLimits) -> None:
        self.view, self.limits = view, limits
        self.out: Counter[str] = Counter()
        self.quotes: list[str] = []

    def data(self) -> dict[str, Any]:
        """What the template sees of the rest."""
        data = self.view.data(self.limits, self.said())
        data["task"] = {**data["task"], "context": self._context()}
        data["limits"]["brief"] = bool(self.out["advice"])
        if self.out["layout"]:
            data["project"] = {**data["project"], "layout": []}
        data["consensus"] = self._consensus(dict(data["consensus"]))
        return data

    def _context(self) -> list[dict[str, Any]]:
        files = []
        for number, file in enumerate(self.view.task["context"]):
            text = self.quotes[number] if number < len(self.quotes) else ""
            files.append({**file, "text": text, "is_cut": file["is_cut"] or text != file["text"]})
        return _without(files, self.out["names"])

    def _consensus(self, consensus: dict[str, Any]) -> dict[str, Any]:
        outcome = dict(consensus["outcome"])
        if self.out["questions"]:
            consensus["questions"] = _without(consensus["questions"], self.out["questions"])
            kept = {question["field"] for question in consensus["questions"]}
            consensus["disagreements"] = [it for it in consensus["disagreements"] if it["field"] in kept]
        if self.out["witness"]:
            consensus["witness"] = None
        if self.out["risks"]:
            risks = _without(consensus["agreed"]["risks"], self.out["risks"])
            consensus["agreed"] = {**consensus["agreed"], "risks": risks}
            others = [field for field in consensus["fields"] if field["name"] != "risks"]
            kept_risks = [field for field in consensus["fields"] if field["name"] == "risks"][: len(risks)]
            consensus["fields"] = others + kept_risks
            if isinstance(outcome.get("risks"), list):
                outcome["risks"] = outcome["risks"][: len(risks)]
        if self.out["code"]:
            consensus["code"], consensus["text"] = _without(consensus["code"], self.out["code"]), ""
            consensus["fields"] = [field for field in consensus["fields"] if field["name"] not in ("code", "text")]
            for name in {"code", "text"} & outcome.keys():
                outcome[name] = type(outcome[name])() if not consensus["code"] else consensus["code"]
        return {**consensus, "outcome": outcome}

    def said(self) -> list[str]:
        """What is left out, in words."""
        out, consensus, files = self.out, self.view.consensus, self.view.task["context"]
        said = list(self._said_of_texts(files))
        if out["questions"]:
            said.append(_of(out["questions"], len(consensus["questions"]), "open question"))
        if out["witness"]:
            said.append("the input on which the candidates differ")
        if out["risks"]:
            said.append(_of(out["risks"], len(consensus["agreed"]["risks"]), "risk"))
        if out["layout"]:
            said.append("the project's layout")
        if out["advice"]:
            said.append("general advice")
        if out["names"]:
            said.append(_of(out["names"], len(files), "context file"))
        if out["code"]:
            blocks = len(consensus["code"])
            part = f"{out['code']} of {blocks} files of the " if out["code"] < blocks else "the "
            said.append(f"{part}reference code" if blocks else "what the chosen model wrote")
        return said

    def _said_of_texts(self, files: list[dict[str, Any]]) -> Iterator[str]:
        quotes = [*self.quotes, *[""] * len(files)]
        cut = [(file, quote) for file, quote in zip(files, quotes, strict=False) if quote != file["text"]]
        missing = sum(1 for _, quote in cut if not quote)
        if missing:
            yield f"the text of {_of(missing, len(files), 'context file')}"
        for file, quote in cut:
            if quote:
                yield f"the end of {file['name']}"


def _without(items: list[Any], count: int) -> list[Any]:
    return items[: len(items) - count]


def _of(count: int, total: int, noun: str) -> str:
    if total == 1:
        return f"the {noun}"
    return f"{count} of {total} {noun}s" if count < total else f"all {total} {noun}s"
