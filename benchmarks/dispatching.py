"""How much time the conductor adds to what the models take: discovery, the first byte, the last answer, a whole run.

    python benchmarks/dispatching.py [--runs 15] [--no-peers]

Scripted servers in processes of their own stand in for model servers, so that every millisecond more is ours. Targets:
discovery of seven models on two servers in 0.3 s; with eight servers every request within 10 ms of the beginning of
dispatch, and the last answer within 15 ms of the end of the slowest model; a whole `conductor run` in 0.5 s of CPU and
90 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from _measure import (
    CONDUCTOR,
    Cost,
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
from codeconductor.dispatch import Message, Query, dispatch
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from codeconductor.testing.servers import Request

TASK = "Create a simple calculator class"
REPLY_SECONDS = 0.3
"""How long each scripted model takes for its answer."""


def discovery(runs: int) -> tuple[str, ...]:
    """Seven models on two servers, listed by plugins that are loaded already."""
    with ExitStack() as exits:
        ollama = serve(exits, "ollama", "a:1b", "b:2b", "c:3b", "d:4b")
        lmstudio = serve(exits, "lmstudio", "e-1b", "f-2b", "g-3b")

        async def once() -> float:
            overrides = {"providers": {"ollama": {"hosts": [ollama]}, "lmstudio": {"hosts": [lmstudio]}}}
            async with Session.start(overrides=overrides) as session:
                began = time.perf_counter()
                found = await discover(session)
                seconds = time.perf_counter() - began
            assert len([model for model in found.models if model.provider != "llamacpp"]) == 7, found
            return seconds

        seconds = [asyncio.run(once()) for _ in range(runs)]
    return (
        "discovery of 7 models on 2 servers",
        f"{median(seconds) * 1000:.0f} ms",
        f"{max(seconds) * 1000:.0f} ms",
        "300 ms",
    )


def recording_servers(pipe: Connection) -> None:
    """In a process of its own: eight servers; answers each message with the times of the last request and reply."""
    script = ScriptedModel(name="m:1b", reply="x" * 10, chunk=1, pace=REPLY_SECONDS / 10)
    with ExitStack() as exits:
        servers = [exits.enter_context(ScriptedOllama(script)) for _ in range(8)]
        pipe.send([server.host for server in servers])
        while pipe.recv() is not None:
            asked = [server.asked("/api/chat")[-1] for server in servers]
            for server, request in zip(servers, asked, strict=True):  # a client may have read it all before it is noted
                server.wait_until(partial(has_ended, request))
            pipe.send((max(request.at for request in asked), max(request.ended or 0.0 for request in asked)))


def has_ended(request: Request) -> bool:
    return request.ended is not None


def overhead(runs: int) -> list[tuple[str, ...]]:
    """Eight servers with one model each: when their requests arrive, and when the last answer is out."""
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(target=recording_servers, args=(theirs,))
    process.start()
    hosts = pipe.recv()
    first, last = [], []

    async def once() -> None:
        async with Session.start(overrides={"providers": {"ollama": {"hosts": hosts}}}) as session:
            models = [model for model in (await discover(session)).models if model.provider == "ollama"]
            began = time.monotonic()
            async with dispatch(session, models, Query(messages=[Message("user", TASK)])) as arrivals:
                ended = [time.monotonic() async for _ in arrivals]
            assert len(ended) == 8
        pipe.send("asked")
        last_asked, last_ended = pipe.recv()
        first.append(last_asked - began)
        last.append(max(ended) - last_ended)

    for _ in range(runs):
        asyncio.run(once())
    pipe.send(None)
    process.join()
    return [
        ("last of 8 requests has reached its server", milliseconds(median(first)), milliseconds(max(first)), "10 ms"),
        ("last of 8 answers after the slowest model", milliseconds(median(last)), milliseconds(max(last)), "15 ms"),
    ]


def whole_runs(runs: int, *, with_peers: bool) -> None:
    """`conductor run` against eight models of one Ollama, and peers that ask the same server."""
    with ExitStack() as exits:
        names = [f"m{number}:1b" for number in range(8)]
        host = serve(exits, "ollama", *names)
        environment = environment_for(OLLAMA_HOST=host)
        folder = tempfile.mkdtemp(prefix="conductor-project-")
        commands: dict[str, list[str]] = {"conductor run, 8 models": [*CONDUCTOR, "run", TASK]}
        if with_peers:
            commands["llm, 1 model"] = [str(peer()), "-m", f"ollama/{names[0]}", TASK]
            consortium = saved_consortium(names, environment)
            commands["llm consortium, 8 models and arbiter"] = [str(peer()), "-m", consortium, TASK]
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for number in range(runs + 1):
            for name, command in commands.items():
                try:
                    cost = cost_of(command, environment, folder)
                except SystemExit as exc:
                    if number == 0 and name.startswith("llm"):
                        print(f"{name}: cannot be measured here: {str(exc).splitlines()[-1]}")
                        continue
                    if name.startswith("llm"):
                        continue
                    raise
                if number:  # the first one warms
                    costs[name].append(cost)
    rows = [
        (
            name,
            f"{median(cost.cpu for cost in measured):.2f} s",
            f"{median(cost.wall for cost in measured):.2f} s",
            f"{median(cost.memory for cost in measured) / 1e6:.0f} MB",
        )
        for name, measured in costs.items()
        if measured
    ]
    table(f"A whole run, median of {runs} (target: 0.5 s CPU, 90 MB)", ("command", "CPU", "wall", "peak memory"), rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true", help="install nothing")
    options = parser.parse_args()
    os.environ.update(environment_for())
    rows = [discovery(options.runs), *overhead(options.runs)]
    table(f"Overhead, {options.runs} runs", ("what", "median", "worst", "target"), rows)
    whole_runs(options.runs, with_peers=not options.no_peers)


if __name__ == "__main__":
    main()
