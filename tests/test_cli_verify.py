"""`conductor verify` as a person has it: exit codes, the document, tests from elsewhere, and what is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine

GOOD = "def test_good():\n    assert True\n"
BAD = "def test_bad():\n    assert 1 == 2\n"
NOBODY = 65534
ROOT = Path(__file__).parent.parent

KEYS = [
    *("schema", "runner", "sandbox", "green", "passed", "failed", "errors", "skipped", "seconds", "timed_out"),
    *("fault", "cases", "output_tail", "warnings"),
]
"""The contract's, and `green` and `fault`."""


def document(conductor: CommandLine, code: int, *arguments: str) -> dict[str, Any]:
    """Verify with this exit code; what was printed is one document."""
    done = conductor("verify", "--json", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def content(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that is in a folder: mode, time of change and content, by path."""
    paths = [folder, *folder.rglob("*")]
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in paths
    }


def test_green_is_exit_0_and_the_document_has_these_keys(conductor: CommandLine) -> None:
    conductor.write("shop.py", "def add(a, b):\n    return a + b\n")
    conductor.write("tests/test_shop.py", "import shop\ndef test_add():\n    assert shop.add(1, 2) == 3\n")
    conductor.write("pytest.ini", "[pytest]\npythonpath = .\n")
    found = document(conductor, 0)
    assert list(found) == KEYS
    assert found["schema"] == "conductor.verification/1"
    assert found["runner"] == "pytest"
    assert list(found["sandbox"]) == ["name", "strength", "missing"]
    assert found["sandbox"]["strength"] in {"strong", "partial"}
    assert (found["passed"], found["failed"], found["errors"], found["skipped"]) == (1, 0, 0, 0)
    assert (found["green"], found["timed_out"], found["fault"]) == (True, False, None)
    (case,) = found["cases"]
    assert list(case) == ["name", "file", "status", "message", "seconds"]
    assert (case["name"], case["file"], case["status"]) == ("test_add", "tests/test_shop.py", "passed")
    assert isinstance(case["seconds"], float)
    assert "1 passed" in found["output_tail"]


def test_without_json_counts_and_failures_are_told(conductor: CommandLine) -> None:
    conductor.write("test_a.py", GOOD + BAD)
    done = conductor("verify")
    assert done.returncode == 7
    assert "FAILED  test_a.py::test_bad\n" in done.stdout
    assert "assert 1 == 2" in done.stdout
    assert "1 passed, 1 failed in " in done.stdout
    assert done.stderr.startswith("Error: 1 of 2 tests did not pass\n")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (GOOD + BAD, (1, 1, 0)),
        ("import nothing_of_that_name\n" + GOOD, (0, 0, 1)),
        ("import pytest\n@pytest.fixture\ndef a(): raise ValueError\ndef test(a): pass\n", (0, 0, 1)),
        ("def test_a(:\n", (0, 0, 1)),
    ],
    ids=["failing", "not importable", "broken fixture", "no Python"],
)
def test_failures_and_errors_are_exit_7(conductor: CommandLine, text: str, counts: tuple[int, int, int]) -> None:
    conductor.write("test_a.py", text)
    found = document(conductor, 7)
    assert (found["passed"], found["failed"], found["errors"]) == counts
    assert not found["green"]


def test_a_timeout_is_exit_7_and_told(conductor: CommandLine) -> None:
    conductor.write("test_a.py", GOOD + "def test_long():\n    while True: pass\n")
    found = document(conductor, 7, "--timeout", "5")
    assert found["timed_out"] is True
    assert found["fault"] == "the tests were ended after 5 s"


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos._exit(0)\n",
        GOOD + "def test_end():\n    import os\n    os._exit(0)\n",
        "import os\nprint('1 passed in 0.01s', flush=True)\nos._exit(0)\n" + GOOD,
    ],
    ids=["on import", "in a test", "after a summary of its own"],
)
def test_a_process_that_ends_without_its_full_report_is_exit_7(conductor: CommandLine, text: str) -> None:
    conductor.write("test_a.py", text)
    found = document(conductor, 7)
    assert "without its full report" in found["fault"]
    assert not found["green"]


def test_no_test_is_exit_2(conductor: CommandLine) -> None:
    """The document is printed nevertheless."""
    conductor.write("test_a.py", "x = 1\n")
    found = document(conductor, 2)
    assert found["cases"] == []
    assert "Error: the runner 'pytest' found no test" in conductor.refused(2, "verify")


def test_what_cannot_be_verified_is_exit_2(conductor: CommandLine) -> None:
    """No runner fits, one that is not there, no such folder, a file, tests that are not there, no time."""
    conductor.write("readme.txt", "words")
    assert "no runner fits what 'project' contains" in conductor.refused(2, "verify")
    conductor.write("test_a.py", GOOD)
    assert "pytest" in conductor.refused(2, "verify", "--runner", "pytset")
    assert "'nowhere' does not exist" in conductor.refused(2, "verify", "nowhere")
    assert "'readme.txt' is no folder" in conductor.refused(2, "verify", "readme.txt")
    assert "there are no tests at 'tests/none.py'" in conductor.refused(2, "verify", "--tests", "tests/none.py")
    for seconds in ("0", "-1", "nan", "inf"):
        assert "is no span of time" in conductor.refused(2, "verify", "--timeout", seconds)


def test_tests_that_have_no_end_are_exit_2(conductor: CommandLine) -> None:
    """A device, a pipe, more than `[build] max_copy`, the root, and nothing at all; for a build as well."""
    conductor.write("test_a.py", GOOD)
    conductor.write("../many/test_b.py", GOOD)
    with conductor.write("../many/data", b"").open("wb") as file:
        file.truncate(2 << 30)
    (conductor.folder.parent / "many" / "device").symlink_to("/dev/zero")
    os.mkfifo(conductor.folder / "pipe")
    told = {
        "/dev/zero": "neither a file nor a folder",
        "pipe": "neither a file nor a folder",
        "../many": "more than the 1.0 GiB of [build] max_copy",
        "/": "is the root of all files",
        "": "is empty",
    }
    for path, words in told.items():
        assert words in conductor.refused(2, "verify", "--tests", path)
        assert words in conductor.refused(2, "build", "--coder", "local", "--tests", path, "Write it")
    assert not list((conductor.data / "builds").glob("*"))
    (conductor.folder.parent / "many" / "data").unlink()
    done = conductor("verify", "--tests", "../many")
    assert done.returncode == 0, done.stderr
    assert "1 passed" in done.stdout


def test_the_folder_above_can_be_the_tests(conductor: CommandLine) -> None:
    """By its own name, and not by that which was typed: nothing is laid above the copy."""
    conductor.write("test_a.py", BAD)
    conductor.write(
        "../test_b.py", "import pathlib\n\n\ndef test_where():\n    assert pathlib.Path('test_a.py').exists()\n"
    )
    document = json.loads(conductor("verify", "--json", "--tests", "..").stdout)
    assert document["passed"] == 1
    assert any(case["file"] == f"{conductor.folder.parent.name}/test_b.py" for case in document["cases"])


def test_a_sandbox_that_is_too_weak_is_exit_2_and_nothing_runs(conductor: CommandLine) -> None:
    """What runs here is compared with what is asked for: `strong` is more than the weakest that tests ever need."""
    conductor.write("test_a.py", GOOD)
    strength = document(conductor, 0)["sandbox"]["strength"]
    conductor.environment["CONDUCTOR_SANDBOX__MINIMUM"] = "strong"
    if strength == "strong":
        assert document(conductor, 0)["sandbox"]["strength"] == "strong"
    else:
        assert "no sandbox here is strong by [sandbox] minimum" in conductor.refused(2, "verify")


def test_tests_inside_of_the_folder_alone_run(conductor: CommandLine) -> None:
    """Named from where the command runs, or from the folder."""
    conductor.write("app/test_a.py", BAD)
    conductor.write("app/more/test_b.py", GOOD)
    for named in ("app/more/test_b.py", "app/more", str(conductor.folder / "app" / "more"), "more/test_b.py"):
        found = document(conductor, 0, "app", "--tests", named)
        assert [(case["file"], case["status"]) for case in found["cases"]] == [("more/test_b.py", "passed")]


def test_tests_from_outside_are_laid_at_the_root(conductor: CommandLine) -> None:
    """Over what has their name there, in the copy only."""
    conductor.write("app/shop.py", "one = 1\n")
    conductor.write("app/test_given.py", BAD)
    conductor.write("given/test_given.py", "from shop import one\ndef test_one():\n    assert one == 1\n")
    conductor.write("given/test_more.py", GOOD)
    found = document(conductor, 0, "app", "--tests", "given/test_given.py", "--tests", "given/test_more.py")
    assert sorted(case["file"] for case in found["cases"]) == ["test_given.py", "test_more.py"]
    assert (conductor.folder / "app" / "test_given.py").read_text() == BAD
    assert not (conductor.folder / "app" / "test_more.py").exists()


def test_the_folder_is_never_changed_and_nothing_stays_behind(conductor: CommandLine, tmp_path: Path) -> None:
    """Whatever tests write, whether they pass, fail, or end the process."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    conductor.environment["TMPDIR"] = str(temporary)
    writing = (
        "from pathlib import Path\nimport os, shop\n"
        "def test_write():\n"
        "    Path('new.txt').write_text('new')\n"
        "    Path(shop.__file__).write_text('other = 2')\n"
        "    Path('gone.txt').unlink()\n"
    )
    conductor.write("shop.py", "one = 1\n")
    conductor.write("gone.txt", "not yet")
    for code, ending in ((0, ""), (7, "    assert 0\n"), (7, "    os._exit(0)\n")):
        conductor.write("test_a.py", writing + ending)
        before = content(conductor.folder)
        document(conductor, code)
        assert content(conductor.folder) == before
    assert list(temporary.iterdir()) == []


def test_a_project_of_unittest_is_verified(conductor: CommandLine) -> None:
    tests = (
        "import unittest\nfrom shop import add\n"
        "class Adding(unittest.TestCase):\n"
        "    def setUp(self):\n        self.one = 1\n"
        "    def test_right(self):\n        self.assertEqual(add(self.one, 2), 3)\n"
        "    def test_wrong(self):\n        self.assertEqual(add(self.one, 2), {})\n"
        "    @unittest.skip('later')\n    def test_later(self):\n        pass\n"
        "if __name__ == '__main__':\n    unittest.main()\n"
    )
    conductor.write("shop.py", "def add(a, b):\n    return a + b\n")
    conductor.write("tests/__init__.py", "")
    conductor.write("tests/test_shop.py", tests.format(4))
    found = document(conductor, 7)
    told = {case["name"]: case["status"] for case in found["cases"]}
    assert told == {"Adding::test_right": "passed", "Adding::test_wrong": "failed", "Adding::test_later": "skipped"}
    conductor.write("tests/test_shop.py", tests.format(3))
    assert document(conductor, 0)["passed"] == 2


def test_a_gigabyte_of_output_is_bounded_in_memory(conductor: CommandLine) -> None:
    """The command, and all that it started, stay far below what was printed; its end is in the report."""
    text = (
        "import os\n"
        "def test_much(capfd):\n"
        "    with capfd.disabled():\n"
        "        part = b'x' * 1023 + b'\\n'\n"
        "        part *= 1024\n"
        "        for _ in range(1024):\n"
        "            rest = part\n"
        "            while rest:\n"
        "                rest = rest[os.write(1, rest):]\n"
        "        os.write(1, b'the last words\\n')\n"
    )
    conductor.write("test_a.py", text)
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "sys.stdout.buffer.write(done.stdout)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-m", "codeconductor", "verify", "--json"],
        cwd=conductor.folder,
        env=conductor.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["passed"] == 1
    assert "the last words" in found["output_tail"]
    assert len(found["output_tail"]) <= 16_000
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stderr.split()[-1]) * unit < 256 * 2**20


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="all the others are an ordinary user's")
def test_an_ordinary_user_verifies_too() -> None:
    """On an interpreter that such a one can start: root's own may lie where only root goes."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others whenever one is started
        verify_as_an_ordinary_user(Path(name))


def verify_as_an_ordinary_user(folder: Path) -> None:
    project = folder / "project"
    project.mkdir()
    (project / "test_a.py").write_text(GOOD)
    for path in (folder, project, project / "test_a.py"):
        os.chown(path, NOBODY, NOBODY)
    sources = [ROOT / "core" / "src", *sorted(ROOT.glob("plugins/*/src"))]
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join([*map(str, sources), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }

    def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            env=environment,
            cwd=project,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = None
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        try:
            if as_nobody(candidate, "-c", "import attrs, pytest, codeconductor").returncode == 0:
                found = candidate
                break
        except OSError:
            continue
    if found is None:
        pytest.skip(f"no ordinary user can start a {name} with what the tests need")
    for text, code in ((GOOD, 0), (GOOD + BAD, 7), ("x = 1\n", 2)):
        (project / "test_a.py").write_text(text)
        done = as_nobody(found, "-m", "codeconductor", "verify", "--json")
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["failed"] == (1 if code == 7 else 0)
        assert "Traceback" not in done.stderr
    assert [path.name for path in project.iterdir()] == ["test_a.py"]
