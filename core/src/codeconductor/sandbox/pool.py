"""Runs many small programs: a few warm interpreters in a sandbox, and a row of outcomes a program."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codeconductor.sandbox.process import SandboxError
from codeconductor.sandbox.values import Limits, Outcome, OutcomeKind
from codeconductor.sandbox.zygote import Said, Zygote, processors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.sandbox.payload import Sandbox

_MOST_SERVED = 500
"""Candidates after which an interpreter is replaced: what leaks in it ends with it."""

_MOST_AT_ONCE = 8

_RERUNS = 2
"""How often the inputs behind one at which the process ended are tried in a new one."""

_TOLD = frozenset({"returned", "raised", "printed", "died", "absent", "unreadable"})
"""What a process may say of itself, or of a program that it has run; the rest is for others to notice."""


class Pool:
    """Warm interpreters in a sandbox, one a processor, started when they are needed.

    Args:
        sandbox: Where.
        limits: What each program may use; all of its inputs run in one process under one clock of `limits.seconds`.
        size: Interpreters at most; one a processor unless given.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits, *, size: int | None = None) -> None:
        self.sandbox = sandbox
        self.limits = limits
        self._size = size or min(_MOST_AT_ONCE, processors())
        self._executor = ThreadPoolExecutor(self._size, thread_name_prefix="sandbox")
        self._idle: queue.SimpleQueue[Zygote] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: set[Zygote] = set()
        self._closed = False

    async def run(self, programs: Sequence[str], inputs: Sequence[str], entry_point: str) -> list[list[Outcome]]:
        """A row of outcomes a program, in the order of the inputs.

        When a process ends or its time is over at an input, the inputs after it are run in a new one with half the
        time, at most twice; what is then left is told as that input was. Random numbers are the same for all programs;
        a program that is given again has others the second time, which shows one that depends on them.

        Args:
            programs: Whole Python sources.
            inputs: For an entry point, the source of the call's arguments as it stands between the parentheses; for
                a whole program, its standard input.
            entry_point: A function's name, ``Solution().method``, or empty for a whole program.

        Raises:
            SandboxError: The sandbox does not work any more.
        """
        loop = asyncio.get_running_loop()
        seen: Counter[str] = Counter()
        jobs = []
        for program in programs:
            jobs.append(
                loop.run_in_executor(self._executor, self._row, program, list(inputs), entry_point, seen[program])
            )
            seen[program] += 1
        return list(await asyncio.gather(*jobs))

    async def aclose(self) -> None:
        """End everything that runs, and remove what it left."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        await asyncio.to_thread(self._end, running)

    def _end(self, running: Sequence[Zygote]) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        for zygote in running:
            zygote.close()
        self._executor.shutdown(wait=True)

    def _row(self, program: str, inputs: list[str], entry_point: str, state: int) -> list[Outcome]:
        outcomes: list[Outcome] = []
        seconds = self.limits.seconds
        for _ in range(1 + _RERUNS):
            if len(outcomes) == len(inputs):
                break
            left = inputs[len(outcomes) :]
            work = {
                "program": program,
                "inputs": left,
                "entry_point": entry_point,
                "output": self.limits.output,
                "state": state,
            }
            said = self._say(work, seconds, len(left) * (4 * self.limits.output + 1024))
            told = _outcomes(said.lines, len(left))
            outcomes += told
            if len(told) < len(left):
                outcomes.append(Outcome(_ending(said, told)))
            seconds /= 2
        last = outcomes[-1] if outcomes else Outcome("died")
        return outcomes + [last] * (len(inputs) - len(outcomes))

    def _say(self, work: object, seconds: float, most: int) -> Said:
        """One process; the sandbox's own failure is tried once more in a new one, and is then the program's doing."""
        for _ in range(2):
            zygote = self._take()
            try:
                said = zygote.run(work, seconds=seconds, most=most)
            except SandboxError:
                self._drop(zygote)
            except BaseException:
                self._drop(zygote)
                raise
            else:
                if zygote.is_clean and zygote.served < _MOST_SERVED:
                    self._idle.put(zygote)
                else:
                    self._drop(zygote)
                return said
        return Said(lines=(), status=-9, timed_out=False)

    def _take(self) -> Zygote:
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        zygote = Zygote(self.sandbox, self.limits)
        with self._lock:
            if not self._closed:
                self._running.add(zygote)
                return zygote
        zygote.close()
        raise SandboxError("the session has ended")

    def _drop(self, zygote: Zygote) -> None:
        with self._lock:
            self._running.discard(zygote)
        zygote.close()


def _outcomes(lines: Sequence[bytes], most: int) -> list[Outcome]:
    """What the lines tell, up to the first that tells nothing; too many of them tell nothing at all."""
    if len(lines) > most:
        return [Outcome("unreadable")] * most
    outcomes: list[Outcome] = []
    for line in lines:
        outcome = _outcome(line)
        if outcome is None:
            return outcomes
        outcomes.append(outcome)
    return outcomes


def _outcome(line: bytes) -> Outcome | None:
    try:
        kind, value, arguments = json.loads(line)
        if kind not in _TOLD or not isinstance(value, str) or not isinstance(arguments, str | None):
            return None
        if kind == "returned":
            json.loads(value, parse_constant=_refused)
        if arguments is not None:
            json.loads(arguments, parse_constant=_refused)
    except (ValueError, TypeError, RecursionError):
        return None
    return Outcome(kind, value, arguments)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _ending(said: Said, told: Sequence[Outcome]) -> OutcomeKind:
    """How the process came to say no more."""
    if len(told) < len(said.lines):
        return "unreadable"
    return "timeout" if said.timed_out else "died"
