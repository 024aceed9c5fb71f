"""The loop of `conductor build` with a local model, after interrupts, and with what is hard on it."""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

from tests.conftest import PATIENCE
from tests.test_cli_build import RIGHT, TASK, TEST, WRONG, build, project, turns, use_coder, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import CommandLine

__all__ = ["project"]


def test_a_local_model_writes_code_until_its_tests_pass(conductor: CommandLine, project: Path) -> None:
    """Task, consensus, coder, tests, feedback, green: the failure reaches the model, and its file the folder."""

    def reply(request: Mapping[str, Any]) -> str:
        asked = json.dumps(request)
        if "How the result is judged" not in asked:
            return f"```python calc.py\n{RIGHT}```\n"
        if "What came of round 1" in asked:
            assert "assert -1 == 5" in asked
            return f"calc.py\n```python\n{RIGHT}```\n"
        return f"Sure!\n\n```python\n{WRONG}# first try\n```\n"

    with ScriptedOllama(ScriptedModel(name="team:7b", reply=reply)) as server:
        conductor.reach(server)
        document = build(conductor, "--tests", "test_calc.py", coder="local")
    assert (document["outcome"], len(document["rounds"])) == ("passed", 2)
    assert [one["model"] for one in document["rounds"]] == ["ollama/team:7b", "ollama/team:7b"]
    assert (project / "calc.py").read_text() == RIGHT
    assert json.loads(conductor("show", "last", "--json").stdout) == document


def test_an_untrusted_project_names_no_program(conductor: CommandLine, project: Path) -> None:
    """`[coders.command]` of a cloned repository is ignored until its owner trusts the file."""
    script = conductor.write("evil.py", f"open({str(conductor.home / 'ran')!r}, 'w')\n")
    conductor.write("conductor.toml", f"[coders.command.evil]\nargv = [{sys.executable!r}, {str(script)!r}]\n")
    refused = conductor.refused(2, "build", "--coder", "evil", "--yes", TASK)
    assert "coders.command is ignored" in refused
    assert conductor("config", "trust").returncode == 0
    build(conductor, coder="evil", code=4)
    assert (conductor.home / "ran").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[coders.command.x]\nargv = []\n", "expected a program"),
        ("[coders.command.x]\nargv = ['a']\ntimout = 3\n", "timeout"),
        ("[coders.command.x]\nargv = 'a'\n", "expected a list"),
        ("[coders.command.x]\nstdin = 'none'\n", "argv is missing"),
        ("[coders.command.x]\nargv = ['a']\nstdin = 'file'\n", "'none' or 'prompt'"),
    ],
)
def test_a_wrong_setting_of_a_coder_is_told_with_its_place(conductor: CommandLine, text: str, told: str) -> None:
    """File, key, and what was expected."""
    file = conductor.home / ".config" / "conductor" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    refused = conductor.refused(2, "build", "--coder", "x", "--yes", TASK)
    assert told in refused
    assert "coders.command.x" in refused
    assert str(file) in refused


def test_a_coder_sees_no_more_of_the_environment_than_is_named(conductor: CommandLine, project: Path) -> None:
    """PATH, HOME, LANG, TERM, and what its settings name."""
    conductor.environment.update(SCRIBE_KEY="k", OTHER_SECRET="s")
    out = conductor.home / "seen.json"
    program = f"import os, json\nopen({str(out)!r}, 'w').write(json.dumps(dict(os.environ)))\n"
    use_coder(conductor, program + writes(calc__py=RIGHT), environment=["SCRIBE_KEY"])
    build(conductor)
    seen = json.loads(out.read_text())
    assert seen["SCRIBE_KEY"] == "k"
    assert not {"OTHER_SECRET", "CONDUCTOR_HOME", "OLLAMA_HOST"} & seen.keys()


def test_what_a_coder_says_is_kept_whatever_its_length(conductor: CommandLine, project: Path) -> None:
    """A line of many megabytes is read to its end, and its beginning and end are kept."""
    use_coder(conductor, writes(calc__py=RIGHT) + "print('first', 'x' * 20_000_000, 'last')\n")
    output = build(conductor)["rounds"][0]["output"]
    assert output.startswith("first x")
    assert output.endswith("x last\n")
    assert len(output) < 200_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_coder_is_ended_with_all_that_it_has_started(conductor: CommandLine, project: Path) -> None:
    """Its time is over: the child that it left behind, which holds a pipe open for as long as it lives, is gone."""
    pipe = conductor.home / "alive"
    os.mkfifo(pipe)
    child = f"import time; held = open({str(pipe)!r}, 'w'); time.sleep(600)"
    program = f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nimport time\ntime.sleep(600)\n"
    use_coder(conductor, program, timeout=0.5)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.close(os.open(pipe, os.O_WRONLY))  # so that the pipe has an end even where the child had no time to open it
    assert build(conductor, code=4)["outcome"] == "coder_failed"
    assert select.select([reading], [], [], PATIENCE)[0], "the child is still there"
    assert os.read(reading, 1) == b""
    os.close(reading)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_build_goes_on_where_it_was(conductor: CommandLine, project: Path) -> None:
    """Ctrl-C while the coder writes in round 2: exit 130; resumed, it begins that round again and asks no model."""
    waiting = conductor.home / "waiting"
    os.mkfifo(waiting)
    wait = f"open({str(waiting)!r}, 'w').close()\nimport time\ntime.sleep(600)\n"
    use_coder(
        conductor, writes(calc__py="def add(a, b):\n    return 9\n"), writes(junk__py="") + wait, writes(calc__py=RIGHT)
    )
    process = conductor.start("build", "--coder", "scribe", "--yes", "--json", TASK)
    waiting.read_bytes()  # comes back when the coder has opened it
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert (project / "calc.py").read_text() == WRONG
    (run,) = json.loads(conductor("history", "--json").stdout)["runs"]
    assert run["status"] == "interrupted"
    document = build_again(conductor, run["id"][:14])
    assert (document["id"], document["outcome"], len(document["rounds"])) == (run["id"], "passed", 2)
    assert [file["path"] for file in document["rounds"][1]["files"]] == ["calc.py"]
    assert turns(conductor) == 3
    assert (project / "calc.py").read_text() == RIGHT
    conductor.refused(2, "build", "--resume", run["id"])


def build_again(conductor: CommandLine, name: str) -> dict[str, Any]:
    """Resume a build that then passes."""
    conductor.environment["OLLAMA_HOST"] = "http://127.0.0.1:9"  # nobody need be asked again
    done = conductor("build", "--resume", name, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_build_that_was_killed_while_it_asked_models_begins_there(conductor: CommandLine, project: Path) -> None:
    """SIGKILL at the first answer: resumed, the models are asked, and the rest follows."""
    use_coder(conductor, writes(calc__py=RIGHT))
    with ScriptedOllama(ScriptedModel(name="slow:1b", delay=600.0)) as server:
        conductor.reach(server)
        process = conductor.start("build", "--coder", "scribe", "--yes", TASK)
        server.wait_until(lambda: bool(server.asked("/api/chat", "slow:1b")))
        process.kill()
        process.wait(60)
    with ScriptedOllama("small:1b") as server:
        conductor.reach(server)
        done = conductor("build", "--resume", "last", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "passed"


def test_a_folder_that_cannot_be_copied_is_refused_with_its_size(conductor: CommandLine, project: Path) -> None:
    """A sparse file of 2 GiB is more than `[build] max_copy`."""
    with (project / "data.bin").open("wb") as file:
        file.truncate(2 * 2**30)
    use_coder(conductor, writes(calc__py=RIGHT))
    assert "2.0 GiB" in conductor.refused(2, "build", "--coder", "scribe", "--yes", TASK)


def test_nested_repositories_and_unusual_names_are_no_obstacle(conductor: CommandLine, project: Path) -> None:
    """A repository within stays as it is, and names with blanks, line feeds and bytes are copied and applied."""
    conductor.write("sub/.git/HEAD", "ref: refs/heads/main\n")
    conductor.write("sub/inner.py", "x = 1\n")
    conductor.write("a b\nc.txt", "text\n")
    Path(os.fsdecode(os.fsencode(project) + b"/latin\xe9.txt")).write_bytes(b"caf\xe9\n")
    program = (
        writes(calc__py=RIGHT)
        + "open('a b\\nc.txt', 'a').write('more\\n')\nopen(b'latin\\xe9.txt', 'ab').write(b'!')\n"
    )
    use_coder(conductor, program)
    build(conductor)
    assert (project / "a b\nc.txt").read_text() == "text\nmore\n"
    assert Path(os.fsdecode(os.fsencode(project) + b"/latin\xe9.txt")).read_bytes() == b"caf\xe9\n!"
    assert (project / "sub/.git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_a_coder_whose_disk_is_full_costs_the_folder_nothing(conductor: CommandLine, project: Path) -> None:
    """The coder cannot write its file to the end: what there is of it is tested like any other, and not applied."""
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    use_coder(conductor, limit + "open('big', 'wb').write(b'x' * 10_000)\n")
    document = build(conductor, "--rounds", "1", code=7)
    assert document["outcome"] == "failed"
    assert (project / "calc.py").read_text() == WRONG
    assert not (project / "big").exists()


def test_a_full_disk_of_our_own_is_said_in_two_lines_and_the_build_goes_on_later(
    conductor: CommandLine, project: Path
) -> None:
    """What the coder wrote is larger than what may be written here of it; the folder is as it was."""
    use_coder(conductor, writes(calc__py=RIGHT) + "import os\nopen('noise.bin', 'wb').write(os.urandom(60_000))\n")
    arguments = conductor._command(("build", "--coder", "scribe", "--yes", "--json", "--no-history", TASK))
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", *arguments],  # KiB
        cwd=conductor.folder,
        env=conductor.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2, done.stderr
    error, hint = [line for line in done.stderr.splitlines() if line.startswith(("Error: ", "Hint: "))]
    assert "cannot write" in error
    assert "File too large" in error
    assert "--resume last" in hint
    assert (project / "calc.py").read_text() == WRONG
    resumed = conductor("build", "--resume", "last", "--yes", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["outcome"] == "passed"


def test_a_resumed_build_takes_nothing_but_what_was_given_then(conductor: CommandLine) -> None:
    """`--apply never` that was passed over would change the folder."""
    for given in (["--apply", "never"], ["--rounds", "9"], ["--coder", "x"], ["--in", "."], ["-s", "majority"], [TASK]):
        said = conductor.refused(2, "build", "--resume", "last", *given)
        assert "--resume goes on with what was given then" in said
    assert "no build 'last' can be resumed" in conductor.refused(2, "build", "--resume", "last", "--yes", "--json")


def test_two_given_tests_of_one_name_are_refused_before_anything_is_asked(
    conductor: CommandLine, project: Path
) -> None:
    """Both would lie at one place in the copy."""
    use_coder(conductor, writes(calc__py=RIGHT))
    given = [str(conductor.write(f"../{place}/test_more.py", TEST)) for place in ("one", "two")]
    said = conductor.refused(2, "build", "--coder", "scribe", "--tests", given[0], "--tests", given[1], "--yes", TASK)
    assert "would both be laid at" in said
    assert "Asking" not in said


def test_manual_hands_the_prompt_over_and_waits(conductor: CommandLine, project: Path) -> None:
    """The end of standard input is no word that the code is written: outcome `coder_failed`."""
    done = conductor("build", "--coder", "manual", "--yes", "--json", TASK)
    assert done.returncode == 4, done.stderr
    document = json.loads(done.stdout)
    assert document["rounds"][0]["error"]["kind"] == "not_done"
    assert "Open this folder in your editor" in done.stderr
    done = conductor("build", "--coder", "manual", "--yes", "--json", TASK, stdin="\n")
    assert json.loads(done.stdout)["outcome"] == "no_change"


def test_the_doctor_says_who_can_write_code(conductor: CommandLine) -> None:
    """And to whom prompts and files go."""
    said = conductor("doctor").stdout
    assert "coder local: " in said
    assert "coder cursor-agent: is not on this machine; sends prompts and files to Cursor's servers" in said


def test_a_coder_that_sends_code_away_says_so_once(conductor: CommandLine, project: Path) -> None:
    """Before its first use on this machine, and not again."""
    use_coder(conductor, writes(calc__py=RIGHT), name="claude")
    first = build(conductor, "--apply", "never", coder="claude")
    assert any("code leaves this machine" in warning for warning in first["warnings"])
    second = build(conductor, "--apply", "never", coder="claude")
    assert not any("code leaves this machine" in warning for warning in second["warnings"])


def test_the_models_are_shown_the_tests(conductor: CommandLine, project: Path) -> None:
    """What must pass is known to who writes the plan."""
    use_coder(conductor, writes(calc__py=RIGHT))
    with ScriptedOllama(ScriptedModel(name="team:7b")) as server:
        conductor.reach(server)
        build(conductor, "--tests", "test_calc.py")
        assert all(
            "assert add(2, 3) == 5" in json.dumps(request.body) for request in server.asked("/api/chat", "team:7b")
        )


def test_proposed_tests_are_approved_beforehand_like_all_else(conductor: CommandLine, project: Path) -> None:
    """With `--yes` the models' tests judge the code where there are no others; without a terminal they do not count."""
    (project / "test_calc.py").unlink()
    answer = f"```python calc.py\n{RIGHT}```\n\n```python test_calc.py\n{TEST}```\n"
    use_coder(conductor, writes(calc__py=RIGHT))
    with ScriptedOllama(ScriptedModel(name="team:7b", reply=answer)) as server:
        conductor.reach(server)
        document = build(conductor, "--apply", "never")
        assert document["tests"]["kept"] == ["test_calc.py"]
        assert document["rounds"][0]["verification"]["passed"] == 1
        document = build(conductor, yes=False, code=6)
        assert document["tests"]["approval"]["decision"] == "not_asked"
        assert document["rounds"][0]["approval"]["decision"] == "not_asked"


def test_code_without_any_test_is_never_green(conductor: CommandLine, project: Path) -> None:
    """The coder is told to write tests, and where it writes none, the build has failed."""
    (project / "test_calc.py").unlink()
    use_coder(conductor, writes(calc__py=RIGHT), writes(calc__py=RIGHT + "# more\n"))
    document = build(conductor, code=7)
    assert document["rounds"][0]["error"]["kind"] == "not_tested"
    assert (project / "calc.py").read_text() == WRONG


def test_a_plugin_can_ask_somebody(conductor: CommandLine, project: Path, install: Callable[..., None]) -> None:
    """Its yes counts for the diff that it was shown, and for no other."""
    source = (
        "from codeconductor import Approval, hookimpl\n\n\n@hookimpl\ndef conductor_approve(request):\n"
        "    async def ask():\n        return Approval(decision='approved', sha256={})\n    return ask()\n"
    )
    install(web=source.format("request.draft.sha256"))
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor, "--apply", "never", yes=False)
    assert document["rounds"][0]["approval"]["by"] == "web"
    (conductor.home / "installed" / "web_plugin.py").write_text(source.format("'0' * 64"), encoding="utf-8")
    document = build(conductor, yes=False, code=6)
    assert document["rounds"][0]["verification"] is None
    assert (project / "calc.py").read_text() == WRONG


def test_what_came_of_each_round_is_kept_for_later_weighting(conductor: CommandLine, project: Path) -> None:
    """Model, kind, language and whether it passed; and of the choice, where its very code was tested."""
    answer = f"```python calc.py\n{RIGHT}```\n"
    with ScriptedOllama(ScriptedModel(name="team:7b", reply=answer)) as server:
        conductor.reach(server)
        document = build(conductor, coder="local")
    with closing(sqlite3.connect(conductor.data / "history.db")) as connection:
        rows = connection.execute("SELECT run_id, round, coder, model, kind, language, passed FROM written").fetchall()
        told = connection.execute("SELECT run_id, model, source, passed FROM outcome").fetchall()
    assert rows == [(document["id"], 1, "local", "ollama/team:7b", "function", "python", 1)]
    assert told == [(document["id"], "ollama/team:7b", "tests", 1)]


def test_a_folder_that_cannot_be_written_is_refused(conductor: CommandLine, project: Path) -> None:
    """As an ordinary user: before any model is asked, unless nothing is to be applied."""
    use_coder(conductor, writes(calc__py=RIGHT))
    project.chmod(0o555)
    program = (
        "import os, sys\nfrom codeconductor.errors import InputError\n"
        "from codeconductor.pipeline.building import Plan\nfrom codeconductor.pipeline.building.opening import opened\n"
        "from codeconductor.session import Session\n"
        "session = Session.start()\nos.setresuid(65534, 65534, 65534)\n"
        "plan = Plan(text='x', folder='.', coder='scribe')\n"
        "try:\n    opened(session, plan, yes=True)\nexcept InputError as exc:\n    print(exc.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project,
        env=conductor.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    project.chmod(0o755)
    assert "cannot be written" in done.stdout, done.stderr
