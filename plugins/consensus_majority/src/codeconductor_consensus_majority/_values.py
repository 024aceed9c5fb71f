"""Short answers to questions: what the answer is, less the words around it, and when two are the same value."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from string import ascii_lowercase
from typing import TYPE_CHECKING

from codeconductor_consensus_majority._signs import plain_signs
from codeconductor_consensus_majority._words import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeconductor import Answer

LONGEST = 200
"""Characters of the longest answer that is compared as a value; a longer one is compared as prose."""

LONGEST_WORDS = 3
"""Words of the longest value that is no literal."""

_FIELD = re.compile(
    r"[\"']answer[\"']\s*+:\s*+(?P<said>\"(?:\\.|[^\"\\])*+\"(?=\s*+,?\s*+(?:\}|$))|[^\n}]{1,1000}+(?=\s*+(?:\}|$)))",
    re.IGNORECASE,
)
"""The field of a JSON object that is too broken to be read as one; it takes time in proportion to the text."""

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_HASHES = re.compile(r"^#{3,4}\s*(.+)$", re.MULTILINE)


def _says(noun: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:\bthe\s+)?\b(?:final\s+|correct\s+|right\s+|best\s+)?\b(?:{noun})\b[*_\s]*"
        r"(?:\bis\b(?!\s+not\b)|\bwould be\b|[:=])[*_:\s]*(?P<said>[^\n]+)",
        re.IGNORECASE,
    )


_SAYS = (_says("answer|option|choice"), _says("result"))
"""What an answer stands behind, the surest first: a result may be one on the way."""


def said_by(answer: Answer) -> str | None:
    """The answer to the question: the field of its JSON object, else what its text says that the answer is."""
    if answer.data is not None:
        for name, value in answer.data.items():
            if isinstance(name, str) and name.strip().casefold() in ("answer", "final_answer") and value is not None:
                return _plain(value)
    text = answer.text.strip()
    found = [_unescaped(match["said"]) for match in _FIELD.finditer(text)]
    if not found and (boxes := [match.end() for match in _BOXED.finditer(text)]):
        found = [text[boxes[-1] : _closing(text, boxes[-1])]]
    found = found or [match[1] for match in _HASHES.finditer(text) if len(match[1]) <= LONGEST and "####" in match[0]]
    for phrase in _SAYS:
        found = found or [match["said"] for match in phrase.finditer(text)]
    if not found or not found[-1].strip():
        return text or None
    said = _unwrapped(_first_sentence(found[-1]).strip("*"))
    letter = re.fullmatch(r"\(([A-Z])\)", said)
    return letter[1] if letter else said or text


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _unescaped(text: str) -> str:
    """A JSON string that may be broken: its text as far as it can be read."""
    try:
        return _plain(json.loads(text))
    except ValueError:
        return text.strip().removesuffix(",").rstrip().removeprefix('"').removesuffix('"')


def _closing(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)


def _first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    return re.split(r"(?<=[^\d\s])[.!]\s+(?=[A-Z])|(?<=\d)\.\s+(?=[A-Z])|</s>", text.strip(), maxsplit=1)[0].strip()


_OPTION = re.compile(r"^\s*\(?([A-Z])[.):]\s*(.+)$", re.MULTILINE)
_LETTER = re.compile(r"^\(?([A-Za-z])\)?(?:$|[\s]*[.):,]|\s*\()|^\(([A-Za-z])\)")

_LETTERS = re.compile(
    r"\(?[A-Za-z][).]?\s*(?:,\s*(?:and|or)\b|[,;&]|and\b|or\b)\s*\(?(?:[B-HJ-Z]\b(?!')|[A-Za-z]\s*(?:[),;.]|$))"
)
"""Several letters: ``A, B`` and ``(A) and (C)``, but not ``A, I think`` or ``B, a city``."""


_CURRENCY = re.compile(r"[$€£¥₹]")
_MARKS = re.compile(r"(?:(?<=[^\W\d_]{2})[.,;:!?]+|[.,;:?]+)(?=\s|$)")
_EXCLAIMED = re.compile(r"(?:(?<=[^\W\d_]{2})|(?<=[*_`\"']))!+$")
"""Behind a word, or one that is emphasised; behind a number, a letter or a bracket it is a factorial."""


class Values:
    """Brings the answers to one question into a normal form, in which the same value is the same text.

    Args:
        question: Where it offers lettered options, an answer is the letter, however it is worded.
        said: All the answers to it: where one of them is a text in quotes, upper and lower case differ; where they name
            several currencies, these differ, and from a number without one; where one is a letter alone, another that
            begins with a letter is that one.
        exact: Upper and lower case, and currencies, differ in any case.
    """

    def __init__(self, question: str, said: Iterable[str], *, exact: bool = False) -> None:
        plain = [_unwrapped(text) for text in said if len(text) <= LONGEST]
        self._exact = exact or any(map(_is_quoted, plain))
        self._with_currency = exact or len({found[0] for text in plain if (found := _CURRENCY.search(text))}) > 1
        self._letters = {text.casefold() for text in plain if re.fullmatch("[A-Za-z]", text)}
        self._options: dict[str, str] = {}
        options = _OPTION.findall(question)
        if [letter for letter, _ in options[:2]] == ["A", "B"]:
            self._letters |= {letter.casefold() for letter, _ in options}
            self._options = {
                self._form(text): letter.casefold() for letter, text in reversed(options) if len(text) <= LONGEST
            }

    def normal(self, text: str) -> str | None:
        """The normal form; None for an answer that is prose: of several lines, or of more than three words."""
        if len(text) > LONGEST or "\n" in text.strip():
            return None
        letter = _LETTER.match(_unwrapped(text))
        if letter and not _LETTERS.match(letter.string) and (letter[1] or letter[2]).casefold() in self._letters:
            return (letter[1] or letter[2]).casefold()
        form = self._form(text)
        if form in self._options:
            return self._options[form]
        return form if len(form.split()) <= LONGEST_WORDS or _literal(_unwrapped(text)) is not None else None

    def _form(self, text: str) -> str:
        text = _unwrapped(text)
        number = _number(text)
        if number is not None:
            return number if self._with_currency else _CURRENCY.sub("", number)
        literal = _literal(text)
        if literal is not None:
            return literal
        text = _MARKS.sub("", " ".join(text.split()))
        return text if self._exact else text.casefold()


def inseparable(question: str, said: Mapping[int, str]) -> list[list[int]]:
    """Answers, by number, that have the same value now and will have, whatever else is answered."""
    readings = (
        Values(question, said.values(), exact=True),
        Values(question, [*said.values(), *ascii_lowercase], exact=True),
    )
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for i, text in said.items():
        normal = tuple(values.normal(text) for values in readings)
        if None not in normal:
            groups.setdefault(normal, []).append(i)
    return list(groups.values())


_WRAPPERS = (
    re.compile(
        r"^(?:so\s+|thus\s+|therefore,?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is\b\s*:?|:)\s*(.+)$",
        re.I | re.S,
    ),
    re.compile(r"^\\(?:boxed|text|textbf|mathrm|mathbf|fbox)\s*\{(.*)\}$", re.S),
    re.compile(r"^\\\((.*)\\\)$|^\\\[(.*)\\\]$|^\$\$?(.+?)\$?\$$", re.S),
    re.compile(r"^(\*{1,3}|_{1,3}|`{1,3}|~~)(?=\S)(.*\S)\1$", re.S),
)


def _unwrapped(text: str) -> str:
    """Without the words, the Markdown and the LaTeX around a value."""
    text = plain_signs(text).strip()
    for _ in range(8):
        before = text
        for wrapper in _WRAPPERS:
            match = wrapper.match(text)
            if match:
                text = next(group for group in reversed(match.groups()) if group is not None).strip()
        text = text.strip("*").strip()
        if not text.endswith("..."):
            text = _EXCLAIMED.sub("", text.rstrip(".")).rstrip() or text
        if text == before:
            break
    return text


_FRACTION = re.compile(r"\\[dt]?frac\s*\{(-?\d+)\}\s*\{(-?\d+)\}")
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<before>{_CURRENCY.pattern}?)\s*"
    r"(?P<digits>\d{1,3}(?:[,_ ]\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
    rf"(?P<power>e[+-]?\d{{1,3}})?\s*(?P<behind>{_CURRENCY.pattern}?)",
    re.I,
)


def _number(text: str) -> str | None:
    """One form for all that is the same number: 1,000 and 1000.0, 1/2 and 0.5, three and 3; a currency goes first."""
    from fractions import Fraction  # a third of the time that importing this plugin would take, and only for questions

    text = _FRACTION.sub(r"\1/\2", text).replace("\\,", "").replace("\\$", "$")
    text = {"one": "1", **NUMBERS}.get(text.casefold(), text)
    share = re.fullmatch(r"(.+?)\s*\\?%", text)
    text, percent = (share[1], "%") if share else (text, "")
    ratio = re.fullmatch(r"(-?\d{1,18})\s*/\s*(\d{1,18})", text)
    if ratio and int(ratio[2]):
        return f"{Fraction(int(ratio[1]), int(ratio[2]))}{percent}"
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits = re.sub(r"[,_ ]", "", match["digits"])
    value = Fraction(digits + "0" if digits.endswith(".") else digits) * Fraction(10) ** int(
        (match["power"] or "e0")[1:]
    )
    return f"{match['before'] or match['behind']}{-value if match['sign'] == '-' else value}{percent}"


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] in "\"'" and text[0] == text[-1] and text[0] not in text[1:-1]


def _literal(text: str) -> str | None:
    """One form for a literal of Python or JSON, in whatever quotes; None where the text is none."""
    if text.casefold() in ("true", "false", "none", "null"):
        return {"null": "None"}.get(text.casefold(), text.capitalize())
    if not text or text[0] not in "[({\"'":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, str):
        return value
    try:
        return _canonical(value)
    except RecursionError:
        return None


def _canonical(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{_canonical(k)}:{_canonical(v)}" for k, v in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ",".join(sorted(map(_canonical, value))) + "}"
    if isinstance(value, list | tuple):
        left, right = "[]" if isinstance(value, list) else "()"
        return left + ",".join(map(_canonical, value)) + right
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return repr(int(value))
    return repr(value)
