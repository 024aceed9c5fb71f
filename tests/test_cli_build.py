"""`conductor build`: every outcome of the contract, with a scripted program as the coder."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import CommandLine

TASK = "Write a function add(a, b) in calc.py that returns the sum of two numbers"
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"


@pytest.fixture
def project(conductor: CommandLine) -> Iterator[Path]:
    """A project with a wrong function and a test of it; one model is in reach."""
    conductor.write("calc.py", WRONG)
    conductor.write("test_calc.py", TEST)
    with ScriptedOllama("small:1b") as server:
        conductor.reach(server)
        yield conductor.folder


def use_coder(conductor: CommandLine, *programs: str, name: str = "scribe", **settings: object) -> None:
    """Have a coder whose program does one of these in each of its rounds, the last one in all further ones.

    Args:
        conductor: Whose user file names it.
        programs: Python sources; they start in the copy.
        name: What `--coder` takes.
        settings: Further settings of it.
    """
    script = conductor.home / f"{name}.py"
    count = conductor.home / f"{name}.count"
    script.write_text(
        "import pathlib, sys\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "turn = int(count.read_text()) if count.exists() else 0\n"
        "count.write_text(str(turn + 1))\n"
        f"programs = {list(programs)!r}\n"
        "exec(programs[min(turn, len(programs) - 1)])\n",
        encoding="utf-8",
    )
    table = {"argv": [sys.executable, str(script), "{prompt_file}"], **settings}
    lines = [f"[coders.command.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    file = conductor.home / ".config" / "conductor" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def turns(conductor: CommandLine, name: str = "scribe") -> int:
    """How often the coder was started."""
    count = conductor.home / f"{name}.count"
    return int(count.read_text(encoding="utf-8")) if count.exists() else 0


def writes(**files: str) -> str:
    """A program that writes files; `calc__py` is `calc.py`."""
    return "".join(
        f"pathlib.Path({name.replace('__', '.')!r}).write_bytes({text.encode()!r})\n" for name, text in files.items()
    )


def build(
    conductor: CommandLine, *options: str, code: int = 0, yes: bool = True, coder: str = "scribe"
) -> dict[str, Any]:
    """Run a build that must end with this exit code; gives its document."""
    given: Sequence[str] = ("--yes",) if yes else ()
    done = conductor("build", "--coder", coder, "--json", *given, *options, TASK)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert [line.split(":")[0] for line in done.stderr.splitlines()[-2:]] == ["Error", "Hint"], done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["schema"] == "conductor.build/1"
    return document


def test_code_that_passes_its_tests_is_applied(conductor: CommandLine, project: Path) -> None:
    """Outcome `passed`, exit 0: the folder has the change, the document tells all, and the patch is saved."""
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor)
    assert (document["outcome"], document["applied"], document["coder"]) == ("passed", True, "scribe")
    (one,) = document["rounds"]
    assert one["files"] == [{"path": "calc.py", "action": "changed"}]
    assert one["approval"] == {**one["approval"], "decision": "approved", "by": "--yes", "edited": False}
    assert (one["verification"]["passed"], one["error"]) == (1, None)
    assert (project / "calc.py").read_text() == RIGHT
    assert "schema" not in document["run"]
    assert document["run"]["id"] == document["id"]
    (project / "calc.py").write_text(WRONG)
    subprocess.run(["git", "apply", document["patch"]], cwd=project, check=True)
    assert (project / "calc.py").read_text() == RIGHT


def test_failures_go_back_until_the_tests_pass(conductor: CommandLine, project: Path) -> None:
    """A later round is given what failed, and the diff is always against the start."""
    keep = "import shutil\nshutil.copy(sys.argv[1], {!r})\n".format(str(conductor.home / "prompt.md"))
    use_coder(
        conductor,
        writes(calc__py="def add(a, b):\n    return a * b\n"),
        keep + writes(calc__py=RIGHT),
    )
    document = build(conductor)
    assert [one["verification"]["failed"] for one in document["rounds"]] == [1, 0]
    assert "-    return a - b\n+    return a + b\n" in document["rounds"][1]["diff"]
    prompt = (conductor.home / "prompt.md").read_text()
    assert "What came of round 1" in prompt
    assert "test_add" in prompt
    assert "assert 6 == 5" in prompt


def test_tests_that_fail_in_every_round_end_with_7(conductor: CommandLine, project: Path) -> None:
    """Outcome `failed`, exit 7 after as many rounds as were asked for; the folder is as it was."""
    use_coder(conductor, *(writes(calc__py=f"def add(a, b):\n    return {n}\n") for n in range(10, 20)))
    document = build(conductor, "--rounds", "2", code=7)
    assert (document["outcome"], document["applied"], len(document["rounds"])) == ("failed", False, 2)
    assert (project / "calc.py").read_text() == WRONG
    assert document["patch"]


def test_the_same_failure_twice_ends_a_build_early(conductor: CommandLine, project: Path) -> None:
    """A coder that only turns in circles is not asked a third time."""
    use_coder(conductor, *(writes(calc__py=f"# try {n}\ndef add(a, b):\n    return 7\n") for n in range(5)))
    document = build(conductor, "--rounds", "5", code=7)
    assert len(document["rounds"]) == 2
    assert any("same failure" in warning for warning in document["warnings"])


def test_a_later_round_without_a_change_ends_with_7(conductor: CommandLine, project: Path) -> None:
    """Nothing more was changed: the build has failed."""
    use_coder(conductor, writes(calc__py="def add(a, b):\n    return 7\n"), "pass")
    document = build(conductor, code=7)
    assert document["outcome"] == "failed"
    assert [one["verification"] is None for one in document["rounds"]] == [False, True]


def test_without_a_terminal_nothing_is_run_unless_it_is_approved_beforehand(
    conductor: CommandLine, project: Path
) -> None:
    """Outcome `rejected`, decision `not_asked`, exit 6; the document is printed and the hint names `--yes`."""
    use_coder(conductor, writes(calc__py="import os\nos.mkdir('/tmp/never')\n"))
    done = conductor("build", "--coder", "scribe", "--json", TASK)
    assert done.returncode == 6, done.stderr
    document = json.loads(done.stdout)
    (one,) = document["rounds"]
    assert (document["outcome"], one["approval"]["decision"], one["verification"]) == ("rejected", "not_asked", None)
    assert "--yes" in done.stderr.splitlines()[-1]
    assert (project / "calc.py").read_text() == WRONG


def test_a_coder_that_changes_nothing_ends_with_4(conductor: CommandLine, project: Path) -> None:
    """Outcome `no_change`: it says that all is well, and has done nothing."""
    use_coder(conductor, "print('Done! I fixed everything.')")
    document = build(conductor, code=4)
    assert (document["outcome"], document["patch"]) == ("no_change", None)
    assert document["rounds"][0]["files"] == []


@pytest.mark.parametrize(
    ("program", "settings", "kind"),
    [
        ("sys.exit(3)", {}, "exit"),
        ("import time\ntime.sleep(600)", {"timeout": 0.5}, "timeout"),
        ("", {"argv": ["no-such-program-here"]}, "missing"),
    ],
)
def test_a_coder_that_fails_ends_with_4(
    conductor: CommandLine, project: Path, program: str, settings: dict[str, Any], kind: str
) -> None:
    """Outcome `coder_failed`: an exit that is not 0, a timeout, or a missing program, and no diff."""
    use_coder(conductor, program, **settings)
    document = build(conductor, code=4)
    assert document["outcome"] == "coder_failed"
    assert document["rounds"][0]["error"]["kind"] == kind


def test_a_diff_counts_whatever_the_coder_says(conductor: CommandLine, project: Path) -> None:
    """A coder that fails after it has written is judged by what it wrote."""
    use_coder(conductor, writes(calc__py=RIGHT) + "sys.exit(1)")
    assert build(conductor)["outcome"] == "passed"


def test_a_file_that_changed_meanwhile_is_a_conflict(conductor: CommandLine, project: Path) -> None:
    """Outcome `conflict`, exit 8: nothing is applied, and the diff is kept."""
    change = f"pathlib.Path({str(project / 'calc.py')!r}).write_text('# mine\\n')\n"
    use_coder(conductor, writes(calc__py=RIGHT, new__py="x = 1\n") + change)
    document = build(conductor, code=8)
    assert (document["outcome"], document["applied"]) == ("conflict", False)
    assert (project / "calc.py").read_text() == "# mine\n"
    assert not (project / "new.py").exists()
    assert RIGHT.splitlines()[1] in Path(document["patch"]).read_text()


def test_without_models_nothing_is_written(conductor: CommandLine) -> None:
    """Outcome `no_models`, exit 3: there is no run."""
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor, code=3)
    assert (document["outcome"], document["run"], document["rounds"]) == ("no_models", None, [])
    assert turns(conductor) == 0


def test_what_is_green_is_not_applied_where_nobody_wants_it(conductor: CommandLine, project: Path) -> None:
    """`--apply never`: exit 0, the diff is saved, and the folder is as it was."""
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor, "--apply", "never")
    assert (document["outcome"], document["applied"]) == ("passed", False)
    assert (project / "calc.py").read_text() == WRONG
    assert document["patch"]


@pytest.mark.parametrize(
    "options", [("--coder", "scrib"), ("--in", "nowhere"), ("--tests", "nowhere.py"), ("--rounds", "0")]
)
def test_what_is_wrong_is_told_before_any_model_is_asked(
    conductor: CommandLine, project: Path, options: tuple[str, ...]
) -> None:
    """Exit 2; no coder is started."""
    use_coder(conductor, writes(calc__py=RIGHT))
    conductor.refused(2, "build", "--coder", "scribe", "--yes", *options, TASK)
    assert turns(conductor) == 0
    assert json.loads(conductor("history", "--json").stdout)["runs"] == []


def test_a_coder_cannot_pass_by_changing_the_given_tests(conductor: CommandLine, project: Path) -> None:
    """The tests of `--tests` are laid again, and the change to them is neither counted nor applied."""
    use_coder(conductor, writes(calc__py="def add(a, b):\n    return 7\n", test_calc__py="def test_add():\n    pass\n"))
    document = build(conductor, "--tests", "test_calc.py", "--rounds", "1", code=7)
    assert document["rounds"][0]["verification"]["failed"] == 1
    assert any("'test_calc.py'" in warning for warning in document["warnings"])
    use_coder(conductor, writes(calc__py=RIGHT, test_calc__py="def test_add():\n    pass\n"), name="other")
    document = build(conductor, "--tests", "test_calc.py", coder="other")
    assert document["outcome"] == "passed"
    assert (project / "test_calc.py").read_text() == TEST


def test_a_coder_cannot_pass_by_configuring_tests(conductor: CommandLine, project: Path) -> None:
    """A `conftest.py` that turns failures into passes is told loudly, and does not count with `--yes`."""
    cheat = (
        "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    result = yield\n    report = result.get_result()\n    report.outcome = 'passed'\n"
    )
    use_coder(conductor, writes(conftest__py=cheat, calc__py="def add(a, b):\n    return 7\n"))
    document = build(conductor, "--rounds", "1", code=7)
    assert {"path": "conftest.py", "action": "created"} in document["rounds"][0]["files"]
    assert document["rounds"][0]["verification"]["failed"] == 1
    assert any("'conftest.py'" in warning for warning in document["warnings"])
    assert not (project / "conftest.py").exists()


def test_what_leads_outside_is_left_out_and_the_round_goes_on(conductor: CommandLine, project: Path) -> None:
    """A file that the coder writes outside of the copy, and a link to the outside, are no part of the diff."""
    outside = conductor.home / "outside.txt"
    use_coder(
        conductor,
        writes(calc__py=RIGHT)
        + f"open({str(outside)!r}, 'w').write('x')\nimport os\nos.symlink('/etc/passwd', 'link')\n",
    )
    document = build(conductor)
    assert [file["path"] for file in document["rounds"][0]["files"]] == ["calc.py"]
    assert any("'link'" in warning for warning in document["warnings"])
    assert not (project / "link").is_symlink()


def test_tests_from_elsewhere_are_laid_into_the_copy(conductor: CommandLine, project: Path) -> None:
    """Tests that lie outside of the folder judge the code, and the folder does not get them."""
    (conductor.home / "test_hidden.py").write_text(
        "from calc import add\n\n\ndef test_hidden():\n    assert add(1, 1) == 2\n"
    )
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor, "--tests", str(conductor.home / "test_hidden.py"))
    assert [case["name"].rpartition("::")[2] for case in document["rounds"][0]["verification"]["cases"]] == [
        "test_hidden"
    ]
    assert not (project / "test_hidden.py").exists()


def test_kinds_of_files_survive(conductor: CommandLine, project: Path) -> None:
    """Binary and empty files, CRLF, modes, deletions, links and unusual names are applied as they were written."""
    conductor.write("old.txt", "gone\n")
    conductor.write("crlf.txt", b"one\r\ntwo\r\n")
    program = writes(calc__py=RIGHT) + (
        "import os\n"
        "os.remove('old.txt')\n"
        "open('crlf.txt', 'ab').write(b'three\\r\\n')\n"
        "open('pixel.png', 'wb').write(bytes(range(256)) * 3)\n"
        "open('empty', 'w').close()\n"
        "open('run.sh', 'w').write('#!/bin/sh\\n'); os.chmod('run.sh', 0o755)\n"
        "os.makedirs('déep/er')\n"
        "open('déep/er/a name\\nwith \"all\"', 'w').write('no end')\n"
        "os.symlink('calc.py', 'alias.py')\n"
    )
    use_coder(conductor, program)
    document = build(conductor)
    assert not (project / "old.txt").exists()
    assert (project / "crlf.txt").read_bytes() == b"one\r\ntwo\r\nthree\r\n"
    assert (project / "pixel.png").read_bytes() == bytes(range(256)) * 3
    assert (project / "empty").read_bytes() == b""
    assert stat.S_IMODE((project / "run.sh").stat().st_mode) & 0o111
    assert (project / 'déep/er/a name\nwith "all"').read_text() == "no end"
    assert (project / "alias.py").readlink().name == "calc.py"
    other = conductor.home / "fresh"
    other.mkdir()
    for name, content in (("calc.py", WRONG.encode()), ("old.txt", b"gone\n"), ("crlf.txt", b"one\r\ntwo\r\n")):
        (other / name).write_bytes(content)
    subprocess.run(["git", "apply", document["patch"]], cwd=other, check=True)
    for path in ("crlf.txt", "pixel.png", "empty", "run.sh", 'déep/er/a name\nwith "all"', "calc.py"):
        assert (other / path).read_bytes() == (project / path).read_bytes()
    assert stat.S_IMODE((other / "run.sh").stat().st_mode) & 0o111


def test_a_past_build_is_shown(conductor: CommandLine, project: Path) -> None:
    """`show` tells the story, `show --json` is the document, and the history lists the run once."""
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor)
    assert json.loads(conductor("show", "last", "--json").stdout) == document
    shown = conductor("show", document["id"][:12]).stdout
    for part in ("Round 1", "+    return a + b", "Approved by --yes", "1 passed", "Outcome: passed, applied"):
        assert part in shown
    (run,) = json.loads(conductor("history", "--json").stdout)["runs"]
    assert (run["command"], run["status"]) == ("build", "finished")


def test_in_a_git_work_tree_nothing_is_committed(conductor: CommandLine, project: Path) -> None:
    """The change is left in the work tree, and the index and the log are as they were."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "start")
    use_coder(conductor, writes(calc__py=RIGHT) + "import subprocess\nsubprocess.run(['git', 'init', '-q'])\n")
    build(conductor)
    assert git("status", "--porcelain") == " M calc.py\n"
    assert len(git("log", "--oneline").splitlines()) == 1
