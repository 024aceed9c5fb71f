"""What a coder cannot get its code through with: each of these left the given tests failing, and none is green."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.test_cli_build import TEST, WRONG, build, project, use_coder, writes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

__all__ = ["project"]

FIRST_ALONE = "def pytest_collection_modifyitems(items):\n    del items[1:]\n"
GIVEN = "from calc import add\n\n\ndef test_first():\n    pass\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"

CARGO = '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n'


def refused(conductor: CommandLine, project: Path, program: str, *options: str) -> dict[str, Any]:
    """Build with a coder that does this; the tests fail, and the folder is as it was."""
    use_coder(conductor, program)
    document = build(conductor, "--rounds", "1", *options, code=7)
    assert (document["outcome"], document["applied"]) == ("failed", False)
    assert (project / "calc.py").read_text() == WRONG
    return document


@pytest.mark.parametrize("outside", [False, True], ids=["tests of the folder", "tests from elsewhere"])
def test_it_does_not_choose_the_runner(conductor: CommandLine, project: Path, outside: bool) -> None:
    """Files of another language beside the project's do not have its tests run by another program."""
    options: tuple[str, ...] = ()
    if outside:
        (project / "test_calc.py").unlink()
        options = ("--tests", str(conductor.write("../given/test_calc.py", TEST)))
    program = (
        "import os\nos.makedirs('src')\n"
        f"open('Cargo.toml', 'w').write({CARGO!r})\n"
        "open('src/lib.rs', 'w').write('#[test]\\nfn fine() {}\\n')\n"
    )
    document = refused(conductor, project, program + writes(calc__py=WRONG + "# more\n"), *options)
    (one,) = document["rounds"]
    assert one["verification"]["runner"] == "pytest"


@pytest.mark.parametrize("folder", ["zz-1.0.dist-info", "zz.egg-info"])
def test_a_plugin_of_a_distribution_that_it_lays_down_is_left_out(
    conductor: CommandLine, project: Path, folder: str
) -> None:
    """pytest would find it by its metadata."""
    (project / "test_calc.py").write_text(GIVEN)
    program = (
        f"import os\nos.makedirs({folder!r})\n"
        f"open({folder + '/entry_points.txt'!r}, 'w').write('[pytest11]\\nzz = zzplug\\n')\n"
        f"open({folder + '/METADATA'!r}, 'w').write('Name: zz\\nVersion: 1.0\\n')\n"
        f"open('zzplug.py', 'w').write({FIRST_ALONE!r})\n"
    )
    document = refused(conductor, project, program + writes(calc__py=WRONG + "# more\n"))
    assert any("can decide whether tests pass" in warning for warning in document["warnings"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\naddopts = -p helper\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["-p", "helper"]\n'),
        ("conftest.py", 'pytest_plugins = ["helper"]\n'),
    ],
)
def test_a_plugin_of_the_projects_own_is_as_it_was(conductor: CommandLine, project: Path, name: str, text: str) -> None:
    """What its configuration names is loaded into its tests, and counts as configuration too."""
    (project / "test_calc.py").write_text(GIVEN)
    (project / name).write_text(text)
    (project / "helper.py").write_text("")
    program = f"open('helper.py', 'w').write({FIRST_ALONE!r})\n" + writes(calc__py=WRONG + "# more\n")
    document = refused(conductor, project, program)
    assert any("'helper.py' can decide" in warning for warning in document["warnings"])
