"""What a template sees: plain data alone, and in it what models wrote cleaned and put in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from codeconductor import consensus_document, to_plain

from codeconductor_prompt_jinja.paths import path_within
from codeconductor_prompt_jinja.text import as_text, clean, hides_something, inline, percent
from codeconductor_prompt_jinja.text import code as code_span

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from codeconductor import Consensus, ContextFile, PromptLimits, Task

PROPOSAL = ("approach", "requirements", "files", "dependencies", "constraints", "tests", "risks")
"""Fields of a proposal: each has its own list in ``consensus.agreed``, empty where nothing was agreed on."""

ANSWER = ("answer", "reasons")
"""Fields of the reply to a question; so do these."""

RESULTS = frozenset({"code", "calls", "text"})
"""What an outcome may hold beside fields that were agreed on."""

LISTS = frozenset({*PROPOSAL, "reasons"} - {"approach"})
"""Fields whose values stand beside each other, where those of others exclude each other."""


_EXCLUSIVE = "The models differ on the {}. Unless the task or the project decides it, take the first:"
_SHARED = "Only some models name these {}. Take up what the task calls for:"

_NOTHING = frozenset({"", "-", "n/a", "na", "nil", "no", "none", "none needed", "none required", "nothing"})
"""What models write into a list that is empty."""


class View:
    """The data for one prompt, before anything is cut.

    Attributes:
        task: ``text``, ``kind``, ``language``, ``context``.
        consensus: As in ``conductor.run/1``, and ``agreed``, ``other``, ``code``, ``text``, ``author``, ``certainty``,
            ``questions``, ``voters``, ``samples_only``; what these are is told in the README.
        project: ``root`` (the folder's name), ``name``, ``layout``, ``languages``, ``test_command``, ``standards``.
        warnings: What was left out or changed, each once.
    """

    def __init__(self, task: Task, consensus: Consensus) -> None:
        self._root: Path = task.project.root
        self._warnings: dict[str, None] = {}
        self.task: dict[str, Any] = {
            "text": task.text,
            "kind": task.kind,
            "language": task.language,
        }
        self.project: dict[str, Any] = {
            **to_plain(task.project),
            "root": task.project.root.name,
        }
        document = self._cleaned(consensus_document(consensus))
        voters = _voters(document)
        self._samples_only = len({*voters, *document["weights"]}) < 2
        self.consensus: dict[str, Any] = {
            **document,
            "voters": voters,
            "samples_only": self._samples_only,
            **self._agreed(document),
            "code": self._code(document, consensus),
            "text": self._text(document),
            "author": f"the model {code_span(document['choice']['model'])}" if document["choice"] else "a model",
            "certainty": _certainty(document),
            "questions": self._questions(document),
        }
        self.task["context"] = [self._context_file(file) for file in task.context]

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    def data(self, limits: PromptLimits, cut: Iterable[str] = ()) -> dict[str, Any]:
        """All that a template sees."""
        return {
            "task": self.task,
            "consensus": self.consensus,
            "project": self.project,
            "limits": {**to_plain(limits), "cut": list(cut), "brief": False},
        }

    def _context_file(self, file: ContextFile) -> dict[str, Any]:
        purposes = [entry["text"] for entry in self.consensus["agreed"]["files"] if entry["path"] == file.path]
        return {
            "path": file.path,
            "name": "Standard input" if file.path == "-" else code_span(file.path),
            "suffix": PurePosixPath(file.path).suffix.removeprefix("."),
            "purpose": inline(purposes[0]) if purposes else "",
            "text": clean(file.text),
            "size": file.size,
            "is_cut": file.is_cut,
        }

    def _warn(self, message: str) -> None:
        self._warnings.setdefault(message)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            if hides_something(value):
                self._warn("invisible characters were taken out of what models wrote")
            return clean(value)
        if isinstance(value, Mapping):
            return {clean(str(key)): self._cleaned(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(item) for item in value]
        return value

    # Code

    def _code(self, document: dict[str, Any], consensus: Consensus) -> list[dict[str, Any]]:
        """The chosen code: blocks with language, path within the project or None, and text."""
        given = document["outcome"].get("code")
        if not given and consensus.choice is not None:
            given = self._cleaned([to_plain(block) for block in consensus.choice.code])
        blocks = []
        for block in [given] if isinstance(given, str | dict) else given if isinstance(given, list) else []:
            entry = {"text": block} if isinstance(block, str) else block
            if not isinstance(entry, dict) or not isinstance(entry.get("text"), str) or not entry["text"].strip():
                continue
            path = None if entry.get("path") is None else self._path(entry["path"])
            blocks.append({"language": entry.get("language") or self._language(), "path": path, "text": entry["text"]})
        return blocks

    def _text(self, document: dict[str, Any]) -> str:
        """The chosen reply as it is, where neither code nor an answer was taken from it."""
        text = document["outcome"].get("text")
        return text if isinstance(text, str) and "answer" not in document["outcome"] else ""

    def _language(self) -> str | None:
        return self.task["language"]  # type: ignore[no-any-return]  # str | None, as in Task

    def _path(self, path: object) -> str | None:
        within = path_within(path, self._root)
        if within is None:
            self._warn(f"a path that a model named is left out, as it leads out of the project: {inline(path)[:200]!r}")
        return within

    # What was agreed on, and what was not

    def _agreed(self, document: dict[str, Any]) -> dict[str, Any]:
        entries: dict[str, list[dict[str, Any]]] = {}
        for field in document["fields"]:
            if field["name"] in RESULTS:
                continue
            for value in field["value"] if isinstance(field["value"], list) else [field["value"]]:
                self._add(entries, field["name"], value, field["support"], field["models"])
        for name, value in document["outcome"].items():
            if name not in RESULTS and name not in entries:
                for item in value if isinstance(value, list) else [value]:
                    self._add(entries, name, item, None, [])
        known = {name: entries.get(name, []) for name in (*PROPOSAL, *ANSWER)}
        other = [{"name": name, "entries": found} for name, found in entries.items() if name not in known and found]
        return {"agreed": known, "other": other}

    def _add(
        self, entries: dict[str, list[dict[str, Any]]], name: str, value: Any, support: float | None, models: list[str]
    ) -> None:
        found = entries.setdefault(name, [])
        entry = self._entry(name, value, support, models)
        if entry is not None and all((entry["path"], entry["text"]) != (it["path"], it["text"]) for it in found):
            found.append(entry)

    def _entry(self, name: str, value: Any, support: float | None, models: list[str]) -> dict[str, Any] | None:
        """One value with its support; None where nothing of it is left."""
        path, text = None, value
        if name == "files":
            named, text = (value.get("path"), value.get("purpose")) if isinstance(value, dict) else (value, "")
            path = self._path(named)
            if path is None:
                return None
        text = "" if text is None else as_text(text).strip()
        if not path and (not inline(text) or (name in LISTS and text.rstrip(".").lower() in _NOTHING)):
            return None
        return {
            "path": path,
            "text": text,
            "support": support,
            "models": models,
            "backing": self._backing(support, models),
        }

    def _questions(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        questions = []
        for disagreement in document["disagreements"]:
            name = disagreement["field"]
            if name in RESULTS:  # programs that differ are no question to put to a coder; the witness is
                continue
            found = (self._entry(name, it["value"], it["support"], it["models"]) for it in disagreement["options"])
            options = [entry for entry in found if entry is not None]
            if options:
                intro = _SHARED if name in LISTS else _EXCLUSIVE
                questions.append({"field": name, "intro": intro.format(inline(name)), "options": options})
        return questions

    def _backing(self, support: float | None, models: list[str]) -> str:
        """The support in words: ``3 of 4 models`` where that is what it means, else a share of the votes."""
        if support is None:
            return "from the models"
        if self._samples_only:
            return "all samples" if support >= 1 else f"{percent(support)} of the samples"
        count = len(models)
        total = round(count / support) if support > 0 else 0
        if not count:
            return f"{percent(support)} of the votes"
        if total < count or abs(count / total - support) > 0.005:  # votes that do not weigh the same
            return f"{count} {'model' if count == 1 else 'models'}, {percent(support)} of the votes"
        if count < total:
            return f"{count} of {total} models"
        return f"all {count} models" if count > 1 else "the one model with a usable answer"


def _certainty(document: dict[str, Any]) -> str:
    """How sure one may be, in words: a confidence only where it is a probability."""
    word = "confidence" if document["calibrated"] else "agreement"
    return f"{word} {percent(document['confidence'])}"


def _voters(document: dict[str, Any]) -> list[str]:
    """Ids of all models that are named anywhere in a consensus, sorted."""
    witness = document["witness"] or {"options": []}
    backed = [*document["fields"], *witness["options"]]
    for disagreement in document["disagreements"]:
        backed += disagreement["options"]
    voters = {model for item in backed for model in item["models"]}
    if document["choice"] is not None:
        voters.add(document["choice"]["model"])
    return sorted(voters)
