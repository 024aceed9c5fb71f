"""What of the answers is compared: their code, and of Python its syntax trees; or their values, calls or texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import frozen, likeness, token_pairs

from codeconductor_consensus_similarity._medoid import PYTHON
from codeconductor_consensus_similarity._trees import Trees, is_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Answer, Task


@frozen(kw_only=True, eq=False)
class Reading:
    """One answer, ready to be compared.

    Attributes:
        text: What of it is compared.
        pairs: Its pairs of neighbouring tokens, counted.
        tree: Its subtrees, counted; None where it is no Python program.
        is_program: Whether it is code in any language.
    """

    text: str
    pairs: Mapping[tuple[str, str], int]
    tree: Mapping[int, int] | None
    is_program: bool


def read(answers: Sequence[Answer], task: Task) -> dict[int, Reading]:
    """The answers by their position: those with code where some have it and code is wanted, else all."""
    wants_code = task.kind not in ("question", "call")
    python = task.language in PYTHON
    codes = {place: code for place, answer in enumerate(answers) if wants_code and (code := _code(answer, task))}
    texts = codes or {place: _said(answer) for place, answer in enumerate(answers)}
    trees = Trees()
    known: dict[str, Reading] = {}
    for text in texts.values():
        if text not in known:
            tree = trees.of(text) if codes and python else None
            known[text] = Reading(text=text, pairs=token_pairs(text), tree=tree, is_program=bool(codes))
    return {place: known[text] for place, text in texts.items()}


def alike(one: Reading, other: Reading) -> float:
    """How much alike two answers are, 0 to 1: by their trees where both have one, else by their tokens."""
    if one.tree is not None and other.tree is not None:
        return likeness(one.tree, other.tree)
    return likeness(one.pairs, other.pairs)


def _code(answer: Answer, task: Task) -> str:
    """The blocks in the task's language, else all; of Python also the rest of a function without fences."""
    if answer.code:
        own = [block.text for block in answer.code if block.language in (None, task.language)]
        return "\n".join(own or [block.text for block in answer.code])
    return answer.text if task.language in PYTHON and is_code(answer.text) else ""


def _said(answer: Answer) -> str:
    """The value in an answer's JSON, its calls, or its text."""
    if answer.tool_calls:
        return "\n".join(f"{call.name} {call.arguments}" for call in answer.tool_calls)
    value = (answer.data or {}).get("answer")
    return answer.text.strip() if value is None else str(value)
