"""Takes the program out of an answer: a whole one, several blocks, the rest of a function, with or without prose."""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING

from codeconductor import frozen, program_shape

from codeconductor_consensus_execution._missing import imports_for
from codeconductor_consensus_execution._syntax import classes, functions, names_bound, names_read, parse
from codeconductor_consensus_execution._target import Target, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Answer

_PYTHON = frozenset({"python", "python3", "py", "py3", None})

_FENCES = re.compile(r"^[ \t]*(?:`{3,}|~{3,}).*$|(?:`{3,}|~{3,})[ \t]*$", re.MULTILINE)

_MADE = "# the entry point under the name that is called"

_TRIES = 12
"""Times that the end of a text is cut off, a line at which it stops being Python after the other."""


@frozen(kw_only=True)
class Program:
    """The code of one answer, ready to be run.

    Attributes:
        source: A whole program that defines the entry point.
        code: What of it the model wrote.
        shape: Equal for programs that do the same for certain.
        repaired: Whether the entry point has another name or place in the answer; what it does counts all the same,
            but another answer that does it is the better choice.
    """

    source: str
    code: str
    shape: str
    repaired: bool = False


def program_of(answer: Answer, target: Target) -> Program | None:
    """The program of an answer; None where it has none, or none with such an entry point."""
    for code in _codes(answer, target):
        source = _assembled(code, target)
        if source is not None:
            repaired = not target.is_program and source.rstrip().endswith(_MADE)
            return Program(source=source, code=code, shape=program_shape(source, target.name), repaired=repaired)
    return None


def _codes(answer: Answer, target: Target) -> Iterator[str]:
    """Texts that may be the program, the likeliest first."""
    blocks = [block.text for block in answer.code if block.language in _PYTHON]
    blocks = blocks or [block.text for block in answer.code]
    if target.is_program:
        ranked = sorted(blocks, key=lambda text: ("input" in text or "stdin" in text, len(text)), reverse=True)
    else:
        defined = re.compile(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(target.name)}\b", re.MULTILINE)
        ranked = [text for text in reversed(blocks) if defined.search(text)]
        rest = [text for text in reversed(blocks) if text not in ranked]
        if ranked and rest:
            yield from _together(ranked[0], blocks)
        ranked += rest
    yield from ranked
    yield answer.text
    yield _FENCES.sub("", answer.text)


def _together(main: str, blocks: list[str]) -> Iterator[str]:
    """The block with the entry point, behind the ones that define what it needs."""
    tree, _ = parse(main)
    if tree is None:
        return
    lacking = names_read(tree) - names_bound(tree)
    helping = []
    for text in blocks[: blocks.index(main)] + blocks[blocks.index(main) + 1 :]:
        other, _ = parse(text)
        if other is not None and any(it in lacking for it in {*functions(other), *classes(other)}):
            helping.append(text)
    if helping:
        yield "\n\n".join([*helping, main])


def _assembled(code: str, target: Target) -> str | None:
    """A whole program of the code; None where it does not parse or lacks the entry point."""
    if target.is_program:
        source = _parsing(code.strip("\n")) or _parsing(textwrap.dedent(code).strip("\n"))
        return None if source is None else _acting(source)
    for text in (code.strip("\n"), textwrap.dedent(code).strip("\n")):
        source = _parsing(text)
        entered = _entered(source, target) if source is not None else None
        if entered is not None:
            return _headed(entered, target)
    for source in _continued(code, target):
        entered = _entered(source, target)
        if entered is not None:
            return _headed(entered, target)
    return None


def _acting(source: str) -> str | None:
    """The program if it does anything but define, or name things as prose may seem to do; else with its main called."""
    tree, _ = parse(source)
    if tree is None:
        return None
    quiet = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.AnnAssign, ast.Assign)
    if any(
        not isinstance(it, quiet) and not (isinstance(it, ast.Expr) and not isinstance(it.value, ast.Call))
        for it in tree.body
    ):
        return source
    own = functions(tree)
    for name in ("main", "solve"):
        if name in own and not parameters_of(own[name]):
            return f"{source}\n\n{name}()\n"
    return None


def _headed(source: str, target: Target) -> str:
    """The program behind the task's own imports and helpers, with what it forgot to import."""
    head = target.head
    if head and parse(head)[0] is None:
        head = "\n".join(line for line in head.split("\n") if re.match(r"(from\s+\S+\s+)?import\s", line))
    future = [line for line in source.split("\n") if line.startswith("from __future__ import")]
    if future:
        source = "\n".join(line for line in source.split("\n") if line not in future)
    whole = "\n\n".join(part for part in (head, source) if part.strip())
    tree, _ = parse(whole)
    if tree is None:
        return source
    missing = imports_for(names_read(tree) - names_bound(tree), everything=bool(target.class_name))
    return "\n".join([*future, *missing, whole]) + "\n"


def _parsing(text: str) -> str | None:
    """The text, less what stands behind the program; None where it does not begin with one."""
    lines = text.split("\n")
    for _ in range(_TRIES):
        tree, line = parse("\n".join(lines))
        if tree is not None:
            return "\n".join(lines) if tree.body else None
        if line < 2:
            return None
        lines = lines[: min(line, len(lines)) - 1]
        while lines and (not lines[-1].strip() or lines[-1].rstrip().endswith((":", ",", "(", "[", "{", "\\"))):
            lines.pop()
        if not lines:
            return None
    return None


def _entered(source: str, target: Target) -> str | None:
    """The program with its entry point under the name that is called: found by name, else by signature."""
    tree, _ = parse(source)
    if tree is None:
        return None
    own, held = functions(tree), classes(tree)
    if not target.class_name:
        if target.name in names_bound(tree):
            return source
        for name, wrapper in held.items():
            if target.name in functions(wrapper):
                return f"{source}\n\n{target.name} = {name}().{target.name}  {_MADE}\n"
        alike = [name for name, it in own.items() if _fits(len(parameters_of(it)), target) and not name.startswith("_")]
        return f"{source}\n\n{target.name} = {alike[-1]}  {_MADE}\n" if len(own) == 1 and alike else None
    holder = held.get(target.class_name)
    if holder is not None and target.name in functions(holder):
        return source
    if holder is not None:
        public = {name: it for name, it in functions(holder).items() if not name.startswith("_")}
        alike = [name for name, it in public.items() if _fits(len(parameters_of(it, method=True)), target)]
        if len(alike) == 1:
            return f"{source}\n\n{target.class_name}.{target.name} = {target.class_name}.{alike[0]}  {_MADE}\n"
        return None
    name = target.name if target.name in own else next(iter(own)) if len(own) == 1 else ""
    if not name:
        return None
    taken = parameters_of(own[name])
    call = name if taken and taken[0].name == "self" else f"staticmethod({name})"
    return f"{source}\n\nclass {target.class_name}:\n    {target.name} = {call}  {_MADE}\n"


def _fits(count: int, target: Target) -> bool:
    return target.parameters is None or count == len(target.parameters)


def _continued(code: str, target: Target) -> Iterator[str]:
    """The task's own signature with the code as its body, with the indentation repaired where it must be."""
    if not target.stub or not code.strip():
        return
    first = target.stub.split("\n")
    signature = next((line for line in first if re.match(r"\s*(async\s+)?def\s", line)), "")
    indent = signature[: len(signature) - len(signature.lstrip())] + "    "
    stub, _ = parse(target.stub + f"{indent}pass\n")
    if stub is None:
        return
    bodies = [f"{target.stub}{textwrap.indent(body, indent)}" for body in _bodies(code)]
    whole = [source for source in bodies if parse(source)[0] is not None]
    if not whole:
        bodies.append(f"{target.stub}{code}")  # prose at the left edge stands behind it
        cut = [source for body in bodies if (source := _parsing(body)) is not None]
        whole = sorted(cut, key=len, reverse=True)
    for source in whole:
        tree, _ = parse(source)
        if tree is not None and _has_body(tree, target):
            yield source


def _has_body(tree: ast.Module, target: Target) -> bool:
    holder: ast.Module | ast.ClassDef | None = classes(tree).get(target.class_name) if target.class_name else tree
    function = functions(holder).get(target.name) if holder is not None else None
    if function is None:
        return False
    idle = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    said = (it for it in function.body if not isinstance(it, idle))
    return any(not (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant | ast.Name)) for it in said)


def _bodies(code: str) -> Iterator[str]:
    """The code at the left edge, in the ways in which models get the indentation of a body wrong."""
    lines = code.expandtabs(4).strip("\n").rstrip().split("\n")
    yield textwrap.dedent("\n".join(lines))
    widths = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    if not widths:
        return
    rest = textwrap.dedent("\n".join(lines[1:]))
    yield lines[0].strip() + "\n" + rest  # the first line lost its indentation, or has one too many
    yield lines[0].strip() + "\n" + textwrap.indent(rest, "    ")  # it opens a block
    steps = sorted(set(widths) | {len(lines[0]) - len(lines[0].lstrip())})
    levels = {width: level for level, width in enumerate(steps)}
    yield "\n".join("    " * levels.get(len(line) - len(line.lstrip()), 0) + line.strip() for line in lines)
