"""Local variables by order of appearance: programs that differ in the names of their locals alone are one program.

A name is renamed only where every mention of it in the function is certain to mean a variable of that function.
Parameters keep their names, as a caller may use them; so does all that is visible from outside.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEE_NAMES = frozenset({"locals", "vars", "eval", "exec", "globals", "dir"})
"""Functions that see a variable's name: where one is mentioned, nothing is renamed."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def canonical_names(function: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> dict[str, str]:
    """New name by old name, for the local variables of a function.

    Args:
        function: Its parameters, decorators and annotations are not touched.
        depth: How deep it stands; makes the new names differ from those of the functions around it.
    """
    survey = _Survey()
    for statement in function.body:
        survey.visit(statement)
    fixed = survey.fixed | {arg.arg for arg in _arguments(function.args)}
    names = survey.own | (survey.inner - survey.loose)
    # "·" is no letter of Python's, so no program has such a name
    chosen = [name for name in survey.order if name in names and name not in fixed and not name.startswith("__")]
    return {} if survey.sees_names else {name: f"·{depth}.{number}" for number, name in enumerate(chosen)}


def _arguments(arguments: ast.arguments) -> Iterable[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None)


class _Survey(ast.NodeVisitor):
    """What the names in a function's body mean.

    Attributes:
        order: Every name, in order of appearance.
        own: Bound in the function's own scope.
        inner: Bound by a comprehension or a lambda.
        loose: Mentioned outside of the comprehensions and lambdas that bind it, or bound in a nested function.
        fixed: Not to be renamed: bound by something else than a variable, global, or a nested function's parameter.
    """

    def __init__(self) -> None:
        self.order: dict[str, None] = {}
        self.own: set[str] = set()
        self.inner: set[str] = set()
        self.loose: set[str] = set()
        self.fixed: set[str] = set()
        self.sees_names = False
        self._bound: list[set[str]] = []  # by the comprehensions and lambdas around
        self._nested = 0  # functions around

    def visit_Name(self, node: ast.Name) -> None:
        self.order.setdefault(node.id)
        self.sees_names |= node.id in _SEE_NAMES
        if not any(node.id in names for names in self._bound):
            self.loose.add(node.id)
            if not self._nested and not isinstance(node.ctx, ast.Load):
                self.own.add(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        if self._bound:  # binds outside of the comprehension that it stands in
            self.fixed.add(node.target.id)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.order.setdefault(node.name)
            (self.loose if self._nested else self.own).add(node.name)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.fixed |= {node.name, *(arg.arg for arg in _arguments(node.args))}
        for outside in (*node.decorator_list, node.args):
            self.visit(outside)
        self._nested += 1
        for statement in node.body:
            self.visit(statement)
        self._nested -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """What a class binds are attributes, and reads of them look like reads of variables."""
        self.fixed |= {node.name} | {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        names = [arg.arg for arg in node.args.args]
        if len(names) != sum(1 for _ in _arguments(node.args)):
            self.fixed |= {arg.arg for arg in _arguments(node.args)}
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self.visit(default)
        self._within(names, [node.body])

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *rest = node.generators
        self.visit(first.iter)  # evaluated outside
        names = [n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)]
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(names, [first.target, *first.ifs, *rest, *values])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _within(self, names: Iterable[str], nodes: Iterable[ast.AST]) -> None:
        for name in names:
            self.order.setdefault(name)
        self.inner.update(names)
        self._bound.append(set(names))
        for node in nodes:
            self.visit(node)
        self._bound.pop()

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.fixed |= {alias.asname or alias.name.split(".")[0] for alias in node.names}

    visit_ImportFrom = visit_Import

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self.fixed |= set(node.names)

    visit_Nonlocal = visit_Global

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.fixed |= {node.name} if node.name else set()
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.fixed |= {node.rest} if node.rest else set()
        self.generic_visit(node)
