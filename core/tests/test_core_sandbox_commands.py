"""Commands in a sandbox, as a project's tests are run: output, time, what is left, and how they are stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.sandbox import Ended, Limits, run_command, trial_of
from codeconductor.sandbox.payload import interpreter
from codeconductor.sandbox.scratch import fresh_folder, remove_folder
from codeconductor.sandbox.tiers import Bubblewrap, Landlock, LimitsAlone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor.sandbox import Sandbox

AMPLE = Limits(seconds=120.0)


@pytest.fixture(scope="module", params=[Landlock(), Bubblewrap(), LimitsAlone()], ids=lambda tier: tier.name)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    trial = trial_of(request.param)
    if trial.sandbox is None:
        pytest.skip(f"{trial.name} does not work here: {trial.reason}")
    return trial.sandbox


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = fresh_folder()
    yield folder
    remove_folder(folder)


def run(
    sandbox: Sandbox, folder: Path, *argv: str, limits: Limits = AMPLE, environment: dict[str, str] | None = None
) -> Ended:
    environment = environment or {"PATH": "/usr/bin:/bin"}
    return asyncio.run(run_command(sandbox, argv, folder=folder, limits=limits, environment=environment))


def test_it_gives_the_exit_status_and_both_streams_in_order(sandbox: Sandbox, folder: Path) -> None:
    ended = run(sandbox, folder, "sh", "-c", "echo one; echo two >&2; echo three; exit 7")
    assert ended == Ended(status=7, output=b"one\ntwo\nthree\n", timed_out=False, survived=False)


def test_a_signal_is_a_negative_status(sandbox: Sandbox, folder: Path) -> None:
    assert run(sandbox, folder, "sh", "-c", "kill -9 $$").status == -9


def test_what_it_writes_is_in_the_folder_afterwards(sandbox: Sandbox, folder: Path) -> None:
    (folder / "before").write_text("here")
    (folder / "sub").mkdir()
    run(sandbox, folder, "sh", "-c", "cat before > sub/after; rm before; echo more > $TMPDIR/more; cd; pwd > home")
    assert sorted(path.name for path in folder.iterdir()) == ["home", "more", "sub"]
    assert (folder / "sub" / "after").read_text() == "here"


def test_of_much_output_the_beginning_and_the_end_are_kept(sandbox: Sandbox, folder: Path) -> None:
    script = "print('first'); print('x' * 1_000_000); print('last')"
    ended = run(sandbox, folder, str(interpreter()), "-S", "-c", script, limits=Limits(seconds=120.0, output=1000))
    assert ended.output.startswith(b"first\nxxx")
    assert ended.output.endswith(b"xxx\nlast\n")
    assert b"bytes are left out" in ended.output
    assert len(ended.output) < 1100


def test_what_takes_too_long_is_ended_and_its_output_kept(sandbox: Sandbox, folder: Path) -> None:
    for seconds in (1.0, 10.0, 60.0):  # a slow machine starts it late
        ended = run(sandbox, folder, "sh", "-c", "echo here; while :; do :; done", limits=Limits(seconds=seconds))
        if ended.output:
            break
    assert ended == Ended(status=-9, output=b"here\n", timed_out=True, survived=False)


def test_what_it_left_behind_is_gone_and_not_waited_for(sandbox: Sandbox, folder: Path) -> None:
    script = (
        "import os, signal\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0: signal.pause()\n"
        "        os._exit(0)\n"
        "print('here')\n"
    )
    ended = run(sandbox, folder, str(interpreter()), "-S", "-c", script)
    assert ended == Ended(status=0, output=b"here\n", timed_out=False, survived=False)


def test_cancelling_ends_it_first(sandbox: Sandbox, folder: Path) -> None:
    async def start_and_cancel() -> None:
        script = "echo $$ > started; while :; do :; done"
        command = run_command(sandbox, ["sh", "-c", script], folder=folder, limits=AMPLE, environment={"PATH": "/bin"})
        running = asyncio.create_task(command)
        while not (folder / "started").exists():  # noqa: ASYNC110 - it tells by a file
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(start_and_cancel())
    assert not [task for task in Path("/proc").glob("[0-9]*/cmdline") if _mentions(task, str(folder))]


def _mentions(file: Path, text: str) -> bool:
    try:
        return text.encode() in file.read_bytes()
    except OSError:
        return False


def test_a_file_may_not_be_larger_than_allowed(sandbox: Sandbox, folder: Path) -> None:
    script = "head -c 2000000 /dev/zero > large; wc -c < large"
    ended = run(sandbox, folder, "sh", "-c", script, limits=Limits(seconds=120.0, file_size=1_000_000))
    assert (folder / "large").stat().st_size <= 1_000_000, ended.output


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_runs_within_a_limit_of_memory(sandbox: Sandbox, folder: Path) -> None:
    """It reserves far more addresses than it uses."""
    node = shutil.which("node") or ""
    ended = run(sandbox, folder, node, "-e", "console.log(1 + 1)", environment={"PATH": os.environ["PATH"]})
    assert (ended.status, ended.output) == (0, b"2\n")


def test_a_machine_that_kills_our_part_inside_loses_no_time(folder: Path) -> None:
    """Who looks after the command is gone: there is no status, and what is left of it is ended from outside."""

    async def start_and_kill() -> Ended:
        script = "echo $PPID > started; while :; do :; done"
        limits = Limits(seconds=120.0)
        command = run_command(LimitsAlone(), ["sh", "-c", script], folder=folder, limits=limits, environment={})
        running = asyncio.create_task(command)
        while not (text := _text(folder / "started")).strip():  # noqa: ASYNC110 - it tells by a file
            await asyncio.sleep(0)
        os.kill(int(text), 9)
        return await running

    ended = asyncio.run(start_and_kill())
    assert ended.status is None
    assert not ended.timed_out


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def test_what_only_its_owner_may_enter_is_there_where_it_may_be_read(sandbox: Sandbox, folder: Path) -> None:
    """As a project in root's home: a program that asks first whether a file is there is told the same as by opening."""
    private = fresh_folder()  # mode 0700
    try:
        (private / "sub").mkdir()
        (private / "sub" / "file").write_text("read me")
        asks = "import os, sys; assert os.access(sys.argv[1], os.R_OK); print(open(sys.argv[1]).read())"
        argv = (str(interpreter()), "-I", "-c", asks, str(private / "sub" / "file"))
        environment = {"PATH": "/usr/bin:/bin"}
        ended = asyncio.run(
            run_command(sandbox, argv, folder=folder, limits=AMPLE, environment=environment, readable=[private / "sub"])
        )
        assert (ended.status, ended.output) == (0, b"read me\n")
    finally:
        remove_folder(private)
