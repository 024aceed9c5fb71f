"""One Ollama with 1 to 64 models, one more of which hangs: the last answer, and a whole run beside a peer's.

    python benchmarks/many_models.py [--runs 5] [--no-peers]

Targets: the last answer at most 15 ms after the slowest of 8 models, and 60 ms after the slowest of 64; a model that
hangs costs its time limit, to within the same; a host that is down costs nothing beside one that is up.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from _measure import (
    CONDUCTOR,
    cost_of,
    environment_for,
    median,
    milliseconds,
    peer,
    saved_consortium,
    serve,
    table,
)
from codeconductor import Session, discover
from codeconductor.dispatch import Limits, Message, Query, dispatch
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, refusing_host, silence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

TASK = "Create a simple calculator class"
COUNTS = (1, 4, 8, 16, 64)
HUNG = "hung:1b"
LIMIT = 2.0
"""Seconds that a model may take, in the runs with one that hangs."""

PATIENCE = 20.0
"""Seconds after which a peer that has not ended is given up."""

_GIVEN_UP = 124
"""What `timeout` ends with then."""

_REPLY_SECONDS = 0.5


def recording_server(pipe: Connection, count: int) -> None:
    """In a process of its own: one server; answers each message with the time at which its last reply was over."""
    script = [ScriptedModel(name=f"m{n}:1b", reply="x" * 10, chunk=1, pace=_REPLY_SECONDS / 10) for n in range(count)]
    with ScriptedOllama(*script, ScriptedModel(name=HUNG, fault=silence())) as server:
        pipe.send(server.host)
        while pipe.recv() is not None:
            pipe.send(max(request.ended or 0 for request in server.asked("/api/chat") if request.outcome == "answered"))


def overhead(count: int, runs: int) -> tuple[str, ...]:
    """The last answer after the slowest model, and what a model that hangs costs beyond its limit."""
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(target=recording_server, args=(theirs, count))
    process.start()
    host = pipe.recv()
    late, beyond = [], []

    async def once(*, hangs: bool) -> float:
        async with Session.start(overrides={"providers": {"ollama": {"hosts": [host]}}}) as session:
            found = [model for model in (await discover(session)).models if model.provider == "ollama"]
            models = [model for model in found if hangs or model.name != HUNG]
            began = time.monotonic()
            query = Query(messages=[Message("user", TASK)])
            async with dispatch(session, models, query, limits=Limits(timeout=LIMIT)) as arrivals:
                ended = [time.monotonic() async for _ in arrivals]
            assert len(ended) == len(models)
            return max(ended) if not hangs else max(ended) - began

    for _ in range(runs):
        last = asyncio.run(once(hangs=False))
        pipe.send("ended?")
        late.append(last - pipe.recv())
        beyond.append(asyncio.run(once(hangs=True)) - LIMIT)
    pipe.send(None)
    process.join()
    target = {8: "15 ms", 64: "60 ms"}.get(count, "")
    return (str(count), milliseconds(median(late)), milliseconds(max(late)), milliseconds(median(beyond)), target)


def dead_host(runs: int) -> tuple[str, ...]:
    """Discovery of a server beside a host that is down, and of the server alone."""

    async def seconds(hosts: Sequence[str]) -> float:
        overrides = {"providers": {"ollama": {"hosts": hosts}}}
        async with Session.start(overrides=overrides) as session:
            began = time.perf_counter()
            await discover(session)
            return time.perf_counter() - began

    with ExitStack() as exits, refusing_host() as dead:
        live = serve(exits, "ollama", "m0:1b")
        asyncio.run(seconds([live]))  # warms
        pairs = [(asyncio.run(seconds([live])), asyncio.run(seconds([live, dead]))) for _ in range(runs)]
    return tuple(milliseconds(median(column)) for column in zip(*pairs, strict=True))


def whole_runs(count: int, runs: int, *, with_peers: bool) -> list[tuple[str, ...]]:
    """`conductor run` and `llm consortium`, over models that all answer, and over these and one that hangs."""
    rows: list[tuple[str, ...]] = []
    names = [f"m{number}:1b" for number in range(count)]
    for hangs in (False, True):
        with ExitStack() as exits:
            hung = [f"{HUNG},fault=silence"] if hangs else []
            host = serve(exits, "ollama", *names, *hung)
            environment = environment_for(OLLAMA_HOST=host)
            folder = tempfile.mkdtemp(prefix="conductor-project-")
            limit = ["--timeout", str(LIMIT)] if hangs else []
            commands = {"conductor run": [*CONDUCTOR, "run", *limit, TASK]}
            if with_peers:
                asked = [*names, HUNG] if hangs else names
                commands["llm consortium"] = [str(peer()), "-m", saved_consortium(asked, environment), TASK]
            for name, command in commands.items():
                what = (str(count) + (" + 1 that hangs" if hangs else ""), name)
                try:
                    costs = [cost_of(limited(command), environment, folder) for _ in range(runs)]
                except SystemExit as exc:
                    is_late = f"ended with {_GIVEN_UP}:" in str(exc)
                    rows.append((*what, f"not done in {PATIENCE:g} s" if is_late else "failed", ""))
                    continue
                wall, cpu = (median(values) for values in ([c.wall for c in costs], [c.cpu for c in costs]))
                rows.append((*what, f"{wall:.2f} s", f"{cpu:.2f} s"))
    return rows


def limited(command: Sequence[str]) -> list[str]:
    """A command that is ended when it takes too long."""
    return ["timeout", str(PATIENCE), *command]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="install nothing")
    options = parser.parse_args()
    os.environ.update(environment_for())
    table(
        f"The last answer, {options.runs} runs",
        ("models", "after the slowest", "worst", "one hangs: beyond its limit", "target"),
        [overhead(count, options.runs) for count in COUNTS],
    )
    table("Discovery", ("one host", "and one that is down"), [dead_host(options.runs)])
    rows = [row for count in COUNTS for row in whole_runs(count, options.runs, with_peers=not options.no_peers)]
    table(f"Whole runs, median of {options.runs}; models answer at once", ("models", "command", "wall", "CPU"), rows)


if __name__ == "__main__":
    main()
