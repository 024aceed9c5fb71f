"""The shape of a program in any language: its text without comments and without white space that means nothing."""

from __future__ import annotations

import json
import re
from functools import cache

_HASH = frozenset({"bash", "dockerfile", "elixir", "julia", "makefile", "perl", "powershell", "python", "r", "ruby"})
_HASH_DATA = frozenset({"toml", "yaml", "yml", "ini"})
_DASHES = frozenset({"haskell", "lua", "sql"})
_FREE = frozenset({"c", "c#", "c++", "cpp", "csharp", "css", "java", "json", "php", "rust", "sql"})
"""Languages in which a line break is a blank like any other."""

_LINES = frozenset({"dart", "go", "javascript", "jsx", "kotlin", "scala", "swift", "tsx", "typescript"})
"""Languages with braces in which a line may end a statement."""

_INDENTED = frozenset({"haskell", "makefile", "python", "yaml", "yml", "f#", "nim", "elm"})
"""Languages in which the blanks at the beginning of a line mean something."""

_BLOCKS = frozenset({"c#", "csharp", "dart", "elixir", "java", "julia", "kotlin", "python", "scala", "swift", "toml"})
"""Languages with texts between three double quotes, in which one such quote is a character like any other."""

_SINGLE_BLOCKS = frozenset({"dart", "elixir", "python", "toml"})
"""Of these, the languages that also have them between three single quotes."""

_RAW_BLOCKS = frozenset({"c#", "csharp", "kotlin", "scala"})
"""Of these, the languages in which no backslash can hide the end of such a text."""

_PAIRS = {")": "(", "]": "[", "}": "{"}


def source_shape(source: str, language: str | None) -> str:
    """What is left of a program when comments and idle white space are dropped."""
    language = language or ""
    if language == "json":
        try:
            return json.dumps(json.loads(source), sort_keys=True)
        except (ValueError, RecursionError):
            pass
    text = _scanner(language).sub(_without_comment, source.replace("\r\n", "\n"))
    if language in _FREE:
        return _tight(" ".join(text.split()))
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    if language in _INDENTED:
        return "\n".join(line.expandtabs(8) for line in lines)
    shape = "\n".join(_tight(" ".join(line.split())) for line in lines)
    return _BREAK.sub("", shape) if language in _LINES else shape


def is_whole(source: str, language: str | None) -> bool:
    """Whether every bracket outside of texts and comments is closed; true for a language that is not known to match."""
    if language == "json":
        try:
            json.loads(source)
        except (ValueError, RecursionError):
            return False
    if language not in _FREE | _LINES or language == "sql":
        return True
    bare = _scanner(language or "").sub(" ", source)
    opened: list[str] = []
    for character in bare:
        if character in "([{":
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return False
    return not opened


_PATTERN = (
    r"(?:(?<=[(,=:\[!&|?{};])|(?<=[(,=:\[!&|?{};] )|(?<=\breturn ))"
    r"/(?![/*])(?:\\[^\n]|\[(?:\\[^\n]|[^\]\\\n]){0,200}+\]|[^/\\\[\n]){1,500}+/"
)
"""A regular expression of JavaScript, whose quotes, slashes and brackets are its own."""


@cache
def _scanner(language: str) -> re.Pattern[str]:
    """Matches texts, which are kept, and comments (group 1)."""
    comments = []
    if language in _FREE | _LINES:
        comments += [r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)"]
        if language not in ("css", "sql", "json"):
            comments += [r"//[^\n]*"]
    if language in _HASH | _HASH_DATA | {"php"}:
        comments += [r"(?:(?<=\s)|(?<=\A)|(?<=[;)]))\#[^\n]*"]
    if language in _DASHES:
        comments += [r"--[^\n]*"]
    # a quote in Rust may also begin a lifetime
    single = r"'(?:\\[^\n]|[^'\\\n])'" if language == "rust" else r"'(?:\\.|[^'\\\n])*'"
    blocks = [_block('"', language)] if language in _BLOCKS else []
    blocks += [_block("'", language)] if language in _SINGLE_BLOCKS else []
    texts = [*blocks, r'"(?:\\.|[^"\\\n])*"', single, *([r"`(?:\\.|[^`\\])*`"] if language in _LINES else [])]
    if language in _LINES:
        texts.append(_PATTERN)
    texts.append(r"\\[^\n]")  # so that a row of these takes no time in proportion to its square
    parts = [*texts, *([f"({'|'.join(comments)})"] if comments else ["(?!)()"])]
    return re.compile("|".join(parts), re.DOTALL)


def _block(quote: str, language: str) -> str:
    """A text in three quotes; one that is not closed goes on to the end."""
    escape = r"\\" if language in _RAW_BLOCKS else r"\\.?"
    return rf"{quote * 3}(?:[^{quote}\\]|{escape}|{quote}(?!{quote * 2}))*+(?:{quote}{{3,}}+|\Z)"


_HIDDEN = str.maketrans({" ": "\x00", "\n": "\x01", "\t": "\x02"})


def _without_comment(match: re.Match[str]) -> str:
    """A comment is a blank; the blanks inside of a text are hidden from those that drop idle ones."""
    return match[0].translate(_HIDDEN) if match[1] is None else " "


_BLANK = re.compile(r"\s*([(){}\[\];,])\s*")
_BREAK = re.compile(r"(?<=[(\[{,;])\n|\n(?=[)\]}])")


def _tight(text: str) -> str:
    """Blanks beside brackets, commas and semicolons mean nothing."""
    return _BLANK.sub(r"\1", text)
