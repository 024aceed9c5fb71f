"""What of a candidate is called: the entry point that the task names, its parameters, and what stands before it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING

import attrs
from codeconductor import frozen

from codeconductor_consensus_execution._syntax import Function, classes, functions, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codeconductor import Answer, Task


@frozen(kw_only=True)
class Parameter:
    """One argument that may be given by position; `annotation` is its source or empty."""

    name: str
    annotation: str = ""
    optional: bool = False


@frozen(kw_only=True)
class Target:
    """What is run of every candidate.

    Attributes:
        entry_point: A function's name, ``Solution().method``, or empty for a whole program.
        head: What the task's own code has before the function: imports and helpers.
        stub: The function's signature and docstring as the task gives them, for answers that only continue it.
        parameters: As the task's signature has them; None where it shows none.
    """

    entry_point: str
    head: str = ""
    stub: str = ""
    parameters: tuple[Parameter, ...] | None = None

    @property
    def class_name(self) -> str:
        """The class that has the method; empty for a function."""
        return self.entry_point.partition("().")[0] if "()." in self.entry_point else ""

    @property
    def name(self) -> str:
        """The function's or the method's own name."""
        return self.entry_point.rpartition(".")[2]

    @property
    def is_program(self) -> bool:
        """Whether it is a whole program that reads standard input and prints."""
        return not self.entry_point


def target_of(task: Task) -> Target | None:
    """What the task says about it; None where it names no entry point, and the candidates have to tell."""
    if task.entry_point is None:
        return Target(entry_point="") if task.style == "stdin" else None
    bare = Target(entry_point=task.entry_point.strip())
    if bare.is_program:
        return bare
    for code in _codes(task.text):
        found = _stub(code, bare)
        if found is not None:
            return found
    return bare


def guessed(task: Task, answers: Sequence[Answer]) -> Target | None:
    """The function that most candidates define, one that the task names before others; None where there is none.

    Only for tasks that want a function: what a class, an interface or a change to a project does is not told by a call.
    """
    if task.kind != "function" or task.language != "python":
        return None
    found: Counter[str] = Counter()
    taken: dict[str, tuple[Parameter, ...]] = {}
    for answer in sorted(answers, key=lambda it: (it.model.id, it.sample, it.text)):
        own: dict[str, Function] = {}
        for block in answer.code:
            tree, _ = parse(block.text)
            own |= functions(tree) if tree is not None else {}
        public = [name for name in own if not name.startswith(("_", "test")) and name != "main"]
        found.update(public)
        for name in public:
            taken.setdefault(name, parameters_of(own[name]))
    if not found:
        return None
    named = {name for name in found if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", task.text) and "_" in name}
    order = list(found)
    entry_point = max(found, key=lambda name: (name in named, found[name], order.index(name)))
    return Target(entry_point=entry_point, parameters=taken[entry_point])


_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n]*\n(.*?)(?:^[ \t]*(?:`{3,}|~{3,})|\Z)", re.DOTALL | re.MULTILINE)
_DEFINED = re.compile(r"^[ \t]*(?:async\s+)?(?:def|class|from|import)\s", re.MULTILINE)


def _codes(text: str) -> Iterator[str]:
    """Where a task's text may hold the signature: in fences, as a whole, or from its first definition on."""
    for match in _FENCE.finditer(text):
        yield match[1]
    yield text
    beginning = _DEFINED.search(text)
    if beginning:
        yield text[beginning.start() :]


def _stub(code: str, target: Target) -> Target | None:
    """The target with its signature, where the code has it; bodies that are missing are put in."""
    for source in (code, code.rstrip() + "\n", *_completed(code)):
        tree, _ = parse(source)
        if tree is None:
            continue
        holder: ast.Module | ast.ClassDef | None = classes(tree).get(target.class_name) if target.class_name else tree
        function = functions(holder).get(target.name) if holder is not None else None
        if function is None or holder is None:
            continue
        lines = source.split("\n")
        top = holder if isinstance(holder, ast.ClassDef) else function
        first = min([top.lineno, *(decorator.lineno for decorator in top.decorator_list)])
        ends = function.body[0].end_lineno or function.lineno
        documented = ast.get_docstring(function, clean=False) is not None
        until = ends if documented else function.body[0].lineno - 1
        return attrs.evolve(
            target,
            head="\n".join(lines[: first - 1]).strip(),
            stub="\n".join(lines[first - 1 : max(until, function.lineno)]).rstrip() + "\n",
            parameters=parameters_of(function, method=bool(target.class_name)),
        )
    return None


def _completed(code: str) -> Iterator[str]:
    """The code with a body put behind its last signature."""
    stripped = code.rstrip()
    last = stripped.rpartition("\n")[2]
    indent = last[: len(last) - len(last.lstrip())]
    yield f"{stripped}\n{indent}    pass\n"
    yield f"{stripped}\n{indent}pass\n"


def usual_parameters(target: Target, sources: Sequence[str]) -> tuple[Parameter, ...] | None:
    """The parameters that most candidates give the entry point, for a task that does not show them."""
    found: Counter[tuple[Parameter, ...]] = Counter()
    for source in sources:
        tree, _ = parse(source)
        holder = classes(tree).get(target.class_name) if tree is not None and target.class_name else tree
        function = functions(holder).get(target.name) if holder is not None else None
        if function is not None:
            found[parameters_of(function, method=bool(target.class_name))] += 1
    if not found:
        return None
    return min(found, key=lambda parameters: (-found[parameters], -len(parameters), repr(parameters)))


def parameters_of(function: Function, *, method: bool = False) -> tuple[Parameter, ...]:
    """The arguments that may be given by position, less `self`."""
    listed = [*function.args.posonlyargs, *function.args.args]
    required = len(listed) - len(function.args.defaults)
    found = tuple(
        Parameter(
            name=argument.arg,
            annotation=_source(argument.annotation) if argument.annotation else "",
            optional=position >= required,
        )
        for position, argument in enumerate(listed)
    )
    return found[1:] if method and found and found[0].name in ("self", "cls") else found


def _source(annotation: ast.expr) -> str:
    try:
        return ast.unparse(annotation)
    except RecursionError:  # a model that repeated itself
        return ""
