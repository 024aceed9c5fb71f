"""The task itself, and how its kind and language are told from its words where the user does not say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from codeconductor.errors import InputError
from codeconductor.task.project import Project
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codeconductor.dispatch import Query
    from codeconductor.task.context import ContextFile

TaskKind = Literal["function", "class", "api", "test", "bugfix", "refactor", "question", "call"]
KINDS: tuple[TaskKind, ...] = tuple(kind for kind in get_args(TaskKind) if kind != "call")
"""What a user may ask for; only a recorded task can be a `call`, as it has to bring the functions."""

TaskStyle = Literal["function", "class", "stdin"]
"""What its code is: a function, a method of a class, or a whole program that reads standard input and prints."""

MAX_TEXT = 2**20
"""Bytes of the longest task; what is longer belongs into a context file."""


@frozen
class Example:
    """What should come of one input, as the task's author says.

    Attributes:
        input: Standard input; or the arguments of a call: their source as it stands between the parentheses, a list of
            them, or a mapping by name.
        output: What is printed; or the result: its source, or a JSON value.
    """

    input: Any
    output: Any


# Converters with types of their own: a type checker cannot see through `converter=tuple`.


def _examples(examples: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(examples)


def _schemas(schemas: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(schemas)


@frozen(kw_only=True)
class Task:
    """What the models are asked.

    Attributes:
        text: The user's own words.
        kind: What is wanted.
        language: Lower case, such as ``"python"``; None where no code is wanted.
        context: Files that the models may read.
        project: Facts of the folder that the task is about.
        entry_point: What is called: a function's name, or ``Solution().method`` of a class made without arguments;
            empty for a whole program; None: it is not said.
        style: What its code is; None: it is not said.
        examples: Inputs with what should come of them.
        tests: Source that asserts, which the answers may be tried with; empty: there is none.
        functions: Schemas of the functions that a `call` may name.
        query: A conversation that every model is asked as it stands; `text` is then its last wish. None: models are
            asked in words made of the text.
    """

    text: str
    kind: TaskKind = "function"
    language: str | None = "python"
    context: tuple[ContextFile, ...] = ()
    project: Project = attrs.field(factory=lambda: Project(root=Path.cwd()))
    entry_point: str | None = None
    style: TaskStyle | None = None
    examples: tuple[Example, ...] = attrs.field(default=(), converter=_examples)
    tests: str = ""
    functions: tuple[Mapping[str, Any], ...] = attrs.field(default=(), converter=_schemas)
    query: Query | None = attrs.field(default=None, repr=False)


def read_task(
    text: str,
    *,
    kind: str = "auto",
    language: str | None = None,
    context: Sequence[ContextFile] = (),
    project: Project,
) -> Task:
    """Make a task of the user's words.

    Args:
        text: As typed or read; blanks around it are dropped.
        kind: A task kind, or ``"auto"``: told from the words.
        language: None: told from the words, else from the context files, else from the project, else Python.
        context: Files that were read already.
        project: Facts of the folder that the task is about.

    Raises:
        InputError: The task is empty, longer than 1 MiB, or no text.
    """
    text = text.strip()
    if not text:
        raise InputError("the task is empty", hint='say what is wanted: conductor "Write a function …"')
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError as exc:
        raise InputError("the task is not UTF-8", hint="check the terminal's encoding") from exc
    if size > MAX_TEXT:
        raise InputError(
            f"the task is longer than {MAX_TEXT // 2**20} MiB",
            hint="say what is wanted in the task, and give the material with -c FILE",
        )
    found: TaskKind = kind if kind in KINDS else kind_of(text)
    return Task(
        text=text,
        kind=found,
        language=language.lower() if language else language_of(text, context, project, found),
        context=tuple(context),
        project=project,
    )


_KIND_WORDS: tuple[tuple[TaskKind, str], ...] = (
    ("bugfix", r"\b(fix(es|ed|ing)?|bugs?|broken|debug|crash(es|ed)?|regression|wrong result|does(n't| not) work)\b"),
    (
        "refactor",
        r"\b(refactor\w*|restructure|simplify|clean up|rename|deduplicate|extract (a|the) (function|class))\b",
    ),
    ("test", r"\b((unit |property )?tests? (for|of|that|suite)|(write|add|create) (\w+ )?tests?|test cases?)\b"),
    (
        "api",
        r"\b(rest(ful)?|endpoints?|http (server|service|api)|web (server|service|api)|graphql|fastapi|flask|routes?)\b",
    ),
    ("class", r"\b(class|dataclass|data structure)\b"),
)
_QUESTION = re.compile(r"^(what|why|how|which|when|who|where|is|are|does|do|can|could|should|explain|describe)\b")


def kind_of(text: str) -> TaskKind:
    """The kind that the words tell; a function where they tell nothing."""
    words = text.lower()
    if _QUESTION.search(words) and ("?" in words or words.startswith(("explain", "describe"))):
        return "question"
    for kind, pattern in _KIND_WORDS:
        if re.search(pattern, words):
            return kind
    return "function"


_LANGUAGE_WORDS: tuple[tuple[str, str], ...] = (
    ("typescript", r"(?i)\btypescript\b|\btsx?\b"),
    ("javascript", r"(?i)\bjavascript\b|\bnode(\.js)?\b|\breact\b"),
    ("c++", r"(?i)(?<!\w)c\+\+|\bcpp\b"),
    ("c#", r"(?i)(?<!\w)c#|\bcsharp\b"),
    ("rust", r"(?i)\brust\b"),
    ("go", r"(?i)\bgolang\b|\bin go\b|(?-i:\bGo (function|program|package|struct|code|test)\b)"),
    ("kotlin", r"(?i)\bkotlin\b"),
    ("swift", r"\bSwift\b"),
    ("java", r"(?i)\bjava\b"),
    ("ruby", r"(?i)\bruby\b"),
    ("php", r"(?i)\bphp\b"),
    ("sql", r"(?i)\bsql\b"),
    ("bash", r"(?i)\bbash\b|\bshell script\b"),
    ("c", r"\bin C\b|\bC (function|program|code)\b"),
    ("python", r"(?i)\bpython\b|\bpytest\b|\bdjango\b|\bflask\b|\bfastapi\b"),
)

SUFFIXES = {
    ".py": "python",
    ".js": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".kt": "kotlin",
    ".swift": "swift",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "c#",
    ".cpp": "c++",
    ".cc": "c++",
    ".hpp": "c++",
    ".c": "c",
    ".h": "c",
    ".sql": "sql",
    ".sh": "bash",
}


def language_of(text: str, context: Sequence[ContextFile], project: Project, kind: TaskKind) -> str | None:
    """The language that the words tell, else the context files, else the project; Python where nothing tells."""
    for language, pattern in _LANGUAGE_WORDS:
        if re.search(pattern, text):
            return language
    suffixes = Counter(SUFFIXES.get(PurePosixPath(file.path).suffix.lower()) for file in context)
    suffixes.pop(None, None)
    if suffixes:
        return suffixes.most_common(1)[0][0]
    if kind == "question":
        return None
    for entry in project.languages:
        language = entry.split()[0].lower()
        if language != "node.js":
            return language
    return "python"
