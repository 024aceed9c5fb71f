"""The parent's side of the child process in which llama.cpp serves: started once a session, and ended with it.

A crash in native code costs only the child, and its memory goes back when it ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import tempfile
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import attrs
from codeconductor import ProviderError, frozen

_CHILD = Path(__file__).with_name("_child.py")

_LAST_WORDS = 64 * 1024
"""Bytes of the child's log that are searched for the reason of its end."""

_PARTING = 1.0
"""Seconds between a connection that breaks and the end of the process that held it."""


@frozen(kw_only=True)
class Wanted:
    """What to serve: a GGUF file under a name, with so many tokens for each of its slots."""

    path: str
    name: str
    slots: int
    threads: int
    context_length: int


class EmbeddedServer:
    """A llama.cpp server in a child process of its own.

    Attributes:
        key: What a client has to show.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.key = secrets.token_hex(16)
        self._wanted = wanted
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `aclose`
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[str] | None = None

    async def address(self) -> str:
        """Its base address, once it is ready; whoever asks first starts it, and all wait for the same start.

        Raises:
            ProviderError: It could not be started, or has ended since.
        """
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        address = await asyncio.shield(self._starting)  # who no longer waits does not end it for the others
        if self._process is not None and self._process.returncode is not None:
            raise self._ended()
        return address

    async def _start(self) -> str:
        wanted = attrs.asdict(self._wanted) | {"key": self.key}
        try:
            # -P: a file xllamacpp.py in the current folder is not what we mean
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-P", str(_CHILD), stdin=PIPE, stdout=PIPE, stderr=self._log
            )
        except OSError as exc:
            raise ProviderError(f"no process can be started for the embedded model: {exc}", kind="server") from exc
        self._process = child
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(ConnectionError):  # it ended already: there is no line to read then
            child.stdin.write(json.dumps(wanted).encode() + b"\n")
            await child.stdin.drain()
        line = await child.stdout.readline()
        if not line:
            await child.wait()
            raise self._ended()
        said: dict[str, str] = json.loads(line)
        if "error" in said:
            raise ProviderError(
                f"llama.cpp cannot load {self._wanted.path}: {self._last_words() or said['error']}",
                kind="server",
                hint="is the file complete, and is there memory for it? [providers.llamacpp] model names another one",
            )
        return said["address"]

    async def fault(self) -> ProviderError | None:
        """Why nobody answers there any more; None: the process still runs, so it is something else."""
        if self._process is None:
            return None
        try:
            async with asyncio.timeout(_PARTING):
                await self._process.wait()
        except TimeoutError:
            return None
        return self._ended()

    def _ended(self) -> ProviderError:
        assert self._process is not None
        code = self._process.returncode
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        words = self._last_words()
        return ProviderError(
            f"the process of the embedded model {how}" + (f": {words}" if words else ""),
            kind="server",
            hint="ask again; if it happens again, take a smaller model or context_length in [providers.llamacpp]",
        )

    def _last_words(self) -> str:
        """The first error in the child's log, which is the cause of those after it; else its last line."""
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - _LAST_WORDS))
        lines = [line.strip() for line in self._log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        errors = [match[1] for line in lines if (match := re.match(r"[\d.]+ E (?:\S+ +)?\S+: (.*)", line))]
        return next(iter(errors), lines[-1] if lines else "")

    async def aclose(self) -> None:
        """End the process, whatever it does; there is nothing in it to save."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.communicate()
        self._log.close()
