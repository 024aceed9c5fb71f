"""What `conductor serve` adds: to asking one model directly, to the slowest of a team of eight, and to memory.

Scripted servers stand for the models, so that only the overhead is measured. All in one run, in turn, so that a
drifting machine hits both alike:

    python benchmarks/serving.py [--requests N] [--memory N]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI

SLOWEST = 0.3
"""Seconds that the slowest of the eight takes to begin."""

CHAT = "/v1/chat/completions"


class Client:
    """One kept connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def seconds(self, model: str, *, stream: bool = False) -> float:
        """Of one request to the end of its reply."""
        body = {"model": model, "messages": [{"role": "user", "content": "Say a word."}], "stream": stream}
        began = time.perf_counter()
        self._connection.request("POST", CHAT, json.dumps(body), {"content-type": "application/json"})
        reply = self._connection.getresponse()
        said = reply.read()
        assert reply.status == 200, said
        return time.perf_counter() - began


def memory_of(pid: int) -> float:
    """MiB that a process has in memory; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has ended")


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--requests", type=int, default=200, help="to one model, each way (default %(default)s)")
    options.add_argument("--memory", type=int, default=5000, help="requests while memory is watched (default 5000)")
    asked = options.parse_args()
    quick = ScriptedModel(name="quick", reply="word", chunk=0)
    team = [ScriptedModel(name=f"m{number}", reply="word", chunk=0) for number in range(7)]
    team.append(ScriptedModel(name="slow", reply="word", chunk=0, delay=SLOWEST))
    with (
        tempfile.TemporaryDirectory() as home,
        ScriptedOpenAI(quick, flavour="vllm") as alone,
        ScriptedOpenAI(*team, flavour="vllm") as eight,
    ):
        environment = os.environ | {
            "HOME": home,
            "CONDUCTOR_HOME": home,
            "XDG_CONFIG_HOME": home,
            "CONDUCTOR_PLUGINS__DISABLED": "ollama,lmstudio,llamacpp,replay",
        }
        for hosts, measure in ((alone.host, _one_model), (eight.host, _team)):
            environment["CONDUCTOR_PROVIDERS__OPENAI_COMPATIBLE__HOSTS"] = hosts
            with subprocess.Popen(
                [sys.executable, "-m", "codeconductor", "serve", "--port", "0"],
                cwd=home,
                env=environment,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            ) as served:
                assert served.stderr is not None
                url = served.stderr.readline().split()[-1]
                try:
                    measure(url, hosts, served.pid, asked)
                finally:
                    served.terminate()


def _one_model(url: str, host: str, pid: int, asked: argparse.Namespace) -> None:
    direct, through = Client(host), Client(url)
    name = "openai_compatible/quick"
    for _ in range(10):
        direct.seconds("quick", stream=True)
        through.seconds(name)
    rows = [(direct.seconds("quick", stream=True), through.seconds(name, stream=True)) for _ in range(asked.requests)]
    plain, added = statistics.median(row[0] for row in rows), statistics.median(b - a for a, b in rows)
    print(f"one model, streamed: {plain * 1000:.1f} ms directly, {added * 1000:+.1f} ms through serve (median)")
    if not Path("/proc/self/status").exists():
        return
    step = max(1, asked.memory // 5)
    seen = []
    for number in range(asked.memory):
        through.seconds("conductor" if number % 2 else name)
        if (number + 1) % step == 0:
            seen.append(f"{memory_of(pid):.1f}")
    print(f"memory after each {step} requests, half of them to the team: {', '.join(seen)} MiB")


def _team(url: str, host: str, _pid: int, _asked: argparse.Namespace) -> None:
    through, direct = Client(url), Client(host)
    for _ in range(3):
        through.seconds("conductor/majority")
    rows = [(direct.seconds("slow", stream=True), through.seconds("conductor/majority")) for _ in range(20)]
    whole, added = statistics.median(row[1] for row in rows), statistics.median(b - a for a, b in rows)
    print(f"team of eight: {whole * 1000:.1f} ms, {added * 1000:+.1f} ms beyond the slowest (median)")


if __name__ == "__main__":
    main()
