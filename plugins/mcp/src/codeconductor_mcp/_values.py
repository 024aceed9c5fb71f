"""The results of the tools, as their schemas describe them: the documents of `--json`, which may have further keys."""

# no annotations from __future__: pydantic reads them at run time
from typing import Any

from pydantic import ConfigDict
from typing_extensions import TypedDict

_OPEN = ConfigDict(extra="allow")


class Choice(TypedDict):
    """An answer, by its model and sample."""

    model: str
    sample: int


class Fault(TypedDict):
    """What went wrong, and what to do."""

    message: str
    hint: str | None


class GivenAnswer(TypedDict):
    """How a model got on; its words are in the recorded run."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]  # pydantic's way to configure a TypedDict

    model: str
    sample: int
    error: dict[str, Any] | None
    seconds: float | None


class Agreement(TypedDict):
    """A consensus, as in conductor.run/1."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    strategy: str
    confidence: float
    calibrated: bool
    agreement: float
    outcome: dict[str, Any]
    disagreements: list[dict[str, Any]]
    choice: Choice | None
    witness: dict[str, Any] | None
    advice: str | None
    explanation: str


class WrittenPrompt(TypedDict):
    """The prompt to work from."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    text: str
    tokens: int


class ConsensusResult(TypedDict):
    """A run, as in conductor.run/1, without the words of each answer."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    id: str
    seconds: float | None
    task: dict[str, Any]
    models: list[str]
    answers: list[GivenAnswer]
    consensus: Agreement
    prompt: WrittenPrompt
    warnings: list[str]
    resource: str | None
    error: Fault | None


class ChoiceResult(TypedDict):
    """A decision, as in conductor.decision/1; index counts the given answers from 0."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    index: int | None
    answer: str | None
    strategy: str
    confidence: float
    calibrated: bool
    agreement: float
    choice: Choice | None
    outcome: dict[str, Any]
    witness: dict[str, Any] | None
    advice: str | None
    explanation: str
    warnings: list[str]


class ListedModel(TypedDict):
    """A model, as in conductor.models/1."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    id: str
    provider: str
    name: str
    host: str
    kind: str
    loaded: bool | None


class ModelsResult(TypedDict):
    """The document conductor.models/1."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    schema: str
    models: list[ListedModel]
    problems: list[dict[str, Any]]


class VerifyResult(TypedDict):
    """The document conductor.verification/1."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    schema: str
    green: bool
    runner: str
    sandbox: dict[str, Any]
    passed: int
    failed: int
    errors: int
    skipped: int
    seconds: float
    timed_out: bool
    cases: list[dict[str, Any]]
    output_tail: str
    warnings: list[str]


class HistoryResult(TypedDict):
    """The document conductor.history/1."""

    __pydantic_config__ = _OPEN  # type: ignore[misc]

    schema: str
    runs: list[dict[str, Any]]
