"""Finds what a template reads and what will never be there: before models are asked, as asking takes minutes."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError, UndefinedError, meta, nodes  # noqa: TID253 - see limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_OF_A_TABLE = frozenset({"get", "items", "keys", "values"})
_MAY_BE_MISSING = {nodes.Filter: {"default", "d"}, nodes.Test: {"defined", "undefined"}}
_READ = (nodes.Name, nodes.Getattr, nodes.Getitem)


class UnknownTemplateError(TemplateSyntaxError):
    """A template names another one, `unknown`, that does not exist."""

    def __init__(self, unknown: str, lineno: int, name: str, filename: str) -> None:
        super().__init__(f"no template {unknown!r}", lineno, name, filename)
        self.unknown = unknown


class NeverThereError(TemplateSyntaxError, UndefinedError):
    """A name or a field that no prompt has."""


def never_there(
    tree: nodes.Template, family: Sequence[nodes.Template], data: Mapping[str, Mapping[str, object]]
) -> tuple[str, int] | None:
    """The first thing of that kind with its line; None: nothing can be told from the template alone.

    Args:
        tree: A template.
        family: This one and all that belong to it: what one of them assigns, another may read.
        data: What a template sees; the values do not matter.
    """
    if any(not isinstance(named, nodes.Const) for each in family for named in _named_by(each)):
        return None  # what belongs to it is known when it is rendered
    assigned = {name for each in family for name in _assigned(each)}
    return min(_faults(tree, meta.find_undeclared_variables(tree) - assigned, data), key=itemgetter(1), default=None)


def _faults(
    tree: nodes.Template, read: set[str], data: Mapping[str, Mapping[str, object]]
) -> Iterator[tuple[str, int]]:
    optional = {_path(node) for node in _optional(tree)}
    for node in tree.find_all(_READ):
        path = _path(node)
        if path is None or path[0] not in read or optional & {path, path[:1]}:
            continue
        if path[0] not in data:
            yield f"{path[0]!r} is undefined", node.lineno
        elif len(path) > 1 and path[1] not in {*data[path[0]], *_OF_A_TABLE}:
            yield f"{path[0]!r} has no attribute {path[1]!r}", node.lineno


def _path(node: nodes.Node) -> tuple[str, ...] | None:
    """A name that is read, or a name and one field of it."""
    if isinstance(node, nodes.Name):
        return (node.name,) if node.ctx == "load" else None
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return node.node.name, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name) and isinstance(node.arg, nodes.Const):
        return node.node.name, str(node.arg.value)
    return None


def _optional(tree: nodes.Template) -> Iterator[nodes.Node]:
    """What may be missing as far as the template knows, and all that this is read from."""
    for kind, names in _MAY_BE_MISSING.items():
        for node in tree.find_all(kind):
            if node.name in names and node.node is not None:
                yield node.node
                yield from node.node.find_all(_READ)


def _named_by(tree: nodes.Template) -> Iterator[nodes.Node]:
    """What stands for the templates that it extends, includes or imports from."""
    naming: Iterable[Any] = tree.find_all((nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include))
    return (node.template for node in naming)


def _assigned(tree: nodes.Template) -> Iterator[str]:
    yield from (node.name for node in tree.find_all(nodes.Name) if node.ctx != "load")
    yield from (node.name for node in tree.find_all(nodes.Macro))
    yield from (node.target for node in tree.find_all(nodes.Import))
    for node in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)
