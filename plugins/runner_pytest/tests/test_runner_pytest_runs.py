"""Python projects whose tests run in the sandbox: what passes, what does not, and what tries to pass all the same."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codeconductor_runner_pytest
import pytest
from codeconductor import verify

if TYPE_CHECKING:
    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

BAD = "def test_bad():\n    assert 1 == 2\n"
GOOD = "def test_good():\n    assert True\n"


def verified(make_session: MakeSession, files: dict[str, str], **more: Any) -> TestReport:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    session = make_session({"sandbox": {"minimum": "none"}}, runner_pytest=codeconductor_runner_pytest)
    return asyncio.run(verify(session, Path(), **more))


def test_every_way_to_end_is_told(make_session: MakeSession) -> None:
    """Tests of unittest too; files and names as pytest has them."""
    tests = (
        "import unittest, pytest\nfrom code_of import add\n"
        "def test_add(): assert add(1, 2) == 3\n"
        "def test_wrong(): assert add(1, 2) == 4\n"
        "@pytest.mark.skip(reason='why')\ndef test_skipped(): pass\n"
        "@pytest.mark.xfail(reason='known')\ndef test_known(): assert 0\n"
        "@pytest.fixture\ndef broken(): raise ValueError('set up')\n"
        "def test_broken(broken): pass\n"
        "@pytest.mark.parametrize('n', [1, 2])\ndef test_each(n): assert n\n"
        "class T(unittest.TestCase):\n"
        "    def test_right(self): self.assertEqual(1, 1)\n"
        "    def test_false(self): self.assertEqual(1, 2)\n"
    )
    files = {"code_of.py": "def add(a, b): return a + b\n", "tests/test_a.py": tests}
    report = verified(make_session, files)
    told = {case.name: case.status for case in report.cases}
    assert told == {
        "test_add": "passed",
        "test_wrong": "failed",
        "test_skipped": "skipped",
        "test_known": "skipped",
        "test_broken": "error",
        "test_each[1]": "passed",
        "test_each[2]": "passed",
        "T::test_right": "passed",
        "T::test_false": "failed",
    }
    assert {case.file for case in report.cases} == {"tests/test_a.py"}
    messages = {case.name: case.message or "" for case in report.cases}
    assert "assert 3 == 4" in messages["test_wrong"]
    assert "set up" in messages["test_broken"]
    assert (report.passed, report.failed, report.errors, report.skipped) == (4, 2, 1, 2)
    assert report.fault is None
    assert report.warnings == ()


def test_a_project_that_passes_is_green(make_session: MakeSession) -> None:
    report = verified(make_session, {"test_a.py": GOOD})
    assert report.is_green
    assert "1 passed" in report.output_tail


MAKEREPORT = "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_makereport(item, call):\n"
WRAPPED = "import pytest\n@pytest.hookimpl(wrapper=True)\ndef {hook}:\n    try: return (yield)\n"

CHEATS: dict[str, dict[str, str]] = {
    "ends at once": {"test_a.py": "import os\nos._exit(0)\n"},
    "leaves at once": {"test_a.py": "import sys\nsys.exit(0)\n"},
    "ends in a test": {"test_a.py": GOOD + "def test_end():\n    import os\n    os._exit(0)\n" + BAD},
    "leaves in a test": {"test_a.py": GOOD + "def test_end():\n    import sys\n    sys.exit(0)\n"},
    "stops pytest": {"test_a.py": GOOD + "def test_end():\n    import pytest\n    pytest.exit('', 0)\n" + BAD},
    "prints a summary": {"test_a.py": "import os\nprint('1 passed in 0.01s', flush=True)\nos._exit(0)\n"},
    "ends while it ends": {"test_a.py": "import atexit, os\natexit.register(os._exit, 0)\n" + BAD},
    "ends the session": {
        "conftest.py": "import os\ndef pytest_sessionfinish(session): os._exit(0)\n",
        "test_a.py": BAD,
    },
    "sets the status": {
        "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n",
        "test_a.py": BAD,
    },
    "clears what was raised": {"conftest.py": MAKEREPORT + "    call.excinfo = None\n", "test_a.py": BAD + GOOD},
    "swallows what was raised": {
        "conftest.py": WRAPPED.format(hook="pytest_runtest_call(item)") + "    except BaseException: return None\n",
        "test_a.py": BAD,
    },
    "swallows it below": {
        "conftest.py": WRAPPED.format(hook="pytest_pyfunc_call(pyfuncitem)")
        + "    except BaseException: return True\n",
        "test_a.py": BAD,
    },
    "takes the call's place": {"conftest.py": "def pytest_pyfunc_call(): return True\n", "test_a.py": BAD},
    "takes the test's place": {"conftest.py": "def pytest_runtest_protocol(): return True\n", "test_a.py": BAD},
    "takes the function's place": {
        "conftest.py": "def pytest_collection_modifyitems(items):\n    for i in items: i.obj = lambda: None\n",
        "test_a.py": BAD,
    },
    "marks all as expected": {
        "conftest.py": "def pytest_collection_modifyitems(items):\n    for i in items: i.add_marker('xfail')\n",
        "test_a.py": BAD,
    },
    "drops all tests": {"conftest.py": "def pytest_collection_modifyitems(items): items.clear()\n", "test_a.py": BAD},
    "changes reports": {
        "conftest.py": "from _pytest.reports import TestReport as T\nT.outcome = property(lambda s: 'passed', print)\n",
        "test_a.py": BAD,
    },
    "changes how tests run": {
        "conftest.py": "from _pytest.python import Function\nFunction.runtest = lambda self: None\n",
        "test_a.py": BAD,
    },
    "changes code in place": {
        "conftest.py": "import _pytest.python as p\np.Function.runtest.__code__ = (lambda self: None).__code__\n",
        "test_a.py": BAD,
    },
    "changes unittest": {
        "conftest.py": "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
        "test_a.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 2)\n",
    },
    "changes pytest by a plugin": {
        "pytest.ini": "[pytest]\naddopts = -p sly\n",
        "sly.py": "from _pytest.python import Function\nFunction.runtest = lambda self: None\n",
        "test_a.py": BAD,
    },
    "is pytest": {"pytest.py": "import os\nos._exit(0)\n", "_pytest/__init__.py": "", "test_a.py": BAD},
    "is the site": {"sitecustomize.py": "import os\nos._exit(0)\n", "test_a.py": BAD},
    "writes into every descriptor": {
        "test_a.py": "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'{}\\n')\n    except OSError: pass\n"
        + GOOD
    },
    "closes every descriptor": {"test_a.py": "import os\ndef test_close(): os.closerange(3, 256)\n"},
    "skips by the code": {
        "sol.py": "import unittest\ndef f(): raise unittest.SkipTest\n",
        "test_a.py": GOOD + "import sol\ndef test_f(): assert sol.f() == 1\n",
    },
    "expects failures by the code": {
        "sol.py": "import pytest\ndef f(): pytest.xfail('no')\n",
        "test_a.py": GOOD + "import sol\ndef test_f(): assert sol.f() == 1\n",
    },
    "skips by the code in unittest": {
        "sol.py": "import unittest\ndef f(): raise unittest.SkipTest\n",
        "test_a.py": "import sol, unittest\nclass T(unittest.TestCase):\n    def test_good(self): pass\n"
        "    def test_f(self): self.assertEqual(sol.f(), 1)\n",
    },
    "equals everything": {"test_a.py": "class A:\n    def __eq__(s, o): return True\ndef test(): assert A() != A()\n"},
}


@pytest.mark.parametrize("how", CHEATS)
def test_no_failure_becomes_a_pass(make_session: MakeSession, how: str) -> None:
    """By accident, or without much effort."""
    report = verified(make_session, CHEATS[how])
    assert not report.is_green
    assert report.fault or report.failed or report.errors or report.is_empty


def test_tests_and_what_helps_them_may_skip(make_session: MakeSession) -> None:
    """Wherever the helper lies, by its name or its folder."""
    helper = "import pytest\ndef need(): pytest.skip('not here')\n"
    report = verified(
        make_session,
        {
            "checks/check_a.py": "from tests.needs import need\nimport conftest\n"
            "def test_one(): need()\ndef test_two(): conftest.need()\n"
            "def test_three():\n    import pytest\n    pytest.importorskip('nothing_of_that_name')\n"
            "def test_four(): pass\n",
            "tests/__init__.py": "",
            "tests/needs.py": helper,
            "conftest.py": helper,
            "pytest.ini": "[pytest]\npython_files = check_*.py\npythonpath = .\n",
        },
    )
    assert [case.status for case in report.cases] == ["skipped", "skipped", "skipped", "passed"]
    assert report.is_green


def test_hooks_that_have_a_say_are_named(make_session: MakeSession) -> None:
    report = verified(make_session, CHEATS["clears what was raised"])
    assert "pytest_runtest_makereport" in "".join(report.warnings)
    assert "a hook or plugin called that no failure" in str([case.message for case in report.cases])


def test_a_file_that_cannot_be_imported_is_an_error(make_session: MakeSession) -> None:
    report = verified(make_session, {"test_a.py": "import nothing_of_that_name\n", "test_b.py": GOOD})
    assert [(case.status, case.file) for case in report.cases] == [("error", "test_a.py")]


def test_no_test_is_told_from_tests_that_fail(make_session: MakeSession) -> None:
    assert verified(make_session, {"test_a.py": "x = 1\n"}).is_empty


def test_the_projects_own_configuration_counts(make_session: MakeSession) -> None:
    files = {
        "pyproject.toml": "[tool.pytest.ini_options]\npython_files = ['check_*.py']\npythonpath = ['lib']\n",
        "lib/mine.py": "",
        "check_a.py": "import mine\n" + GOOD,
        "test_a.py": BAD,
    }
    assert [case.file for case in verified(make_session, files).cases] == ["check_a.py"]


def test_the_projects_environment_is_used_and_lent_a_pytest(make_session: MakeSession) -> None:
    """A package that is installed there alone is found, and what we have beside pytest is not; nothing is written."""
    import venv

    venv.create(".venv", with_pip=False, symlinks=True)
    (packages,) = Path(".venv").glob("lib/*/site-packages")
    Path(packages, "theirs.py").write_text("")
    Path(packages, "editable.pth").write_text(f"{Path('lib').absolute()}\n")
    tests = (
        "import sys, pytest, theirs, of_project\n"
        "def test_prefix(): assert sys.prefix.endswith('.venv')\n"
        "def test_ours():\n    with pytest.raises(ImportError): import attrs\n"
        "def test_copy(): assert of_project.__file__.startswith(sys.path[0])\n"
        "def test_read_only():\n    with pytest.raises(OSError): open(theirs.__file__, 'w')\n"
    )
    report = verified(make_session, {"lib/of_project.py": "", "test_a.py": tests})
    if report.sandbox.strength == "none":  # it only has limits, and may write
        assert [case.name for case in report.cases if case.status != "passed"] == ["test_read_only"]
    else:
        assert report.is_green, [case.message for case in report.cases]
    assert Path(packages, "theirs.py").read_text() == ""
    assert sys.prefix != str(Path(".venv").absolute())


def test_only_what_is_named_runs(make_session: MakeSession, tmp_path: Path) -> None:
    outside = tmp_path / "test_outside.py"
    outside.write_text("from code_of import one\ndef test_one(): assert one == 1\n")
    report = verified(make_session, {"code_of.py": "one = 1\n", "test_a.py": BAD}, tests=[outside])
    assert [(case.file, case.status) for case in report.cases] == [("test_outside.py", "passed")]
    assert not Path("test_outside.py").exists()


def test_what_takes_too_long_is_ended(make_session: MakeSession) -> None:
    """Tests that ended before are still told."""
    report = verified(make_session, {"test_a.py": "def test_a():\n    while True: pass\n"}, timeout=6.0)
    assert report.timed_out
    assert not report.is_green
