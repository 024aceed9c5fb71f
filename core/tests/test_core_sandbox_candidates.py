"""Candidates that attack whatever runs them: each costs only itself, and leaves nothing to the next one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.sandbox import Limits, trial_of
from codeconductor.sandbox.pool import _outcomes
from codeconductor.sandbox.tiers import Bubblewrap, Landlock
from codeconductor.sandbox.zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator

AMPLE = 120.0
"""Seconds that nothing here takes, on any machine."""

MOST = 1 << 20

LIMITS = Limits(seconds=AMPLE, memory=512 * 2**20, file_size=2**20, processes=16)


BASELINE: dict[Zygote, tuple[str, set[int]]] = {}
"""What an interpreter's folders hold and what runs below it before the first candidate: a bubblewrap's `/tmp` shows the
way to an interpreter that is installed below it."""


@pytest.fixture(scope="module", params=[Landlock(), Bubblewrap()], ids=lambda tier: tier.name)
def zygote(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    """One warm interpreter for all tests: each of them finds what the ones before it have left."""
    trial = trial_of(request.param)
    if trial.sandbox is None:
        pytest.skip(f"{trial.name} does not work here: {trial.reason}")
    zygote = Zygote(trial.sandbox, LIMITS)
    yield zygote
    zygote.close()


def told(zygote: Zygote, program: str, *inputs: str, seconds: float = AMPLE) -> list[tuple[str, str]]:
    """What a process said of each input, in a word and a value, and how it ended where it said too little."""
    inputs = inputs or ("1",)
    work = {"program": program, "inputs": inputs, "entry_point": "f", "output": 65536, "state": 0}
    said = zygote.run(work, seconds=seconds, most=MOST)
    outcomes: list[tuple[str, str]] = [(outcome.kind, outcome.value) for outcome in _outcomes(said.lines, len(inputs))]
    if len(outcomes) < len(inputs):
        outcomes.append(("timeout" if said.timed_out else "died", ""))
    return outcomes


def descendants(process: int) -> set[int]:
    """Ids of everything below a process."""
    found: set[int] = set()
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | descendants(child)
    return found


def state_of(zygote: Zygote) -> tuple[str, set[int]]:
    """What an honest candidate tells, and finds in the folders that candidates may write to, and what runs in there."""
    folders = "('.', os.environ['TMPDIR'], '/tmp', '/dev/shm')"
    if zygote.sandbox.name == "landlock":  # there /tmp is the host's, and closed
        folders = "('.', os.environ['TMPDIR'])"
    honest = (
        "import os, json\n"
        "def f(x):\n"
        f"    found = [name for folder in {folders}\n"
        "             if os.access(folder, os.R_OK) for name in os.listdir(folder)]\n"
        "    return [x, len([1, 2]), json.dumps([1]), found]\n"
    )
    [(kind, value)] = told(zygote, honest, "7")
    assert kind == "returned"
    assert value.startswith('["list",[7,2,"[1]",')
    return value, descendants(zygote._started.process.pid)


def is_as_before(zygote: Zygote) -> None:
    """The interpreter serves, nothing runs in there beside it, and nothing was left in the folders."""
    assert state_of(zygote) == BASELINE[zygote]
    assert zygote.is_clean


@pytest.fixture(autouse=True)
def _unharmed(zygote: Zygote) -> Iterator[None]:
    if zygote not in BASELINE:
        BASELINE[zygote] = state_of(zygote)
    yield
    is_as_before(zygote)


RAISES = {
    "recursion": ("def f(x): return f(x)", "RecursionError"),
    "one large allocation": ("def f(x): return len(bytearray(1 << 40))", "MemoryError"),
    "many allocations": ("def f(x):\n held = []\n while True: held.append(bytearray(1 << 22))", "MemoryError"),
    "shared memory": ("import mmap\ndef f(x): return len(mmap.mmap(-1, 1 << 38))", "OSError"),
    "a large file": ("def f(x):\n with open('big', 'wb') as file: file.write(bytes(1 << 22))", "OSError"),
    "sys.exit in a call": ("import sys\ndef f(x): sys.exit(0)", "SystemExit"),
    "sys.exit at the top": ("import sys\nsys.exit(0)\ndef f(x): return x", "SystemExit"),
    "a program that is none": ("def f(x) return x", "SyntaxError"),
    "an interrupt": ("def f(x): raise KeyboardInterrupt", "KeyboardInterrupt"),
    "standard input": ("def f(x): return input()", "EOFError"),
    "raising the limits": (
        "import resource\ndef f(x): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "ValueError",
    ),
    "tracing the parent": (
        "import ctypes, os\n"
        "def f(x):\n"
        " libc = ctypes.CDLL(None, use_errno=True)\n"
        " if libc.ptrace(16, os.getppid(), None, None): raise OSError(ctypes.get_errno(), '')",
        "PermissionError",
    ),
    "the memory of the parent": ("import os\ndef f(x): open(f'/proc/{os.getppid()}/mem', 'rb')", "PermissionError"),
    "a generator that raises": ("def f(x):\n yield 1\n raise KeyError(x)", "KeyError"),
}


@pytest.mark.parametrize("what", RAISES)
def test_what_is_refused_is_an_exception_of_the_candidate(zygote: Zygote, what: str) -> None:
    program, name = RAISES[what]
    assert told(zygote, program) == [("raised", name)]


DIES = {
    "os._exit": "import os\ndef f(x): os._exit(0)",
    "abort": "import os\ndef f(x): os.abort()",
    "a segmentation fault": "import ctypes\ndef f(x): ctypes.string_at(0)",
    "killing itself": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)",
    "a broken type": "import builtins\ndef f(x):\n import ctypes\n ctypes.memset(id(f), 0, 64)\n return f",
}


@pytest.mark.parametrize("what", DIES)
def test_a_process_that_ends_without_a_word_has_died(zygote: Zygote, what: str) -> None:
    assert told(zygote, DIES[what]) == [("died", "")]


HANGS = {
    "a loop": "def f(x):\n while True: pass",
    "a sleep": "import time\ndef f(x): time.sleep(10**6)",
    "a loop at the top": "while True: pass",
    "stopping itself": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)",
    "swallowing everything": "def f(x):\n while True:\n  try:\n   while True: pass\n  except BaseException: pass",
    "ignored signals": (
        "import signal\n"
        "def f(x):\n"
        " for one in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(one, signal.SIG_IGN)\n"
        " while True: pass"
    ),
    "a generator without an end": "def f(x):\n while True: [None for _ in range(10**6)] or (yield 1)\n",
    "a fork bomb": "import os\ndef f(x):\n while True:\n  try: os.fork()\n  except OSError: pass",
    "a fork bomb of sessions": (
        "import os\ndef f(x):\n while True:\n  try:\n   if os.fork() == 0: os.setsid()\n  except OSError: pass"
    ),
    "an expression of text": "import re\ndef f(x): return re.match('(a+)+$', 'a' * 64 + 'b')",
}


@pytest.mark.parametrize("what", HANGS)
def test_what_does_not_end_is_ended(zygote: Zygote, what: str) -> None:
    assert told(zygote, HANGS[what], seconds=0.5) == [("timeout", "")]


RETURNS = {
    "children that wait": (
        "import os, signal\ndef f(x):\n for _ in range(4):\n  if os.fork() == 0: signal.pause()\n return x"
    ),
    "a daemon": (
        "import os, signal\n"
        "def f(x):\n"
        " if os.fork() == 0:\n"
        "  os.setsid()\n"
        "  if os.fork() == 0: signal.pause()\n"
        "  os._exit(0)\n"
        " os.wait()\n"
        " return x"
    ),
    "a child that comes back too": "import os\ndef f(x):\n os.fork()\n return x",
    "a thread": (
        "import threading, time\ndef f(x):\n threading.Thread(target=time.sleep, args=(10**6,)).start()\n return x"
    ),
    "an exit handler that hangs": "import atexit, time\ndef f(x):\n atexit.register(time.sleep, 10**6)\n return x",
    "a flood of output": (
        "import os\ndef f(x):\n for fd in (1, 2): os.write(fd, b'x' * 10**7)\n print('x' * 10**7)\n return x"
    ),
    "files everywhere": (
        "import os\n"
        "def f(x):\n"
        " for place in ('.', '/tmp', '/var/tmp', '/dev/shm', '/', os.path.expanduser('~')):\n"
        "  try: open(os.path.join(place, 'left'), 'w').write('here')\n"
        "  except OSError: pass\n"
        " return x"
    ),
    "a deep folder": (
        "import os\n"
        "def f(x):\n"
        " for _ in range(1500):\n  os.mkdir('d')\n  os.chdir('d')\n"
        " os.mkdir('closed', 0o500)\n open('file', 'w').close()\n os.symlink('/', 'out')\n return x"
    ),
    "a deleted folder": "import os, shutil\ndef f(x):\n shutil.rmtree(os.getcwd(), ignore_errors=True)\n return x",
    "closed descriptors": "import os\ndef f(x):\n os.closerange(0, 1024)\n return x",
    "killing the parent": (
        "import os, signal\n"
        "def f(x):\n"
        " for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):\n"
        "  for process in (os.getppid(), 1, -1):\n"
        "   if number == signal.SIGSTOP and process == -1: continue\n"
        "   try: os.kill(process, number)\n"
        "   except OSError: pass\n"
        " return x"
    ),
    "lines of its own on every descriptor": (
        "import os\n"
        "def f(x):\n"
        " for fd in range(3, 256):\n"
        '  try: os.write(fd, b\'["returned", "9", null]\\n\')\n'
        "  except OSError: pass\n"
        " return x"
    ),
    "environment": "import os\ndef f(x):\n assert set(os.environ) == {'HOME', 'TMPDIR'}, os.environ\n return x",
}


@pytest.mark.parametrize("what", RETURNS)
def test_what_a_candidate_leaves_is_gone_after_it(zygote: Zygote, what: str) -> None:
    assert told(zygote, RETURNS[what], "1", "2")[0] == ("returned", "1")


def test_a_result_that_is_too_large_is_unreadable(zygote: Zygote) -> None:
    assert told(zygote, "def f(x): return 'x' * 10**8") == [("unreadable", "")]
    assert told(zygote, "def f(x): return [[]] * 10**7") == [("unreadable", "")]
    assert told(zygote, "def f(x): return 7 ** (10 ** 6)") == [("unreadable", "")]


LIES = {
    "builtins": "import builtins\nfor name in dir(builtins):\n if name[0] != '_': setattr(builtins, name, None)",
    "json": "import json\njson.dumps = json.loads = json.encoder = lambda *a, **k: 'forged'",
    "modules": "import sys\nsys.modules.clear()",
    "exit": "import os\nos._exit = os.fork = os.getpid = lambda *a: 0",
}


@pytest.mark.parametrize("what", LIES)
def test_a_changed_interpreter_is_the_candidate_s_own(zygote: Zygote, what: str) -> None:
    assert len(told(zygote, f"{LIES[what]}\ndef f(x): return x", "1", "2")) <= 2


OBJECTS = {
    "equal to everything": "def __eq__(self, other): return True",
    "a repr that hangs": "def __repr__(self):\n  while True: pass",
    "a reduce that exits": "def __reduce__(self): raise SystemExit",
    "attributes that raise": "def __getattribute__(self, name): raise SystemExit",
    "a hash and a length": "def __hash__(self): raise SystemExit\n def __len__(self): raise SystemExit",
    "a class that lies": "__class__ = int",
    "an iterator without an end": "def __iter__(self):\n  while True: yield 1",
}


@pytest.mark.parametrize("what", OBJECTS)
def test_an_object_that_lies_is_an_object_of_its_class(zygote: Zygote, what: str) -> None:
    program = f"class Liar:\n {OBJECTS[what]}\ndef f(x): return Liar()"
    assert told(zygote, program) == [("returned", '["object","Liar",[]]')]


def test_a_number_that_lies_is_no_number(zygote: Zygote) -> None:
    program = (
        "class Liar(int):\n def __eq__(self, other): return True\n def __index__(self): return 9\n"
        "def f(x): return Liar(3)"
    )
    assert told(zygote, program) == [("returned", '["object","Liar",[["",3]]]')]


def test_a_candidate_that_forges_its_outcomes_forges_no_other_s(zygote: Zygote) -> None:
    """It shares the process with what writes them, so it can; the next candidate's are its own."""
    program = (
        "import gc, mmap\n"
        "def f(x):\n"
        " for held in gc.get_objects():\n"
        '  if type(held) is mmap.mmap: held.write(b\'["returned", "9", null]\\n\' * 9)\n'
        " return x"
    )
    told(zygote, program)
    assert told(zygote, "def f(x): return x", "5") == [("returned", "5")]


def test_nothing_of_an_earlier_candidate_is_in_the_memory_of_the_next(zygote: Zygote) -> None:
    """A candidate looks for a word, which it is given backwards; what it finds of its own shows that it looks well."""
    told(zygote, "def f(x): return 'that-is-' + 'secret' + x", "'input-of-the-first'")
    program = (
        "import gc\n"
        "def f(word):\n"
        " for held in gc.get_objects():\n"
        "  if type(held) in (list, tuple, dict):\n"
        "   for item in held.values() if type(held) is dict else held:\n"
        "    if type(item) is str and word[::-1] in item or type(item) is bytes and word[::-1].encode() in item:\n"
        "     return True\n"
        " return False"
    )
    for word in ("that-is-secret", "input-of-the-first"):
        assert told(zygote, program, repr(word[::-1])) == [("returned", "false")]
    assert told(zygote, program, repr("import gc"[::-1])) == [("returned", "true")]


def test_no_more_processes_than_allowed_are_there_at_once(zygote: Zygote) -> None:
    program = (
        "import os, signal\n"
        "def f(x):\n"
        " count = 0\n"
        " try:\n"
        "  while count < 100:\n"
        "   if os.fork() == 0: signal.pause()\n"
        "   count += 1\n"
        " except OSError: pass\n"
        " return count <= 20"
    )
    assert told(zygote, program) == [("returned", "true")]
