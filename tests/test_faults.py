"""No fault of a model server costs more than its own answer, and each is told as docs/reference/faults.md says.

Each case is played on a scripted server of each kind. `python tests/test_faults.py` writes the page's tables anew.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import codeconductor_lmstudio
import codeconductor_ollama
import codeconductor_openai_compatible
import pytest
from codeconductor import Answer, Message, Query, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import new_session
from codeconductor.testing.servers import (
    Fault,
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    ScriptedServer,
    answered_by,
    broken_gzip,
    broken_json,
    broken_utf8,
    chunked,
    combined,
    cut,
    dies_idle,
    empty,
    endless,
    error_frame,
    failed,
    gzip_bomb,
    gzipped,
    huge_frame,
    no_final,
    only_first,
    only_reasoning,
    overflowed,
    overloaded,
    rechunked,
    redirected,
    refusing_host,
    removed,
    reset,
    silence,
    status,
    unloaded,
    with_length,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "faults.md"

REPLY = "The answer is a café of 1,000 words. " * 20
"""What a model says when nothing goes wrong; a character of it has two bytes."""

FAULTY, SOUND = "faulty:1b", "sound:1b"
BRIEF, AGAIN = 1.5, 6.0
"""Seconds that a model has where just these are waited for; the second time, where a slow machine used up the first."""

SLOW = 20.0
"""Seconds in which even a slow machine is done with any case: nothing waits for a server longer than its limit."""

_MEMORY = "model requires more system memory (9.4 GiB) than is available (5.0 GiB)"
_HTML = "<html><body><h1>Bad gateway</h1></body></html>"


@attrs.frozen
class Case:
    """One thing that goes wrong.

    Attributes:
        name: In a word or two.
        what: As the page says it.
        fault: Makes the fault of the model that is asked; None: the server goes away after discovery.
        limit: Seconds that the model has; few where just these are waited for.
        loaded: Whether the model is in memory at the beginning.
    """

    name: str
    what: str
    fault: Callable[[], Fault] | None
    limit: float = 20.0
    loaded: bool = True


def _redirected() -> Fault:
    with refusing_host() as host:
        return redirected(host)


CASES = (
    Case("gone", "the server has gone since discovery", None),
    Case("closed", "the connection is closed before a byte of the reply, every time", lambda: cut(after=None)),
    Case("reset", "the connection is reset before a byte of the reply, every time", reset),
    Case("idle", "the server closes an idle connection just when it is used again", dies_idle),
    Case("silent", "the server accepts the question and says nothing", silence, BRIEF),
    Case("headers", "headers, then silence", lambda: silence(after=0), BRIEF),
    Case("stalls", "the beginning of the answer, then silence", lambda: silence(after=600), BRIEF),
    Case("drips", "a piece after the other, without end", lambda: endless(interval=0.1), BRIEF),
    Case("floods", "an answer of more than 4 million characters", lambda: endless(interval=0, text="x" * 100_000)),
    Case("cut", "the connection is closed in the middle of the answer", lambda: cut(after=600)),
    Case("reset later", "the connection is reset in the middle of the answer", lambda: reset(after=600)),
    Case("no end", "the answer ends without the frame that says so", no_final),
    Case("error frame", "an error in the middle of the answer", lambda: error_frame(after=2)),
    Case("broken JSON", "a frame that is no JSON", lambda: broken_json(after=2)),
    Case("broken UTF-8", "a frame that is no UTF-8", lambda: broken_utf8(after=2)),
    Case("huge frame", "a frame of 100 MB", huge_frame),
    Case("pieces", "characters and frames cut between network pieces", lambda: rechunked(5)),
    Case("at once", "several frames in one piece, with a length", with_length),
    Case("chunks", "a body in chunks", chunked),
    Case("gzip", "a compressed body, though none was asked for", gzipped),
    Case("broken gzip", "a body that its headers call compressed, and is not", broken_gzip),
    Case("bomb", "a short compressed body that unpacks to a line of 256 MB", gzip_bomb),
    Case("empty", "a complete answer that says nothing", empty),
    Case("reasoning", "only reasoning, and no answer", only_reasoning),
    Case("other model", "an answer by another model", lambda: answered_by("other:7b")),
    Case("400", "status 400, with JSON", lambda: failed(400, "bad request")),
    Case("401", "status 401, with JSON", lambda: failed(401, "unauthorized")),
    Case("403", "status 403, with nothing", lambda: status(403)),
    Case("404", "status 404, with HTML", lambda: status(404, "<html><body>404 not here</body></html>")),
    Case("removed", "the model was deleted since discovery", removed),
    Case("too long", "the server says that the prompt is too long", overflowed),
    Case("redirect", "a redirect to another host", _redirected),
    Case("busy once", "status 503 once, then an answer", lambda: only_first(1, overloaded())),
    Case("busy", "status 503, every time", overloaded, BRIEF),
    Case("busy for long", "status 503 with a long Retry-After", lambda: overloaded(retry_after=600), BRIEF),
    Case("limited", "status 429 with a Retry-After as a date", lambda: overloaded(429, 600, as_date=True), BRIEF),
    Case("500", "status 500, with JSON", failed),
    Case("502", "status 502, with HTML", lambda: status(502, _HTML)),
    Case("500 bare", "status 500, with nothing", lambda: status(500)),
    Case("500 silent", "status 500, then silence", lambda: combined(status(500, "out of memory"), silence(after=10))),
    Case("evicted", "the model has left memory since discovery", unloaded),
    Case("evicted later", "the model leaves memory in the middle of its answer", lambda: unloaded(after=2)),
    Case("slow load", "the model is not in memory, and its load does not end", silence, BRIEF, loaded=False),
    Case("failed load", "the model is not in memory, and its load fails", lambda: failed(500, _MEMORY), loaded=False),
    Case("no load", "the server does not know the request to load", lambda: status(404, "not here"), loaded=False),
)

LOADS_NOTHING = frozenset({"openai_compatible"})
"""Providers whose server has its model in memory from the beginning."""

SERVERS: dict[str, tuple[str, type[ScriptedServer], object]] = {
    "ollama": ("Ollama", ScriptedOllama, codeconductor_ollama),
    "lmstudio": ("LM Studio", ScriptedLMStudio, codeconductor_lmstudio),
    "openai_compatible": ("Other servers with `/v1`", ScriptedOpenAI, codeconductor_openai_compatible),
}


@attrs.frozen
class Outcome:
    """What came of a case.

    Attributes:
        faulty: The answer of the model with the fault.
        sound: The answer of the model beside it.
        warnings: Of the session.
        seconds: That all of it took.
        host: The server's address.
    """

    faulty: Answer
    sound: Answer
    warnings: tuple[str, ...]
    seconds: float
    host: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        """(kind, message, hint, kept) as the page shows them, without what differs from run to run."""
        failure, text = self.faulty.error, self.faulty.text
        kept = "all" if text == REPLY else "what had arrived" if text else "there is nothing"
        if failure is None:
            return "none", self._general(" ".join(self.warnings)), "", kept
        return f"`{failure.kind}`", self._general(failure.message), self._general(failure.hint or ""), kept

    def _general(self, text: str) -> str:
        text = re.sub(re.escape(self.host) + r"[/\w]*", "HOST", text)
        text = re.sub(r"http://127\.0\.0\.1:\d+", "HOST", text)
        text = re.sub(r"arrived: b?'.*", "arrived: …", text)
        text = re.sub(r"\w+/" + re.escape(FAULTY), "MODEL", text).replace(FAULTY, "MODEL")
        text = re.sub(r"\b\d+(\.\d+)? s\b", "N s", text)
        text = re.sub(r"\b\d+ (characters|tries)", r"N \1", text)
        return text.replace("|", "\\|")


def play(case: Case, provider: str) -> Outcome:
    """Have a model with the fault, and one without, asked through a provider."""
    _, make_server, plugin = SERVERS[provider]
    fault = case.fault() if case.fault else None
    on_load = {"/api/generate": fault, "/api/v1/models/load": fault} if fault and not case.loaded else {}
    models = (
        ScriptedModel(name=FAULTY, reply=REPLY, fault=fault if case.loaded else None, loaded=case.loaded),
        ScriptedModel(name=SOUND, reply=REPLY),
    )
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory())
        server = exits.enter_context(make_server(*models, faults=on_load))
        settings = {"providers": {provider: {"hosts": [server.host], "parallel": 2}}}
        session = new_session(Path(folder), settings, **{provider: plugin})
        began = time.monotonic()

        async def ask() -> list[Answer]:
            async with session:
                found = {model.name: model for model in (await discover(session)).models}
                if fault is None:
                    server.refuse()
                query = Query(messages=[Message("user", "How many words?")])
                limits = Limits(timeout=case.limit, load_timeout=case.limit)
                async with dispatch(session, [found[FAULTY], found[SOUND]], query, limits=limits) as arrivals:
                    return [answer async for answer in arrivals]

        answers = {answer.model.name: answer for answer in asyncio.run(ask())}
        seconds = time.monotonic() - began
        return Outcome(answers[FAULTY], answers[SOUND], tuple(session.warnings), seconds, server.host)


def cases_of(provider: str) -> list[Case]:
    """What can go wrong with a provider's server."""
    return [case for case in CASES if case.loaded or provider not in LOADS_NOTHING]


def rows(provider: str) -> list[str]:
    """The rows of a provider's table."""
    return [row(case, play(case, provider)) for case in cases_of(provider)]


def row(case: Case, outcome: Outcome) -> str:
    """A case and what came of it, as a row of the page."""
    return f"| {case.what} | {' | '.join(outcome.row)} |"


def section(provider: str) -> str:
    """The heading of a provider's table, which the page has just so."""
    return f"## {SERVERS[provider][0]}"


HEAD = "| what happens | `kind` | message | hint | what is kept |\n| --- | --- | --- | --- | --- |"


def write() -> None:
    """Write every table of the page anew, and leave the words around them alone."""
    text = PAGE.read_text()
    for provider in SERVERS:
        table = "\n".join([HEAD, *rows(provider)])
        old = re.search(rf"(?<={re.escape(section(provider))}\n\n)(\|[^\n]*\n)*\n?", text)
        assert old, f"no heading {section(provider)!r}"
        text = f"{text[: old.start()]}{table}\n\n{text[old.end() :]}"
    PAGE.write_text(text.rstrip() + "\n")


def _tables() -> dict[str, list[str]]:
    """The rows of each provider's table on the page."""
    text = PAGE.read_text()
    tables = {}
    for provider in SERVERS:
        found = re.search(rf"{re.escape(section(provider))}\n\n{re.escape(HEAD)}\n((?:\|[^\n]*\n)*)", text)
        assert found, f"no table under {section(provider)!r}"
        tables[provider] = found[1].splitlines()
    return tables


def is_whole(answer: Answer) -> bool:
    """Whether nothing went wrong with an answer, and all of it is there."""
    return (answer.error, answer.text) == (None, REPLY)


@pytest.mark.parametrize(
    ("provider", "case"),
    [
        pytest.param(provider, case, id=f"{provider}: {case.name}")
        for provider in SERVERS
        for case in cases_of(provider)
    ],
)
def test_a_fault_costs_its_own_answer_alone_and_is_told(case: Case, provider: str) -> None:
    """Kind, message, hint and what is kept are a row of the page; the model beside it answers in full."""
    outcome = play(case, provider)
    if case.limit == BRIEF and not (is_whole(outcome.sound) and row(case, outcome) in _tables()[provider]):
        outcome = play(attrs.evolve(case, limit=AGAIN), provider)
    assert row(case, outcome) in _tables()[provider], "`python tests/test_faults.py` writes the page anew"
    if case.fault is not None:
        assert is_whole(outcome.sound), outcome.sound
    assert outcome.seconds < SLOW


def test_every_row_of_the_page_is_a_case() -> None:
    """None is left of a case that is no more."""
    for provider, rows in _tables().items():
        assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == [case.what for case in cases_of(provider)]


if __name__ == "__main__":
    write()
