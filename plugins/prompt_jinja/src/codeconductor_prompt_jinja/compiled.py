"""Keeps our own templates compiled, beside them in `__pycache__`, as Python keeps modules.

Compiling costs more than half of a process's first prompt. Users' templates are compiled anew in each process, so that
nothing is written outside of this package.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache  # noqa: TID253 - imported only where a prompt is written

from codeconductor_prompt_jinja.lookup import BUILTIN

if TYPE_CHECKING:
    from jinja2.bccache import Bucket


class CompiledTemplates(BytecodeCache):
    """What cannot be read is compiled anew, and what cannot be written is left."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Where the compiled template is kept; empty for what is not ours."""
        path = Path(filename or name)
        return cache_from_source(str(path)) if path.parent == BUILTIN else ""

    def get_source_checksum(self, source: str) -> str:
        """Of all that decides what a template is compiled to; Jinja's and Python's versions are checked by Jinja."""
        compiler = Path(__file__).with_name("sandbox.py").read_bytes()
        return sha256(compiler + source.encode("utf-8")).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key:
            try:
                with Path(bucket.key).open("rb") as file:
                    bucket.load_bytecode(file)
            except Exception:  # noqa: BLE001 - it is missing or broken in whatever way: the template is compiled
                bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.key and not sys.dont_write_bytecode:
            path = Path(bucket.key)
            with suppress(OSError):  # a folder that cannot be written, a full disk
                path.parent.mkdir(parents=True, exist_ok=True)
                partial = path.with_name(f"{path.name}.{os.getpid()}")
                partial.write_bytes(bucket.bytecode_to_string())
                partial.replace(path)
