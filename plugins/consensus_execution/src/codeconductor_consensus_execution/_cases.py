"""An input with what should come of it, and how such are read from source that asserts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from codeconductor import frozen

from codeconductor_consensus_execution._syntax import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codeconductor_consensus_execution._target import Target

Check = Literal["equals", "close", "printed", "raises"]


@frozen
class Case:
    """An input and what its author expects of it.

    Attributes:
        input: The source of the call's arguments; of a whole program, its standard input.
        expected: The source of the result, what is printed, or the name of an exception's class.
        check: How the two are compared; ``close`` lets numbers differ by `tolerance`.
        tolerance: Absolute, of ``close``.
    """

    input: str
    expected: str
    check: Check = "equals"
    tolerance: float = 0.0


def asserted(source: str, target: Target) -> Iterator[Case]:
    """Of tests, those that compare the result of one call."""
    tree, _ = parse(source)
    if tree is None:
        return
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield from claimed(node.test, target, constants)
        elif isinstance(node, ast.Call) and _name(node.func) == "assertEqual" and len(node.args) >= 2:
            yield from _compared(node.args[0], node.args[1], target, constants)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Values that a test names before it uses them."""
    return {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }


def claimed(test: ast.expr, target: Target, constants: Mapping[str, ast.expr]) -> Iterator[Case]:
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, (operator,), (right,) = test.left, test.ops, test.comparators
        if isinstance(operator, ast.Eq | ast.Is):
            yield from _compared(left, right, target, constants)
        elif isinstance(operator, ast.Lt | ast.LtE) and isinstance(left, ast.Call) and _name(left.func) == "abs":
            (difference,) = left.args[:1] or (None,)
            if isinstance(difference, ast.BinOp) and isinstance(difference.op, ast.Sub):
                yield from _compared(difference.left, difference.right, target, constants, _number(right))
    elif isinstance(test, ast.Call) and _name(test.func) in ("isclose", "allclose", "approx") and len(test.args) >= 2:
        yield from _compared(test.args[0], test.args[1], target, constants, 1e-6)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _compared(test.operand, ast.Constant(value=False), target, constants)
    else:
        yield from _compared(test, ast.Constant(value=True), target, constants)


def _compared(
    left: ast.expr, right: ast.expr, target: Target, constants: Mapping[str, ast.expr], tolerance: float = 0.0
) -> Iterator[Case]:
    for call, expected in ((left, right), (right, left)):
        if not isinstance(call, ast.Call) or not is_target(call.func, target):
            continue
        try:
            case = _case(call, expected, target, _Constants(constants), tolerance)
        except RecursionError:  # nested deeper than anybody meant it
            return
        if case is not None:
            yield case
        return


def _case(call: ast.Call, expected: ast.expr, target: Target, put: _Constants, tolerance: float) -> Case | None:
    """None where the target itself is called for what is expected."""
    arguments = [*map(ast.unparse, map(put.visit, call.args))]
    arguments += [f"{it.arg}={ast.unparse(put.visit(it.value))}" for it in call.keywords if it.arg]
    wanted = put.visit(expected)
    if any(isinstance(it, ast.Name) and it.id == target.name for it in ast.walk(wanted)):
        return None
    return Case(", ".join(arguments), ast.unparse(wanted), "close" if tolerance else "equals", tolerance)


class _Constants(ast.NodeTransformer):
    """Puts the values of names in their place."""

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._constants.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def is_target(function: ast.expr, target: Target) -> bool:
    return _name(function) in (target.name, "candidate")


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _number(node: ast.expr) -> float:
    try:
        return abs(float(ast.unparse(node)))
    except (ValueError, RecursionError):
        return 1e-6
