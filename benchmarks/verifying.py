"""What `verify` adds to the bare runner in CPU, and how long a copy of 20,000 files takes: prints a table."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from codeconductor import Session, verify
from codeconductor.handover import copy_folder

REPEATS = 3


def cpu() -> float:
    """Seconds of CPU of this process and of all that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run_bare(folder: Path) -> None:
    """Run pytest as a person does."""
    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=folder, check=True, capture_output=True)


async def added(folder: Path) -> tuple[float, float]:
    """The least CPU of the bare runner, and of `verify`."""
    bare, ours = [], []
    async with Session.start(folder) as session:
        await verify(session, folder)  # the sandbox is attacked once
        for _ in range(REPEATS):
            before = cpu()
            run_bare(folder)
            middle = cpu()
            await verify(session, folder)
            bare.append(middle - before)
            ours.append(cpu() - middle)
    return min(bare), min(ours)


def copying(folder: Path) -> tuple[float, float]:
    """The least seconds, and of CPU in them, for 20,000 files of 1 kB in 200 folders."""
    source = folder / "source"
    for place in range(200):
        inner = source / str(place % 10) / str(place)
        inner.mkdir(parents=True)
        for name in range(100):
            (inner / f"{name}.py").write_bytes(b"x" * 1000)
    (source / ".gitignore").write_text("*.pyc\nbuild/\n")
    seconds = []
    for number in range(2):
        start, before = time.perf_counter(), time.process_time()
        copy_folder(source, folder / str(number), most=2**30)
        seconds.append((time.perf_counter() - start, time.process_time() - before))
    return min(seconds)


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "project")
        folder.mkdir()
        (folder / "test_a.py").write_text(
            "import pytest\n@pytest.mark.parametrize('n', range(50))\ndef test(n): pass\n"
        )
        bare, ours = asyncio.run(added(folder))
        print(f"bare pytest    {bare:.2f} s CPU")
        print(f"verify         {ours:.2f} s CPU, {ours / bare:.2f} times; adds {ours - bare:.2f} s (at most 0.4)")
        seconds, busy = copying(Path(name))
        print(f"20,000 files   {seconds:.2f} s, {busy:.2f} s of it CPU (at most 2)")


if __name__ == "__main__":
    main()
