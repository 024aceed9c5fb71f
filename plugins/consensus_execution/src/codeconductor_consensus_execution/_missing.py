"""Imports that models forget because the place they write for has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TYPING = frozenset({
    "Any", "Callable", "Deque", "DefaultDict", "Dict", "FrozenSet", "Generator", "Generic", "Iterable",
    "Iterator", "List", "Mapping", "NamedTuple", "Optional", "Sequence", "Set", "Text", "Tuple", "Type",
    "TypeVar", "Union",
})  # fmt: skip

_MODULES = {
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "functools": "cache cmp_to_key lru_cache partial reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "itertools": "accumulate chain combinations combinations_with_replacement count cycle groupby pairwise permutations"
    " product repeat starmap takewhile zip_longest",
    "math": "ceil comb factorial floor gcd inf isqrt lcm log log2 perm prod sqrt",
    "operator": "itemgetter mul or_ xor",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits",
}
"""What a contest's class may use without an import."""

_WHOLE = frozenset({
    "bisect", "collections", "copy", "datetime", "functools", "heapq", "itertools", "math", "operator",
    "random", "re", "string", "sys", "typing",
})  # fmt: skip


def imports_for(names: Iterable[str], *, everything: bool) -> Iterator[str]:
    """Import lines for names that a program reads and never binds.

    Args:
        everything: Whether modules and functions count as well as the names of types; only where the task's signature
            is a contest's class, as there they are promised.
    """
    wanted = set(names)
    typed = sorted(wanted & _TYPING)
    if typed:
        yield f"from typing import {', '.join(typed)}"
    if not everything:
        return
    for module in sorted(wanted & _WHOLE - {"bisect"}):
        yield f"import {module}"
    for module, listed in _MODULES.items():
        found = sorted(wanted & set(listed.split()))
        if found:
            yield f"from {module} import {', '.join(found)}"
