"""Jinja's sandbox, with limits where Jinja has none: a template can neither reach out nor go on forever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound, nodes  # noqa: TID253 - see limits
from jinja2.compiler import CodeGenerator  # noqa: TID253
from jinja2.exceptions import SecurityError  # noqa: TID253
from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: TID253
from jinja2.utils import Namespace  # noqa: TID253
from jinja2.visitor import NodeTransformer  # noqa: TID253

from codeconductor_prompt_jinja.compiled import CompiledTemplates
from codeconductor_prompt_jinja.limits import (
    MAX_BITS,
    bounded,
    clock,
    filters,
    join,
    limited,
    room,
    tick,
    weighed,
    written,
)
from codeconductor_prompt_jinja.lookup import Lookup, read
from codeconductor_prompt_jinja.names import NeverThereError, UnknownTemplateError, never_there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from jinja2 import Environment, Template
    from jinja2.runtime import Context

    from codeconductor_prompt_jinja.lookup import Source

_TEXT_METHODS = """
    capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier islower
    isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip
    split splitlines startswith strip swapcase title upper
"""

_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
}
"""Methods of plain values that cannot make much of little, and change nothing."""

_NAMES_ANOTHER = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)


class _Namespace(Namespace):
    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, bounded(value))


class _Limits(NodeTransformer):
    """Puts the limits where Jinja has no hook for them: loops, comparisons, `~`, and `{% set %}` blocks."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = self._call("steps", cast("nodes.Expr", node.iter), line=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:
        self.generic_visit(node)
        return self._call("joined", *node.nodes, line=node.lineno)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        node.expr = self._call("weighed", node.expr, line=node.lineno)
        for operand in node.ops:
            operand.expr = self._call("weighed", operand.expr, line=node.lineno)
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.AssignBlock:
        self.generic_visit(node)
        node.filter = nodes.Filter(node.filter, "bounded", [], [], None, None, lineno=node.lineno)
        return node

    @staticmethod
    def _call(name: str, *arguments: nodes.Expr, line: int) -> nodes.Call:
        function = nodes.EnvironmentAttribute(name, lineno=line)
        return nodes.Call(function, list(arguments), [], None, None, lineno=line)


class _Generator(CodeGenerator):
    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:
        super().visit_Template(_Limits().visit(node), frame)


class _Loader(BaseLoader):
    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source = self.lookup.source(template)
        if source is None:
            raise TemplateNotFound(template)
        modified = source.path.stat().st_mtime_ns

        def is_fresh() -> bool:
            again = self.lookup.source(template)
            return again is not None and again.path == source.path and source.path.stat().st_mtime_ns == modified

        return read(source), str(source.path), is_fresh


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """What templates run in; they are known by the keys of a `Lookup`."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, root: Path) -> None:
        self.lookup = Lookup(root)
        super().__init__(
            loader=_Loader(self.lookup),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            finalize=written,
            bytecode_cache=CompiledTemplates(),
        )
        self.filters = filters()
        self.tests = {name: limited(cast("Callable[..., bool]", test)) for name, test in self.tests.items()}
        self.globals = {"range": self.globals["range"], "dict": dict, "namespace": _Namespace}

    def join_path(self, template: str, parent: str) -> str:
        """The key of a template that another one names: its own name means the next one of that name."""
        source = self.lookup.named(template, after=parent)
        if source is None:
            raise TemplateNotFound(template)
        return source.key

    def check(self, key: str, data: Mapping[str, Mapping[str, object]]) -> None:
        """Compile a template, and those that it names; and look whether all that they read can be there.

        Args:
            key: Of the template.
            data: What it will see; the values do not matter.
        """
        family = self._family(key)
        trees = [tree for _, tree in family]
        for source, tree in family:
            fault = None if source.ours else never_there(tree, trees, data)
            if fault is not None:
                raise NeverThereError(*fault, source.key, str(source.path))

    def _family(self, key: str) -> list[tuple[Source, nodes.Template]]:
        """A template and all that it names, directly or not; each is compiled."""
        waiting, known, family = [key], set(), []
        while waiting:
            key = waiting.pop()
            known.add(key)
            source = self.lookup.source(key)
            assert source is not None, "the lookup gave it"
            self.get_template(key)
            tree = self.parse(read(source), key, str(source.path))
            family.append((source, tree))
            for node in tree.find_all(_NAMES_ANOTHER):
                named = getattr(node, "template", None)
                if isinstance(named, nodes.Const) and not getattr(node, "ignore_missing", False):
                    other = self.lookup.named(str(named.value), after=key)
                    if other is None:
                        raise UnknownTemplateError(str(named.value), node.lineno, key, str(source.path))
                    waiting += {other.key} - known
        return family

    def render(self, key: str, data: Mapping[str, object]) -> str:
        """What the template makes of the data, within the limits."""
        with clock():
            return self._bounded_output(self.get_template(key), data)

    def _bounded_output(self, template: Template, data: Mapping[str, object]) -> str:
        pieces, count = [], 0
        for piece in template.generate(data):
            pieces.append(piece)
            count += len(piece)
            room(count)
        return "".join(pieces)

    # What the sandbox asks

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if not super().is_safe_attribute(obj, attr, value):
            return False
        allowed = next((names for cls, names in _METHODS.items() if isinstance(obj, cls)), None)
        return allowed is None or attr in allowed

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """None: `str.format` is refused like any other method that can make much of little."""
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        tick()
        weighed((getattr(__obj, "__self__", None), *args, *kwargs.values()))
        return bounded(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            raise SecurityError("formatting with % is not allowed: put the values together with ~")
        if (
            operator == "**"
            and isinstance(left, int)
            and isinstance(right, int)
            and left.bit_length() * right > MAX_BITS
        ):
            raise SecurityError("the template makes a number without end")
        if operator == "*":
            for sequence, count in ((left, right), (right, left)):
                if isinstance(sequence, str | list | tuple) and isinstance(count, int):
                    room(len(sequence) * count)
        return bounded(super().call_binop(context, operator, left, right))

    # What the compiled template calls, see `_Limits`

    def steps(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, with a look at the clock before each."""
        for item in items:
            tick()
            yield item

    def weighed(self, value: Any) -> Any:
        """The value, where comparing it comes to an end."""
        return weighed(value)

    def joined(self, *parts: object) -> str:
        """The parts as one text."""
        return join(parts)
