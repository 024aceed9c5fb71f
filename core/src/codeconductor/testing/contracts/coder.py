"""What core relies on in a coder."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from codeconductor.dispatch import Failure
from codeconductor.handover import Assignment, Coder, Written
from codeconductor.testing.contracts.base import Contract, files_of, lay_out, must_override
from codeconductor.testing.values import a_bench, a_task

if TYPE_CHECKING:
    from codeconductor.consensus import Bench
    from codeconductor.session import Session
    from codeconductor.testing.sessions import MakeSession

PATIENCE = 30.0
"""Seconds within which a coder that is interrupted has ended."""

_PROMPT = "Write a function add(a, b) in calc.py that adds two numbers."

_ODD = "{folder} {prompt_file} {0.__class__} $HOME `id` \"x\" 'y' %s \\n\n\x00\x1b[31m ä 漢 🙂\r\n"


class CoderContract(Contract):
    """Override `coder`, set up so that it writes something, and `bench` where it asks models of the run.

    With `unable` its behaviour in trouble is tested too.
    """

    @pytest.fixture
    def coder(self) -> Coder:
        """The coder, as its hook gives it, set up so that it changes something in the folder that it is given."""
        raise must_override("coder", "give an object that `conductor_coders` brings, and that writes something")

    @pytest.fixture
    def unable(self) -> Coder | None:
        """The coder where it cannot do its work: its program is missing, or, as here, no model is in reach."""
        return None

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The copy that it is given."""
        folder = tmp_path / "work" / "project"
        lay_out(folder, {"calc.py": "def add(a, b):\n    return a - b\n"})
        return folder

    @pytest.fixture
    def bench(self) -> Bench:
        """With the models that it may ask: none. `unable` is never given any."""
        return a_bench()

    @pytest.fixture
    def assignment(self, folder: Path, bench: Bench) -> Assignment:
        """What it is to do."""
        return Assignment(prompt=_PROMPT, folder=folder, round=1, task=a_task(_PROMPT), bench=bench)

    @pytest.fixture
    def coder_session(self, make_session: MakeSession) -> Session:
        """Without any plugin or setting."""
        return make_session()

    def test_its_name_is_what_people_type(self, coder: Coder) -> None:
        """`--coder NAME` finds it: a text in lower case without blanks."""
        assert isinstance(coder.name, str), "give it a `name`"
        assert coder.name, "the name is empty"
        assert coder.name == coder.name.lower().strip(), "write the name in lower case"
        assert " " not in coder.name, "the name has a blank"

    def test_writing_is_a_coroutine_function(self, coder: Coder) -> None:
        """It may take many minutes, so it is awaited, and cancelled when the user interrupts."""
        assert inspect.iscoroutinefunction(coder.write), "write `async def write`"

    def test_what_it_says_of_itself_is_in_words(self, coder: Coder) -> None:
        """`sends`, `remedy` and what `found()` gives, where it has them, are texts or None; `waits` is yes or no."""
        found = getattr(coder, "found", None)
        said = [getattr(coder, "sends", None), getattr(coder, "remedy", None), found() if found is not None else None]
        assert all(text is None or (isinstance(text, str) and text) for text in said), "give a text, or None"
        assert isinstance(getattr(coder, "waits", False), bool), "`waits` is True or False"

    def test_it_gives_what_it_wrote(self, coder: Coder, coder_session: Session, assignment: Assignment) -> None:
        """The result is a `Written`, without an error where it thinks that it has done its work."""
        written = _written(coder, coder_session, assignment)
        assert isinstance(written, Written), f"give a Written, not {written!r}"
        assert written.error is None, f"{written.error}"
        assert isinstance(written.output, str), "`output` is a text"

    def test_it_writes_into_the_folder_that_it_is_given(
        self, coder: Coder, coder_session: Session, assignment: Assignment
    ) -> None:
        """What it achieved is what is measured there, and nothing else."""
        before = files_of(assignment.folder)
        _written(coder, coder_session, assignment)
        assert files_of(assignment.folder) != before, "change the files in assignment.folder"

    def test_it_leaves_the_current_folder_alone(
        self, coder: Coder, coder_session: Session, assignment: Assignment
    ) -> None:
        """That may be the user's own folder, where nothing is changed before a yes."""
        lay_out(Path(), {"calc.py": "mine\n"})
        _written(coder, coder_session, assignment)
        assert files_of(Path()) == {"calc.py": b"mine\n"}, "write into assignment.folder, not into the current one"

    def test_it_takes_any_prompt(self, coder: Coder, coder_session: Session, assignment: Assignment) -> None:
        """A prompt is data: braces, quotes, blanks and control characters are none of a template or a shell.

        What cannot be passed on is told in the result.
        """
        written = _written(coder, coder_session, attrs.evolve(assignment, prompt=_ODD))
        assert isinstance(written, Written), f"give a Written, not {written!r}"

    def test_it_writes_in_later_rounds_too(self, coder: Coder, coder_session: Session, assignment: Assignment) -> None:
        """The same object is asked again, in the folder as it left it."""
        for number in (1, 2):
            written = _written(coder, coder_session, attrs.evolve(assignment, round=number))
            assert written.error is None, f"round {number}: {written.error}"

    def test_it_can_be_interrupted(self, coder: Coder, coder_session: Session, assignment: Assignment) -> None:
        """Ctrl-C cancels it: it lets the cancellation through, once what it has started is ended."""
        asyncio.run(_interrupt(coder, coder_session, assignment))

    def test_trouble_is_told_and_not_raised(
        self, unable: Coder | None, coder_session: Session, assignment: Assignment
    ) -> None:
        """A program that is missing or fails, a model that cannot be used: all of it is an `error` of the result."""
        error = _trouble(unable, coder_session, assignment)
        assert isinstance(error, Failure), f"give a Failure as `error`, not {error!r}"

    def test_trouble_says_what_happened(
        self, unable: Coder | None, coder_session: Session, assignment: Assignment
    ) -> None:
        """A kind in one word, and a message for the person."""
        error = _trouble(unable, coder_session, assignment)
        assert error.kind, "give the error a kind"
        assert not set(error.kind) & set(" \n"), "the kind is one word"
        assert error.message.strip(), "say what happened"


async def _write(coder: Coder, session: Session, assignment: Assignment) -> Written:
    return await coder.write(session, assignment)


def _written(coder: Coder, session: Session, assignment: Assignment) -> Written:
    return asyncio.run(_write(coder, session, assignment))


def _trouble(unable: Coder | None, session: Session, assignment: Assignment) -> Any:
    if unable is None:
        pytest.skip("override `unable` to have it tested")
    return _written(unable, session, attrs.evolve(assignment, bench=a_bench())).error


async def _interrupt(coder: Coder, session: Session, assignment: Assignment) -> None:
    writing = asyncio.create_task(_write(coder, session, assignment))
    await asyncio.sleep(0)  # it has begun, and may be over already
    is_over = not writing.cancel()
    ended, _ = await asyncio.wait([writing], timeout=PATIENCE)
    assert ended, "end when you are cancelled"
    assert is_over or writing.cancelled(), "let the CancelledError through"
