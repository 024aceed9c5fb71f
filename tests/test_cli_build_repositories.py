"""`conductor verify` and `build` in projects that have submodules and other repositories within, or around, them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.test_cli_build import RIGHT, TEST, WRONG, build, project, use_coder, writes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

__all__ = ["project"]

READS = "from pathlib import Path\n\n\ndef test_data():\n    assert Path('lib/data.log').read_text() == 'kept'\n"


def git(folder: Path, *arguments: str) -> str:
    """Run git there, with nobody's settings; gives what it says."""
    settings = ["user.name=n", "user.email=e@example.org", "protocol.file.allow=always", "core.excludesFile="]
    flags = [flag for setting in settings for flag in ("-c", setting)]
    run = subprocess.run(["git", "-C", str(folder), *flags, *arguments], check=True, capture_output=True, text=True)
    return run.stdout


@pytest.fixture
def nested(conductor: CommandLine, project: Path) -> Path:
    """The project as a repository that ignores logs, with a submodule that tracks one, and one that nobody tracks."""
    library = conductor.home / "library"
    library.mkdir()
    (library / "data.log").write_text("kept")
    (library / "calc.py").write_text(WRONG)
    for folder in (library, project, project / "own"):
        folder.mkdir(exist_ok=True)
        git(folder, "init", "-q")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "library")
    (project / ".gitignore").write_text("*.log\n")
    (project / "own" / "own.py").write_text("x = 1\n")
    git(project, "submodule", "--quiet", "add", str(library), "lib")
    (project / "test_calc.py").write_text(TEST.replace("from calc", "from lib.calc") + READS)
    git(project, "add", ".gitmodules", "lib", "calc.py", "test_calc.py")
    git(project, "commit", "-q", "-m", "project")
    return project


def test_code_in_a_submodule_is_tested_and_applied(conductor: CommandLine, nested: Path) -> None:
    """Nothing in any repository is touched, and the patch is one that git applies in the work tree."""
    program = f"pathlib.Path('lib/calc.py').write_text({RIGHT!r})\npathlib.Path('own/new.log').write_text('x')\n"
    use_coder(conductor, program)
    before = [git(folder, "rev-parse", "HEAD") for folder in (nested, nested / "lib")]
    verified = conductor("verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["passed"]) == (7, 1), verified.stderr
    document = build(conductor)
    assert [file["path"] for file in document["rounds"][0]["files"]] == ["lib/calc.py", "own/new.log"]
    assert document["rounds"][0]["verification"]["passed"] == 2
    assert (nested / "lib" / "calc.py").read_text() == RIGHT
    assert (nested / "own" / "new.log").read_text() == "x"
    assert [git(folder, "rev-parse", "HEAD") for folder in (nested, nested / "lib")] == before
    git(nested / "lib", "checkout", "-q", "calc.py")
    (nested / "own" / "new.log").unlink()
    git(nested, "apply", document["patch"])
    assert (nested / "lib" / "calc.py").read_text() == RIGHT


def test_a_coder_that_makes_a_repository_leaves_none_in_the_folder(conductor: CommandLine, project: Path) -> None:
    """What it has put into one is its own; the files beside it count."""
    program = "import subprocess\nsubprocess.run(['git', 'init', '-q', 'sub'], check=True)\n"
    use_coder(conductor, program + writes(calc__py=RIGHT) + "pathlib.Path('sub/a.py').write_text('x = 1\\n')\n")
    document = build(conductor)
    assert [file["path"] for file in document["rounds"][0]["files"]] == ["calc.py", "sub/a.py"]
    assert any("'sub/.git' is left out" in warning for warning in document["warnings"])
    assert [path.name for path in (project / "sub").iterdir()] == ["a.py"]


def test_a_repository_around_our_own_folder_has_no_say(conductor: CommandLine, project: Path) -> None:
    """Whose home is a repository that ignores all else keeps our data in it too: what is tested is all there."""
    conductor.data.mkdir()
    git(conductor.data, "init", "-q")
    (conductor.data / ".gitignore").write_text("*\n")
    use_coder(conductor, writes(calc__py=RIGHT))
    assert build(conductor)["rounds"][0]["verification"]["passed"] == 1
