"""The child process: llama.cpp's own HTTP server on a free loopback port. It is run as a script, not imported.

Standard input brings one JSON line, what to start; it stays open for as long as the parent lives, and its end is the
end of this process, however the parent ended. Standard output says one JSON line, `address` or `error`. The key keeps
other users of this machine, and web pages in their browsers, from using the server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Start the server, say where it listens, and serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; a terminal sends it to both
    report = os.dup(1)
    os.dup2(2, 1)  # what native code prints must not get between the parent and our one line
    wanted = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        server = start(wanted)
        said = {"address": server.listening_address}
    except Exception as exc:  # noqa: BLE001 - whatever it is, the parent says it
        said = {"error": f"{type(exc).__name__}: {exc}"}
    os.write(report, json.dumps(said).encode() + b"\n")
    os.close(report)
    threading.Event().wait()


def start(wanted: dict[str, Any]) -> Any:
    """llama.cpp's server, which serves from threads of its own until the process ends."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = wanted["path"]
    params.model_alias = {wanted["name"]}
    params.n_parallel = wanted["slots"]
    params.n_ctx = wanted["context_length"] * wanted["slots"]  # llama.cpp shares it out among the slots
    params.cpuparams.n_threads = wanted["threads"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [wanted["key"]]
    params.ui = False
    params.endpoint_slots = False  # it shows what others ask
    params.cache_ram_mib = 0  # copies of past prompts; up to 8 GiB of them, and nobody asks the same again
    params.verbosity = 1  # errors only
    return Server(params)


def end_with_parent() -> None:
    """Wait for the end of standard input, and end without waiting for native threads."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
