"""The program that an answer carries: which of its blocks belong to it, its shape, and whether it is whole."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codeconductor import frozen

from codeconductor_consensus_majority._python import dedented, python_shape
from codeconductor_consensus_majority._source import is_whole, source_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, CodeBlock, Task

_NO_PROGRAM = frozenset(
    {"bash", "console", "diff", "log", "markdown", "md", "none", "output", "plaintext", "pycon", "sh", "shell"}
    | {"terminal", "text", "txt", "zsh"}
)
"""Labels of blocks that show a command or its output, where the task's own language is another."""

_PYTHON = frozenset({"python", "python3", "py"})


@frozen(kw_only=True)
class Program:
    """The code of one answer.

    Attributes:
        blocks: The blocks that belong to it.
        shape: Equal for programs that do the same for certain.
        whole: Whether it parses in its language and was not cut.
        text: All of it, for comparing how much alike two programs are.
    """

    blocks: tuple[CodeBlock, ...]
    shape: tuple[tuple[str, str], ...]
    whole: bool
    text: str


def program_of(answer: Answer, task: Task, shapes: dict[tuple[str, str], str | None]) -> Program | None:
    """The program of an answer; None where it has none.

    All blocks in the task's language count together, and all that name a file; where there are none, all blocks but
    those that show commands or output. Blocks that only show how the program is used are left out, unless a whole
    program is wanted, or tests.

    Args:
        answer: Its `code` is looked at.
        task: What it answers.
        shapes: Shapes that were found before, by text and language; added to.
    """
    blocks = _belonging(answer.code, task.language)
    if not blocks:
        return None
    kept, files, whole = _files(blocks, task, shapes)
    if answer.finish_reason == "length":
        unclosed = answer.text.rstrip().endswith(answer.code[-1].text.rstrip())
        whole = whole and not unclosed and len(kept) == len(blocks)
    shape = tuple(sorted((name if len(files) > 1 else "", shape) for name, shape in files))
    return Program(blocks=kept, shape=shape, whole=whole, text="\n".join(block.text.strip() for block in kept))


def _belonging(blocks: Sequence[CodeBlock], language: str | None) -> tuple[CodeBlock, ...]:
    written = [block for block in blocks if block.text.strip()]
    own = [block for block in written if block.path or block.language in (None, language)]
    if not any(block.path or block.language == language for block in own):
        labelled = [block for block in written if block.language not in _NO_PROGRAM]
        own = labelled if any(block.language for block in labelled) else own
    return tuple(own)


def _files(
    blocks: tuple[CodeBlock, ...], task: Task, shapes: dict[tuple[str, str], str | None]
) -> tuple[tuple[CodeBlock, ...], list[tuple[str, str]], bool]:
    """(blocks that are kept, shape by name of file, whether all of it is whole).

    Python blocks without a path are parts of one file. One of them that does not parse, beside one that does, shows
    something (a session, an excerpt), and is left out.
    """
    language = task.language or ""
    python = [b for b in blocks if not b.path and (b.language or language) in _PYTHON]
    parsing = [b for b in python if _shape(b.text, "python", shapes) is not None]
    if len(parsing) > 1 and task.kind != "test" and task.style != "stdin" and task.entry_point != "":
        from codeconductor_consensus_majority._examples import examples  # most answers have one block

        shown = examples([b.text for b in parsing])
        parsing = [b for number, b in enumerate(parsing) if number not in shown]
    left_out = [b for b in python if b not in parsing] if parsing else []
    kept = tuple(b for b in blocks if b not in left_out)
    files, whole = [], True
    if python:
        source, shape = _joined([b.text for b in (parsing or python)], shapes)
        whole = shape is not None
        files.append(("", shape if shape is not None else source_shape(source, "python")))
    for block in kept:
        if block in python:
            continue
        own = "python" if block.path and block.path.endswith(".py") else block.language or language
        shape = _shape(block.text, own, shapes)
        whole = whole and shape is not None
        name = PurePosixPath(block.path).name if block.path else ""
        files.append((name, shape if shape is not None else source_shape(block.text, own)))
    return kept, files, whole


def _joined(texts: Sequence[str], shapes: dict[tuple[str, str], str | None]) -> tuple[str, str | None]:
    """(all parts of one Python file, its shape).

    A part that is indented may be the rest of the class before it; where it does not fit there, it begins anew.
    """
    source = "\n".join(texts)
    shape = _shape(source, "python", shapes)
    if shape is None and len(texts) > 1:
        source = "\n".join(map(dedented, texts))
        shape = _shape(source, "python", shapes)
    return source, shape


def _shape(source: str, language: str, shapes: dict[tuple[str, str], str | None]) -> str | None:
    """The shape of a source text; None where it does not parse."""
    key = (source, language)
    if key not in shapes:
        if language in _PYTHON:
            shapes[key] = python_shape(source)
        else:
            shapes[key] = source_shape(source, language) if is_whole(source, language) else None
    return shapes[key]
