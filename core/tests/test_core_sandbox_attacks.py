"""What each sandbox holds back on this machine, attack by attack, and what is open where nothing holds it back."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.sandbox import Ended, Limits, SandboxError, trial_of
from codeconductor.sandbox.command import Command
from codeconductor.sandbox.payload import ENVIRONMENT, interpreter
from codeconductor.sandbox.scratch import fresh_folder, remove_folder
from codeconductor.sandbox.tiers import Bubblewrap, Landlock, LimitsAlone
from codeconductor.sandbox.trial import _WORDS, Tried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor.sandbox import Sandbox

LIMITS = Limits(seconds=120.0, memory=512 * 2**20, file_size=2**20, processes=16)

STAT = "looking up names, sizes and modes of files outside"
TOGETHER = "the sum of what all processes and all files take"


@pytest.fixture(scope="module", params=[Landlock(), Bubblewrap()], ids=lambda tier: tier.name)
def sandbox(request: pytest.FixtureRequest) -> Tried:
    trial = trial_of(request.param)
    if trial.sandbox is None:
        pytest.skip(f"{trial.name} does not work here: {trial.reason}")
    assert isinstance(trial.sandbox, Tried)
    return trial.sandbox


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = fresh_folder()
    yield folder
    remove_folder(folder)


def run_python(sandbox: Sandbox, folder: Path, source: str, *arguments: str) -> Ended:
    """Run a script as a command in the sandbox."""
    argv = [str(interpreter()), "-S", "-c", source, *arguments]
    return Command(sandbox, argv, folder=folder, limits=LIMITS, environment={"LANG": "C.UTF-8"}).wait()


@pytest.mark.parametrize("attack", sorted(_WORDS.keys() - {"look up"}))
def test_the_attack_is_held_back(sandbox: Tried, attack: str) -> None:
    assert _WORDS[attack] not in sandbox.missing


def test_a_sandbox_that_holds_everything_back_is_strong(sandbox: Tried) -> None:
    assert sandbox.strength == "strong"
    assert set(sandbox.missing) == ({STAT, TOGETHER} if sandbox.name == "landlock" else {TOGETHER})


@pytest.mark.parametrize(
    "attack", ["write", "truncate", "remove", "read", "list", "look up", "tcp", "udp", "unix socket"]
)
def test_the_same_attack_gets_through_where_there_are_limits_alone(attack: str) -> None:
    """As they do, an attack that is held back elsewhere has been held back by the sandbox."""
    tried = trial_of(LimitsAlone()).sandbox
    assert tried is not None
    assert tried.strength == "none"
    assert _WORDS[attack] in tried.missing


@pytest.mark.parametrize("attack", ["memory", "file size", "survivor"])
def test_limits_alone_still_bound_what_is_used_and_what_is_left(attack: str) -> None:
    tried = trial_of(LimitsAlone()).sandbox
    assert tried is not None
    assert _WORDS[attack] not in tried.missing


CALLS = """
import ctypes, errno, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = json.loads(sys.argv[1])
print(json.dumps({
    name: errno.errorcode[ctypes.get_errno()] if libc.syscall(*call) < 0 else "done" for name, call in NUMBERS.items()
}))
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls are this machine's")
def test_calls_that_widen_what_the_kernel_offers_are_refused(sandbox: Tried, folder: Path) -> None:
    calls = {
        "unshare a user namespace": (272, 0x10000000),
        "clone into one": (56, 0x10000011, 0, 0, 0, 0),
        "setns": (308, 0, 0),
        "mount": (165, 0, 0, 0, 0, 0),
        "ptrace": (101, 0x4206, 1, 0, 0),
        "bpf": (321, 0, 0, 0),
        "io_uring": (425, 1, 0),
        "keyctl": (250, 0, 0, 0, 0, 0),
        "perf": (298, 0, 0, 0, 0, 0),
        "userfaultfd": (323, 0),
        "a file by its handle": (304, 0, 0, 0),
        "another's memory": (310, 1, 0, 0, 0, 0, 0),
        "another's limits": (302, 1, 7, 0, 0),
        "another's priority": (141, 0, 1, 5),
        "a socket of the hypervisor": (41, 40, 1, 0),
        "a raw socket": (41, 17, 3, 0),
    }
    ended = run_python(sandbox, folder, CALLS, json.dumps(calls))
    answers = json.loads(ended.output)
    assert {name for name, answer in answers.items() if answer != "EPERM"} == set(), ended.output


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of system calls are this machine's")
def test_unknown_and_foreign_calls_do_not_exist(sandbox: Tried, folder: Path) -> None:
    calls = {"clone3": (435, 0, 0), "a later kernel's": (480, 0), "x32's": (0x40000000 + 39, 0)}
    assert set(json.loads(run_python(sandbox, folder, CALLS, json.dumps(calls)).output).values()) == {"ENOSYS"}


def test_nothing_stays_in_the_kernel(sandbox: Tried, folder: Path) -> None:
    """Memory of System V outlives its process: it is refused, or belongs to a namespace that ends."""
    source = "import ctypes; print(ctypes.CDLL(None).shmget(0x5eed, 4096, 0o1666))"
    run_python(sandbox, folder, source)
    segments = (line.split()[0] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:])
    assert str(0x5EED) not in segments


def test_a_pair_of_sockets_works_as_event_loops_need_one(sandbox: Tried, folder: Path) -> None:
    source = "import asyncio; asyncio.run(asyncio.sleep(0)); print('here')"
    assert run_python(sandbox, folder, source).output == b"here\n"


def test_files_can_be_copied_and_their_modes_asked_for(sandbox: Tried, folder: Path) -> None:
    source = "import shutil; open('a', 'w').write('here'); shutil.copy2('a', 'b'); print(open('b').read())"
    assert run_python(sandbox, folder, source).output == b"here\n"


def test_no_descriptor_of_the_host_is_inherited(sandbox: Tried, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        source = (
            "import os, stat\n"
            "for fd in range(256):\n"
            "    try: print(fd, stat.S_IFMT(os.fstat(fd).st_mode) == stat.S_IFSOCK)\n"
            "    except OSError: pass\n"
        )
        ended = run_python(sandbox, folder, source)
    assert ended.output == b"0 False\n1 False\n2 False\n"


def test_the_environment_is_its_own(sandbox: Tried, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "do-not-tell")
    ended = run_python(sandbox, folder, "import os; print(sorted(os.environ))")
    assert ended.output == b"['HOME', 'LANG', 'TMPDIR']\n"


def test_nothing_is_read_from_standard_input(sandbox: Tried, folder: Path) -> None:
    assert run_python(sandbox, folder, "import sys; print(repr(sys.stdin.read()))").output == b"''\n"


def test_there_is_no_terminal_to_type_into(sandbox: Tried, folder: Path) -> None:
    source = "import os\ntry: os.open('/dev/tty', os.O_RDWR)\nexcept OSError: print('none')"
    assert run_python(sandbox, folder, source).output == b"none\n"


def test_links_out_of_the_folder_lead_nowhere(sandbox: Tried, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("do-not-tell")
    tmp_path.chmod(0o755)
    (folder / "link").symlink_to(tmp_path / "secret")
    ended = run_python(sandbox, folder, "print(open('link').read())")
    assert ended.status == 1
    assert b"do-not-tell" not in ended.output


def test_a_folder_that_is_named_as_readable_is_read_and_not_written(sandbox: Tried, folder: Path) -> None:
    shared = fresh_folder()
    try:
        shared.chmod(0o777)
        (shared / "text").write_text("here")
        source = (
            "import sys, pathlib\n"
            "print(pathlib.Path(sys.argv[1], 'text').read_text())\n"
            "pathlib.Path(sys.argv[1], 'more').write_text('')\n"
        )
        argv = [str(interpreter()), "-S", "-c", source, str(shared)]
        ended = Command(sandbox, argv, folder=folder, limits=LIMITS, environment=ENVIRONMENT, readable=[shared]).wait()
        assert b"here\n" in ended.output
        assert ended.status == 1
        assert [path.name for path in shared.iterdir()] == ["text"]
    finally:
        remove_folder(shared)


def test_a_program_that_is_not_there_says_so(sandbox: Tried, folder: Path) -> None:
    ended = Command(sandbox, ["no-such-program"], folder=folder, limits=LIMITS, environment={}).wait()
    assert ended.status == 127


def test_a_sandbox_that_cannot_start_is_an_error_with_its_own_words(folder: Path) -> None:
    class Broken(LimitsAlone):
        def command(self, payload: object) -> list[str]:
            return ["/bin/sh", "-c", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"]

    with pytest.raises(SandboxError, match="setting up uid map: Permission denied"):
        Command(Broken(), ["true"], folder=folder, limits=LIMITS, environment={})
