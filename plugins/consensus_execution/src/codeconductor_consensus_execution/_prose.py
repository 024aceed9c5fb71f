"""Reads the examples in a task's words: doctests, "f(1, 2) == 3", "Input: … Output: …", a contest's samples."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from codeconductor_consensus_execution._cases import Case, claimed, is_target
from codeconductor_consensus_execution._literals import cuts, is_literal, leading_literal, literal_source, pythonic
from codeconductor_consensus_execution._syntax import closing, is_expression, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codeconductor_consensus_execution._target import Target


def told(text: str, target: Target) -> Iterator[Case]:
    if target.is_program:
        yield from _samples(text)
        return
    yield from doctests(text, target)
    yield from _calls(text, target)
    yield from _named(text, target)


_TRIPLE = re.compile(r'^[ \t]*(?:"""|\'\'\')[ \t]*$', re.MULTILINE)


def doctests(text: str, target: Target) -> Iterator[Case]:
    if ">>>" not in text:
        return
    import doctest  # which imports a debugger and unittest

    text = _TRIPLE.sub("", text)  # a docstring's end is no part of what is wanted
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # prompts without a blank, or with uneven indentation
        examples = []
        for match in re.finditer(r"^[ \t]*>>>[ \t]*(.+)\n[ \t]*(?!>>>)(\S.*)$", text, re.MULTILINE):
            examples.append(doctest.Example(match[1] + "\n", match[2] + "\n"))
    for example in examples:
        tree, _ = parse(example.source)
        node = tree.body[0] if tree is not None and len(tree.body) == 1 else None
        if not isinstance(node, ast.Expr):
            continue
        wanted = example.want.strip()
        if not wanted:
            yield from claimed(node.value, target, {}) if isinstance(node.value, ast.Compare) else ()
        elif isinstance(node.value, ast.Call) and is_target(node.value.func, target):
            arguments = ast.get_source_segment(example.source, node.value) or ""
            opened = arguments.find("(")
            raised = re.match(r"Traceback[\s\S]*^(\w+)(?:Error|Exception)?\b.*\Z", wanted, re.MULTILINE)
            if raised:
                yield Case(arguments[opened + 1 : -1], wanted.split("\n")[-1].partition(":")[0].strip(), "raises")
            elif (value := literal_source(wanted)) is not None:
                yield Case(arguments[opened + 1 : -1], value)
        elif isinstance(node.value, ast.Compare) and wanted == "True":
            yield from claimed(node.value, target, {})


_SIGN = r"==+>?|-+>|=+>|→|➞|⇒|↦"
_LEADS = re.compile(
    rf"\s*(?:#|//|,|;|:|\.)*\s*(?:{_SIGN}|=|(?:should |must |will )?"
    r"(?:returns?|be|give|gives|equals?|is|yields?|outputs?|evaluates? to)"
    rf"(?: the (?:value|result|list|string|number))?:?|#)\s*(?:{_SIGN})?\s*",
    re.IGNORECASE,
)


def _calls(text: str, target: Target) -> Iterator[Case]:
    """`f(1, 2) == 3`, with one of many signs or words between the call and its result."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(target.name)}\(", text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if re.search(r"(def|>>>)\s*$", line) or ">>>" in line:
            continue
        end = closing(text, match.end() - 1)
        arguments = text[match.end() : end] if end is not None else ""
        if re.fullmatch(r"[A-Za-z]+", arguments) and arguments not in {it.name for it in target.parameters or ()}:
            arguments = repr(arguments)  # a text whose quotes were forgotten
        if end is None or not is_expression(f"f({arguments}\n)"):
            continue
        lead = _LEADS.match(text, end + 1)
        value = leading_literal(text[lead.end() : lead.end() + 2000]) if lead else None
        if value is not None and _has_literals(arguments):
            yield Case(" ".join(arguments.split("\n")) if "'''" not in arguments else arguments, value)


_KEYWORD = re.compile(r"(?<![=<>!\w])[A-Za-z_]\w*=(?!=)")


def _has_literals(arguments: str) -> bool:
    """Whether the arguments are values, and not the names of parameters in a sentence."""
    return is_literal(f"[{_KEYWORD.sub('', arguments)}\n]")


_INPUT = re.compile(
    r"^[ \t]*(?:[-*]\s*)?\**(?:sample |example )?input\**\s*(?:\d+\s*)?[:=]?\**[ \t]*", re.IGNORECASE | re.MULTILINE
)
_OUTPUT = re.compile(
    r"\n?[ \t]*(?:[-*]\s*)?\**(?:sample |example |expected )?(?:output|result|return)s?\**\s*(?:\d+\s*)?[:=]\**\s*",
    re.IGNORECASE,
)
_FOR = re.compile(r"\b(?:for|if|when|with|given)\s+(?=`?[a-z_]\w*\s*=\s*)", re.IGNORECASE)
_THEN = re.compile(
    r"\s*[,:;]?\s*(?:then )?(?:(?:the |your )?(?:function|output|result|answer|value|it)\s*)?"
    r"(?:should|must|will|would)?\s*(?:be|is|returns?|==|=>|->)\s*:?\s*",
    re.IGNORECASE,
)


def _named(text: str, target: Target) -> Iterator[Case]:
    """`Input: nums = [1, 2], k = 1` before `Output: 3`, and `For nums = [1, 2] the output should be 3`."""
    for match in _INPUT.finditer(text):
        output = _OUTPUT.search(text, match.end())
        if output is None or output.start() - match.end() > 20_000:
            continue
        arguments = _listed(text[match.end() : output.start()], target)
        value = leading_literal(text[output.end() : output.end() + 20_000])
        if arguments is not None and value is not None:
            yield Case(arguments, value)
    for match in _FOR.finditer(text):
        line = text[match.end() : (text.find("\n", match.end()) + 1 or len(text) + 1) - 1].replace("`", "")
        for end in cuts(line):
            arguments = _listed(line[:end], target)
            then = _THEN.match(line, end) if arguments is not None else None
            value = leading_literal(line[then.end() :]) if then else None
            if arguments is not None and value is not None:
                yield Case(arguments, value)
                break


def _listed(text: str, target: Target) -> str | None:
    """The arguments in a text of named or bare values, in the parameters' order; None where it is something else."""
    text = re.sub(r"\b(and|with)\b(?=\s*[a-z_]\w*\s*[=:])", ",", text.strip().rstrip(",.;")).replace("`", "")
    text = pythonic(text)
    names = [parameter.name for parameter in target.parameters or ()]
    starts = list(re.finditer(r"(?:^|[\n,;])\s*([A-Za-z_]\w*)\s*[=:](?![=])\s*", text))
    for kept in ([it for it in starts if it[1] in names], starts):
        if not kept or kept[0].start() > 0:
            continue
        ends = [*(it.start() for it in kept[1:]), len(text)]
        given = {it[1]: text[it.end() : end].strip().rstrip(",;") for it, end in zip(kept, ends, strict=True)}
        if all(map(is_literal, given.values())):
            return _in_order(given, names)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    joined = ", ".join(lines)
    return joined if joined and is_literal(f"[{joined}]") else None


def _in_order(given: Mapping[str, str], names: list[str]) -> str | None:
    if not names or (len(given) == len(names) and not set(given) <= set(names)):
        return ", ".join(given.values())  # the text has its own names for them
    if not set(given) <= set(names):
        return None
    if list(names[: len(given)]) == sorted(given, key=names.index):
        return ", ".join(given[name] for name in names[: len(given)])
    return ", ".join(f"{name}={value}" for name, value in given.items())


def _samples(text: str) -> Iterator[Case]:
    """`Sample Input 1` before `Sample Output 1`, as contests write them, up to the next blank line with prose."""
    marks = list(
        re.finditer(
            r"^[#*\s-]*(?:(?:sample|example)[ \t]+)?(input|output)[ \t]*#?(\d*)[*:]*[ \t]*$",
            text,
            re.IGNORECASE | re.MULTILINE,
        )
    )
    for first, second in pairwise(marks):
        numbered = first[2] == second[2] and (first[2] or re.search(r"sample|example", first[0], re.IGNORECASE))
        if first[1].lower() != "input" or second[1].lower() != "output" or not numbered:
            continue
        given = _block(text[first.end() : second.start()], whole=True)
        printed = _block(text[second.end() :], whole=False)
        if given.strip() or printed.strip():
            yield Case(given.strip("\n") + "\n", printed, "printed")


def _block(text: str, *, whole: bool) -> str:
    text = text.lstrip("\n")
    fenced = re.match(r"\s*```\w*\n(.*?)```", text, re.DOTALL)
    if fenced:
        return fenced[1]
    return text if whole else re.split(r"\n[ \t]*\n", text, maxsplit=1)[0].strip("\n")
