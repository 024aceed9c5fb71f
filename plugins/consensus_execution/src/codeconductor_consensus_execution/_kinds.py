"""The kind of a value: told from type hints, from values in examples, from constraints and from names."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Literal

import attrs
from codeconductor import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor_consensus_execution._constraints import Constraints

Name = Literal["int", "float", "str", "bool", "none", "list", "tuple", "set", "dict"]


@frozen(kw_only=True)
class Kind:
    """What values are like.

    Attributes:
        name: The type.
        low: Of numbers the lowest; of texts and containers the smallest length.
        high: The highest, or the largest length.
        firm: Whether low and high are what the task says, and not only what was seen.
        fixed: Whether all have one length, as the rows of a table have.
        items: Of a list or set the kind of its items; of a tuple one for each place; of a dict keys and values.
        alphabet: Letters of a text.
        seen: Values from examples.
    """

    name: Name
    low: float = 0
    high: float = 10
    firm: bool = False
    fixed: bool = False
    items: tuple[Kind, ...] = ()
    alphabet: str = ""
    seen: tuple[Any, ...] = ()


LETTERS = "abcdeAB "


def kind_of_values(values: Sequence[Any]) -> Kind | None:
    """What values from examples have in common; None where they have nothing, or are of no kind that is known."""
    present = [value for value in values if value is not None]
    if not present:
        return Kind(name="none") if values else None
    types = {type(value) for value in present}
    seen = tuple(present[:20])
    if types == {bool}:
        return Kind(name="bool", seen=seen)
    if types <= {int, bool}:
        return Kind(
            name="int", low=min(0, *map(int, present)) if len(present) else 0, high=max(map(int, present)), seen=seen
        )
    if types <= {int, float, bool}:
        return Kind(name="float", low=min(map(float, present)), high=max(map(float, present)), seen=seen)
    if types == {str}:
        letters = "".join(sorted({letter for value in present for letter in value}))
        return Kind(name="str", low=0, high=max(map(len, present)), alphabet=letters, seen=seen)
    if types == {dict}:
        keys, held = [k for v in present for k in v], [it for v in present for it in v.values()]
        parts = [kind_of_values(keys), kind_of_values(held)]
        filled = tuple(part or Kind(name="str", alphabet=LETTERS) for part in parts)
        return Kind(name="dict", high=max(map(len, present)), items=filled, seen=seen)
    if types == {tuple} and len({len(value) for value in present}) == 1:
        places = [kind_of_values([value[place] for value in present]) for place in range(len(present[0]))]
        if all(places):
            return Kind(name="tuple", items=tuple(it for it in places if it), seen=seen)
    if len(types) == 1 and types <= {list, tuple, set}:
        inner = kind_of_values([item for value in present for item in value])
        if inner is not None and len({len(it) for it in inner.seen if isinstance(it, str | list)}) == 1:
            inner = attrs.evolve(inner, fixed=len(inner.seen) > 1)
        if inner is None and any(present):
            return None
        name: Name = "list" if types == {list} else "tuple" if types == {tuple} else "set"
        lengths = [len(value) for value in present]
        wanted = Kind(name="list", low=min(lengths), high=max(lengths), items=(inner or Kind(name="int"),), seen=seen)
        return attrs.evolve(wanted, name="list" if name == "tuple" else name)
    return None


_SIMPLE: dict[str, Name] = {
    "int": "int", "float": "float", "str": "str", "bool": "bool", "None": "none", "list": "list", "dict": "dict",
    "set": "set", "tuple": "tuple", "List": "list", "Dict": "dict", "Set": "set", "Tuple": "tuple", "Sequence": "list",
    "Iterable": "list", "Mapping": "dict", "Number": "float", "FrozenSet": "set",
}  # fmt: skip


def kind_of_annotation(source: str) -> Kind | None:
    """What a type hint says; None where it says nothing that can be made up."""
    try:
        return _hinted(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _hinted(node: ast.expr) -> Kind | None:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return kind_of_annotation(node.value)
        return Kind(name="none") if node.value is None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _hinted(node.left) or _hinted(node.right)
    if isinstance(node, ast.Name | ast.Attribute):
        name = _SIMPLE.get(node.attr if isinstance(node, ast.Attribute) else node.id)
        return None if name is None else _plain(name)
    if not isinstance(node, ast.Subscript):
        return None
    outer = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer in ("Optional", "Union"):
        return next((kind for it in inner if (kind := _hinted(it)) is not None and kind.name != "none"), None)
    name = _SIMPLE.get(outer)
    if name is None:
        return None
    if name == "tuple" and len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis:
        name, inner = "list", inner[:1]
    kinds = [_hinted(it) or _plain("int") for it in inner]
    return Kind(name=name, high=6, items=tuple(kinds))


def _plain(name: Name) -> Kind:
    inner = {"list": (Kind(name="int"),), "set": (Kind(name="int"),), "tuple": (Kind(name="int"), Kind(name="int"))}
    if name == "dict":
        return Kind(name=name, high=4, items=(Kind(name="str", high=3, alphabet=LETTERS), Kind(name="int")))
    return Kind(name=name, high=8 if name in ("str", "list") else 20, items=inner.get(name, ()), alphabet=LETTERS)


_NAMED: tuple[tuple[str, Name], ...] = (
    (
        r"^(s|st|str|string|text|word|sentence|name|line|message|txt|t|key|pattern|date|expression)\d*$|_(str|string|text)$",
        "str",
    ),
    (
        r"^(l|lst|list|arr|array|nums|numbers|xs|a|values|items|data|tuples|elements|seq|sequence)\d*$|_(list|lst|arr)$",
        "list",
    ),
    (r"^(d|dict|dictionary|mapping)\d*$|_dict$", "dict"),
    (r"^(flag|is_\w+|reverse)$", "bool"),
)


def kind_of_name(name: str) -> Kind:
    """What a parameter's name says; a whole number where it says nothing."""
    low = name.lower()
    for pattern, kind in _NAMED:
        if re.search(pattern, low):
            return _plain(kind)
    return _plain("int")


def constrained(kind: Kind, subject: str, constraints: Constraints) -> Kind:
    """The kind within what the task says of a subject, and of its items."""
    own = constraints.of(subject if kind.name in ("int", "float") else f"{subject}.length")
    if own is not None:
        kind = attrs.evolve(kind, low=own[0], high=own[1], firm=True)
    if kind.name == "str" and constraints.alphabet and set(kind.alphabet) <= set(constraints.alphabet):
        kind = attrs.evolve(kind, alphabet=constraints.alphabet[:6] + kind.alphabet)
    if kind.name == "list":
        kind = attrs.evolve(kind, items=(constrained(kind.items[0], f"{subject}[]", constraints),))
    return kind
