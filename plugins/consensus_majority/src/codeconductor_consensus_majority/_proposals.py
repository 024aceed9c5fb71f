"""Plans, field by field: read leniently, put together by meaning, agreed on by more than half of the votes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codeconductor import Disagreement, FieldConsensus, Option, frozen

from codeconductor_consensus_majority._central import centrality
from codeconductor_consensus_majority._clusters import Cluster, Said, clusters, in_order, mean_position, representative

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from codeconductor_consensus_majority._votes import Ballot

LISTS = ("requirements", "files", "dependencies", "constraints", "tests", "risks")
"""The fields of a plan that hold lists, in the order in which they are told; ``approach`` goes before them."""

OPEN = frozenset({"requirements", "files", "dependencies", "constraints"})
"""Lists of which an item is an open question where only some name it; a test or a risk that one names is none."""

HALF = 0.5
"""The share of the votes that an item needs more of."""

MAX_OPTIONS = 5
"""Options of a disagreement that are told, the best supported."""

_MOST_ITEMS = 100
_LONGEST = 2_000
_DEEPEST = 4
_NO_ITEM = re.compile(r"(none|n/?a|nil|null|nothing|no|not applicable|-+|\.+)( (required|needed|necessary))?\.?", re.I)
_NO_PACKAGE = re.compile(
    r"(none|no|nothing)\b.*|(only )?(the )?(python('s)? )?(standard|built-?in) (librar|module|package|function).*",
    re.I | re.S,
)


@frozen(kw_only=True)
class Plan:
    """The plan in one answer: its approach, and its lists as far as it has any; `purposes` by path."""

    approach: str
    items: Mapping[str, tuple[str, ...]]
    purposes: Mapping[str, str]


@frozen(kw_only=True)
class Agreed:
    """What the plans have in common.

    Attributes:
        outcome: The agreed fields.
        fields: Each agreed value with its support.
        disagreements: What was not agreed on.
        closeness: By answer: the sum of the supports of what it backs.
        approaches: The answers behind each approach, the one that was taken first.
    """

    outcome: Mapping[str, Any]
    fields: tuple[FieldConsensus, ...]
    disagreements: tuple[Disagreement, ...]
    closeness: Mapping[int, float]
    approaches: tuple[frozenset[int], ...]


def read_plan(data: Mapping[str, Any] | None) -> Plan | None:
    """The plan in an answer's JSON object, whatever shape its values have; None where there is none."""
    if not isinstance(data, Mapping):
        return None
    known = {str(name).strip().casefold(): value for name, value in data.items()}
    if not known.keys() & {"approach", *LISTS}:
        return None
    items: dict[str, tuple[str, ...]] = {}
    purposes: dict[str, str] = {}
    for field in LISTS:
        if field == "files":
            purposes = dict(list(_files(known.get(field)))[:_MOST_ITEMS])
            items[field] = tuple(purposes)
        else:
            items[field] = tuple(dict.fromkeys(_items(known.get(field), field)))[:_MOST_ITEMS]
    approach = " ".join(_items(known.get("approach"), "approach"))
    return Plan(approach=approach, items=items, purposes=purposes) if approach or any(items.values()) else None


def _items(value: object, field: str) -> Iterator[str]:
    """The texts in a value: a list of texts as it should be, or a text with bullets, objects, numbers, nested lists."""
    if isinstance(value, Mapping) and field != "approach":
        numbered = all(str(name).strip().isdigit() for name in value)
        parts = [item if numbered else {name: item} for name, item in value.items()]
        if not numbered and any(isinstance(item, Mapping | list) for item in value.values()):
            parts = list(value.values())
        elif not numbered:
            parts = [value] if len(value) <= 4 and not _are_sentences(value) else list(value.values())
    elif isinstance(value, list | tuple):
        parts = list(value)
    elif isinstance(value, str) and field != "approach" and "\n" in value:
        parts = re.split(r"\n\s*(?=(?:[-*•]|\d+[.)])\s)|\n{2,}", value)
    else:
        parts = [value]
    for part in parts:
        text = clean(_text(part))
        if text and not _NO_ITEM.fullmatch(text) and not (field == "dependencies" and _NO_PACKAGE.fullmatch(text)):
            yield text


def _are_sentences(value: Mapping[object, object]) -> bool:
    return all(isinstance(item, str) and len(item.split()) > 3 for item in value.values())


def _text(value: object, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool) or depth > _DEEPEST:
        return ""
    if isinstance(value, Mapping):
        return ": ".join(filter(None, (_text(item, depth + 1) for item in value.values())))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (_text(item, depth + 1) for item in value)))
    return str(value) if isinstance(value, int | float) else ""


_BULLET = re.compile(r"^(?:[-*•–]|\(?\d{1,2}[.)]|\[[ xX]?\])\s+")


def clean(text: str) -> str:
    """One line, without a bullet before it, cut where it is far too long; half a surrogate pair is a question mark."""
    text = text[:_LONGEST]
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    text = " ".join(text.split())
    return _BULLET.sub("", text).strip()


_PATH = re.compile(
    r"(?:[`'\"]?(?P<path>[^\s`'\"]+)[`'\"]?"
    r"|[`'\"](?P<quoted>[^`'\"]+\.\w{1,8})[`'\"]"
    r"|(?P<spaced>[^\s`'\".,]*/[^\s`'\"/.,]+(?: [\w-]+){0,2} [\w-]+\.\w{1,8}))"
    r"(?:\s*(?:[:(–—]|\s-\s|->)\s*(?P<purpose>.*?)\)?)?",
    re.S,
)
"""A path and its purpose; blanks in a path only in quotes or behind a folder, else "Create main.py" would be one."""


def _files(value: object) -> Iterator[tuple[str, str]]:
    """Path and purpose of each file; a path as `normal_path` writes it."""
    if isinstance(value, Mapping):
        named = any(str(name).casefold() in ("path", "file", "filename", "name") for name in value)
        value = [value] if named else [{"path": name, "purpose": purpose} for name, purpose in value.items()]
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, Mapping):
            fields = {str(name).casefold(): part for name, part in item.items()}
            path = next((_text(fields[name]) for name in ("path", "file", "filename", "name") if name in fields), "")
            purpose = next((_text(fields[n]) for n in ("purpose", "description", "content") if n in fields), "")
        else:
            match = _PATH.fullmatch(clean(_text(item)))
            if match is None:
                continue
            path, purpose = match["path"] or match["quoted"] or match["spaced"], match["purpose"] or ""
        path = normal_path(path)
        if path and not _NO_ITEM.fullmatch(path):
            yield path, clean(purpose)


def normal_path(path: str) -> str:
    """The same file as the same text: slashes, no leading ``./``, no doubled or trailing slash.

    A path from the root stays one, a share of a network too: it is not the project's.
    """
    path = clean(path).strip("`'\"").replace("\\", "/").rstrip(":,")
    if path.startswith("//"):  # which `normpath` would leave doubled
        path = f"/{path.lstrip('/')}"
    return "" if not path or path in (".", "/") else posixpath.normpath(path)


_PACKAGE = re.compile(
    r"(?:the\s+|python'?s?\s+)*[`'\"]?(?P<name>@?[a-z][\w.+-]*(?:/[\w.-]+)?)[`'\"]?"
    r"\s*(?P<version>(?:[<>=!~^]=?\s*[\w.*]+[\s,]*)*)"
    r"(?:$|[(:,–—]|-\s|(?:library|module|package|framework|for|standard|built-?in)\b).*",
    re.I | re.S,
)


def package(text: str) -> str | None:
    """The name and version that a dependency asks for, in a normal form; None where the text names none."""
    match = _PACKAGE.fullmatch(text)
    if match is None:
        return None
    return re.sub(r"[-_.]+", "-", match["name"]).casefold() + re.sub(r"\s", "", match["version"])


def agree(plans: Mapping[int, Plan], ballot: Ballot) -> Agreed:
    """Field by field, what more than half of the votes of those who wrote a plan agree on.

    The approach is the best supported one even where it has no majority: a plan needs one. It is a disagreement then
    as well.
    """
    voters = sorted(plans)
    total = ballot.weight(voters)
    outcome: dict[str, Any] = {}
    fields: list[FieldConsensus] = []
    disagreements: list[Disagreement] = []
    closeness = dict.fromkeys(voters, 0.0)

    def take(name: str, value: Any, backers: Iterable[int]) -> None:
        support = ballot.share(backers, total)
        fields.append(FieldConsensus(name=name, value=value, support=support, models=ballot.models(backers)))
        for backer in backers:
            closeness[backer] += support

    approaches = clusters((Said(text=plans[i].approach, backer=i) for i in voters if plans[i].approach), ballot)
    if approaches:
        best = _best(approaches, ballot)
        approaches = [best, *(cluster for cluster in approaches if cluster is not best)]
        outcome["approach"] = best.value
        take("approach", best.value, sorted(best.backers))
        if ballot.share(best.backers, total) <= HALF and len(approaches) > 1:
            disagreements.append(_disagreement("approach", approaches, ballot, total))
    for field in LISTS:
        found = _together(field, plans, ballot)
        agreed = [cluster for cluster in found if ballot.share(cluster.backers, total) > HALF]
        purposes = _purposes(plans, ballot) if field == "files" and agreed else {}
        for cluster in agreed:
            value: Any = cluster.value
            if field == "files":
                value = {"path": cluster.value, "purpose": purposes.get(cluster.value, "")}
            outcome.setdefault(field, []).append(value)
            take(field, value, sorted(cluster.backers))
        if field in OPEN and len(agreed) < len(found):
            disagreements.append(_disagreement(field, found[len(agreed) :], ballot, total))
    rounded = {answer: round(near, 9) for answer, near in closeness.items()}
    return Agreed(
        outcome=outcome,
        fields=tuple(fields),
        disagreements=tuple(disagreements),
        closeness=rounded,
        approaches=tuple(cluster.backers for cluster in approaches),
    )


def _together(field: str, plans: Mapping[int, Plan], ballot: Ballot) -> list[Cluster]:
    """The items of a list, put together: files by path, packages by name, the rest by meaning."""
    exact: dict[str, list[Said]] = {}
    worded: list[Said] = []
    for answer, plan in plans.items():
        for position, text in enumerate(plan.items[field]):
            said = Said(text=text, backer=answer, position=position)
            key = text if field == "files" else package(text) if field == "dependencies" else None
            if key is None:
                worded.append(said)
            else:
                exact.setdefault(key, []).append(said)
    found = clusters(worded, ballot)
    for items in exact.values():
        backers = frozenset(said.backer for said in items)
        found.append(Cluster(representative(items), backers, ballot.share(backers), mean_position(items)))
    return in_order(found) if exact else found


def _purposes(plans: Mapping[int, Plan], ballot: Ballot) -> dict[str, str]:
    """The best supported purpose of each file."""
    said: dict[str, list[Said]] = {}
    for answer, plan in plans.items():
        for path, purpose in plan.purposes.items():
            if purpose:
                said.setdefault(path, []).append(Said(text=purpose, backer=answer))
    return {path: _best(clusters(items, ballot), ballot).value for path, items in said.items()}


def _best(found: Sequence[Cluster], ballot: Ballot) -> Cluster:
    """The best supported of these; between equals, the most central one."""
    level = [cluster for cluster in found if cluster.share == found[0].share]
    if len(level) == 1:
        return level[0]
    rated = centrality({cluster.value: ballot.weight(cluster.backers) for cluster in found})
    return min(level, key=lambda cluster: (-rated[cluster.value], cluster.value))


def _disagreement(field: str, found: Sequence[Cluster], ballot: Ballot, total: float) -> Disagreement:
    options = (
        Option(value=c.value, support=ballot.share(c.backers, total), models=ballot.models(c.backers))
        for c in found[:MAX_OPTIONS]
    )
    return Disagreement(field=field, options=options)
