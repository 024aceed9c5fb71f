"""The conformance kit lets pass what keeps the contract, and fails what breaks it, saying how to comply.

All plugins are tested in one pytest of their own: starting one takes longer than all their tests.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

PROVIDER = """
import attrs
import pytest
from codeconductor import Chunk, Model, Problem, ProviderError, hookimpl
from codeconductor.testing import ProviderContract

@attrs.frozen
class AcmeSettings:
    voice: str

class Provider:
    @hookimpl
    async def conductor_discover_models(self, session):
        return [Model(provider="acme", name="parrot", host="memory:")]

    @hookimpl
    def conductor_query_model(self, session, model, query):
        if model.provider == "acme":
            return self.parrot(query)

    async def parrot(self, query):
        yield Chunk(text=query.messages[-1].content)

class TestProvider(ProviderContract):
    @pytest.fixture
    def provider(self):
        return Provider()
"""

STRATEGY = """
import pytest
from codeconductor import Consensus
from codeconductor.testing import StrategyContract

class Longest:
    name = "longest"

    async def decide(self, task, answers, bench):
        best = max(answers, key=lambda answer: len(answer.text))
        return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)

class TestLongest(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return Longest()
"""

RENDERER = """
import pytest
from codeconductor.testing import RendererContract

class Plain:
    name = "plain"

    def render(self, task, consensus, limits):
        return f"{task.text}\\n\\n{consensus.outcome.get('text', '')}"

class TestPlain(RendererContract):
    @pytest.fixture
    def renderer(self):
        return Plain()
"""

RUNNER = """
import pytest
from codeconductor import TestCase, TestRun
from codeconductor.testing import RunnerContract

class Shell:
    name = "shell"

    def fits(self, folder, session):
        return 10 if list(folder.glob("*.test")) else None

    def lacks(self, session):
        return None

    async def run_tests(self, bench):
        cases = []
        for name in bench.tests or sorted(path.name for path in bench.folder.glob("*.test")):
            ended = await bench.run(["sh", name])
            if ended.status is None:
                return TestRun(cases=cases, fault="it did not end")
            if b"done" in ended.output:
                cases.append(TestCase(name=name, file=name, status="passed"))
            else:
                cases.append(TestCase(name=name, file=name, status="failed", message="it is not done"))
        return TestRun(cases=cases)

class TestShell(RunnerContract):
    @pytest.fixture
    def runner(self):
        return Shell()

    @pytest.fixture
    def passing(self):
        return {"good.test": "echo done"}

    @pytest.fixture
    def failing(self):
        return {"bad.test": "echo bad"}

    @pytest.fixture
    def ending(self):
        return {"ends.test": "exit 0; echo done"}

    @pytest.fixture
    def alone(self):
        return "good.test"
"""

CODER = """
import asyncio
import pathlib
import pytest
from codeconductor import Failure, Written
from codeconductor.testing import CoderContract

class Scribe:
    name = "scribe"

    def __init__(self, is_able):
        self.is_able = is_able

    async def write(self, session, assignment):
        await asyncio.sleep(0.01)
        if not self.is_able:
            return Written(error=Failure(kind="missing", message="there is no ink"))
        with (assignment.folder / "calc.py").open("a") as file:
            file.write("# more")
        return Written(output="written")

class TestScribe(CoderContract):
    @pytest.fixture
    def coder(self):
        return Scribe(True)

    @pytest.fixture
    def unable(self):
        return Scribe(False)
"""


FAULTY_PROVIDERS = {
    "test_it_can_be_registered": ("model, query", "model, prompt", "prompt"),
    "test_its_settings_have_defaults": (
        "    @hookimpl\n    async def",
        "    @hookimpl\n    def conductor_settings(self):\n        return 'acme', AcmeSettings\n\n"
        "    @hookimpl\n    async def",
        "missing 1 required positional argument: 'voice'",
    ),
    "test_discovery_is_a_coroutine_function": ("async def conductor", "def conductor", "write `async def`"),
    "test_it_finds_a_chat_model": ('host="memory:"', 'host="memory:", kind="embedding"', "override `settings`"),
    "test_it_gives_models_and_problems_alone": ("return [Model(", 'return ["parrot", Model(', "give Model and Problem"),
    "test_a_model_is_listed_once_a_host": ("return [Model(", "return 2 * [Model(", "listed twice"),
    "test_it_leaves_the_id_to_core": ('host="memory:"', 'host="memory:", id="parrot"', "do not give an `id`"),
    "test_it_declines_models_of_others": ('if model.provider == "acme"', "if True", "give None"),
    "test_it_streams_chunks": ("yield Chunk(text=query.messages[-1].content)", 'yield "text"', "yield Chunk objects"),
    "test_it_is_asked_several_times_at_once": (
        "return self.parrot(query)",
        "self.busy = getattr(self, 'busy', 0) + 1; return self.parrot(query if self.busy == 1 else a_query(''))",
        "a stream beside others was empty",
    ),
    "test_a_stream_can_be_left": (
        "yield Chunk(text=query.messages[-1].content)",
        "try:\n            yield Chunk(text='x')\n        finally:\n            raise ValueError('cannot be left')",
        "cannot be left",
    ),
    "test_trouble_is_a_provider_error": (
        "async def parrot(self, query):",
        "async def parrot(self, query):\n        raise KeyError('gone')",
        "KeyError: 'gone'",
    ),
    "test_a_dead_host_is_a_problem": (
        "class TestProvider(ProviderContract):",
        "class TestProvider(ProviderContract):\n"
        "    @pytest.fixture\n    def unreachable_settings(self):\n        return {}\n",
        "give a Problem",
    ),
}


FAULTY_STRATEGIES = {
    "test_its_name_is_what_people_type": ('"longest"', '"The Longest"', "lower case"),
    "test_deciding_is_a_coroutine_function": ("async def decide", "def decide", "async def decide"),
    "test_it_gives_a_consensus": ("1 / len(answers)", "1.5", "a share from 0 to 1"),
    "test_its_choice_is_one_of_the_answers": (
        "choice=best",
        "choice=a_model() and type(best)(model=best.model, text='made up')",
        "do not make up an answer",
    ),
    "test_its_outcome_can_be_written_as_json": ('{"text": best.text}', '{"text": float("nan")}', "JSON"),
    "test_it_names_backers_by_id": (
        "choice=best",
        'fields=[FieldConsensus(name="text", value="x", support=1, models=["nobody"])]',
        "backed by somebody else",
    ),
    "test_the_order_of_the_answers_changes_nothing": (
        "max(answers, key=lambda answer: len(answer.text))",
        "answers[0]",
        "break ties",
    ),
    "test_it_decides_the_same_every_time": (
        "1 / len(answers)",
        "__import__('random').random()",
        "random.Random(bench.seed)",
    ),
    "test_one_answer_is_enough": ("best = max", "second = answers[1]; best = max", "IndexError"),
    "test_it_takes_any_usable_answer": (
        "best = max",
        "[a.data['approach'] for a in answers]; best = max",
        "object is not subscriptable",
    ),
    "test_its_opinions_have_the_right_type": (
        'name = "longest"',
        'name = "longest"\n    def suits(self, task, answers, bench):\n        return "very well"\n',
        "a whole number",
    ),
}


_RENDERS = "return f\"{task.text}\\n\\n{consensus.outcome.get('text', '')}\""
FAULTY_RENDERERS = {
    "test_its_name_is_what_people_type": ('"plain"', '" Plain"', "lower case"),
    "test_it_gives_a_text_or_a_prompt": (_RENDERS, "return task.text.encode()", "give a text or a Prompt"),
    "test_the_task_is_in_it_word_for_word": (_RENDERS, "return task.text.upper()", "put task.text into the prompt"),
    "test_it_knows_every_kind_of_task": (_RENDERS, "return {'function': task.text}[task.kind]", "KeyError"),
    "test_it_takes_any_outcome": (_RENDERS, "return task.text + consensus.outcome['code']", "KeyError"),
    "test_what_models_wrote_is_never_rendered_as_a_template": (
        _RENDERS,
        "return task.text + str(consensus.outcome.get('approach')).replace('{{ 6 * 7 }}', str(6 * 7))",
        "pass what models wrote as values",
    ),
    "test_it_keeps_to_the_limit": (
        _RENDERS,
        "return task.text + ''.join(file.text for file in task.context)",
        "cut context files first",
    ),
    "test_it_writes_the_same_every_time": (
        _RENDERS,
        "return task.text + str(id(object)) + __import__('uuid').uuid4().hex",
        "assert",
    ),
    "test_it_checks_a_template_before_models_are_asked": (
        'name = "plain"',
        'name = "plain"\n    def check(self, template, root):\n        pass\n',
        "DID NOT RAISE",
    ),
    "test_it_lists_its_templates": (
        'name = "plain"',
        'name = "plain"\n    def templates(self, root):\n        return ["function"]\n',
        "give Template objects",
    ),
}

_FITS = 'return 10 if list(folder.glob("*.test")) else None'
_ENDED = 'ended = await bench.run(["sh", name])'
FAULTY_RUNNERS = {
    "test_its_name_is_what_people_type": ('"shell"', '"a shell"', "has a blank"),
    "test_running_is_a_coroutine_function": (
        "async def run_tests(self, bench):",
        "def run_tests(self, bench):\n        return self.run(bench)\n\n    async def run(self, bench):",
        "write `async def run_tests`",
    ),
    "test_what_it_lacks_is_a_text": (
        "lacks(self, session):\n        return None",
        "lacks(self, session):\n        return True",
        "gives advice, or None",
    ),
    "test_how_well_it_fits_is_a_number": (_FITS, "return True", "give a whole number"),
    "test_looking_at_a_folder_changes_nothing": (_FITS, "(folder / 'seen').touch(); return 10", "only read in `fits`"),
    "test_it_takes_any_folder": (_FITS, "return len((folder / 'package.json').read_text())", "Error"),
    "test_tests_that_pass_are_green": ('b"done" in', 'b"gone" in', "it is not done"),
    "test_a_test_that_fails_is_told": (', message="it is not done"', "", "give a failed case its `message`"),
    "test_no_test_is_never_green": (
        "cases = []",
        'cases = [TestCase(name="all", status="passed")]',
        "where no test ran, give no case that passed",
    ),
    "test_its_cases_name_tests_and_files": (
        'file=name, status="passed"',
        'file=str(bench.folder / name), status="passed"',
        "give it relative to bench.folder",
    ),
    "test_a_process_that_ends_early_does_not_pass": (
        'b"done" in ended.output',
        "ended.status == 0",
        "look for the runner's own end of the report",
    ),
    "test_only_the_tests_that_are_named_run": ("bench.tests or", "", "run what `bench.tests` names"),
    "test_the_folder_stays_as_it_was": (
        "cases = []",
        "cases = []; (bench.origin / 'report').touch()",
        "leave bench.origin alone",
    ),
    "test_all_is_run_by_the_bench": (
        _ENDED,
        "ended = __import__('subprocess').run(['echo', 'done'], capture_output=True); ended.status = 0; "
        "ended.output = ended.stdout",
        "run everything with `bench.run`",
    ),
}


_WRITES = 'with (assignment.folder / "calc.py").open("a") as file:'
FAULTY_CODERS = {
    "test_its_name_is_what_people_type": ('"scribe"', '"Scribe"', "lower case"),
    "test_writing_is_a_coroutine_function": (
        "async def write(self, session, assignment):\n        await asyncio.sleep(0.01)",
        "def write(self, session, assignment):\n        pass",
        "write `async def write`",
    ),
    "test_what_it_says_of_itself_is_in_words": ('name = "scribe"', 'name = "scribe"; sends = True', "give a text"),
    "test_it_gives_what_it_wrote": ('return Written(output="written")', 'return "written"', "give a Written"),
    "test_it_writes_into_the_folder_that_it_is_given": (
        _WRITES,
        'with (assignment.folder.parent / "calc.py").open("a") as file:',
        "change the files in assignment.folder",
    ),
    "test_it_leaves_the_current_folder_alone": (
        _WRITES,
        'with pathlib.Path("calc.py").open("a") as file:',
        "write into assignment.folder",
    ),
    "test_it_takes_any_prompt": (_WRITES, f"assignment.prompt.format(folder='x')\n        {_WRITES}", "Error"),
    "test_it_writes_in_later_rounds_too": (
        "if not self.is_able:",
        "was_able, self.is_able = self.is_able, False\n        if not was_able:",
        "round 2",
    ),
    "test_it_can_be_interrupted": (
        "await asyncio.sleep(0.01)",
        "try:\n            await asyncio.sleep(0.01)\n        except asyncio.CancelledError:\n            pass",
        "let the CancelledError through",
    ),
    "test_trouble_is_told_and_not_raised": (
        'return Written(error=Failure(kind="missing", message="there is no ink"))',
        'raise FileNotFoundError("there is no ink")',
        "there is no ink",
    ),
    "test_trouble_says_what_happened": ('message="there is no ink"', 'message=" "', "say what happened"),
}


CONTRACTS = {
    "provider": (PROVIDER, FAULTY_PROVIDERS),
    "strategy": (STRATEGY, FAULTY_STRATEGIES),
    "renderer": (RENDERER, FAULTY_RENDERERS),
    "runner": (RUNNER, FAULTY_RUNNERS),
    "coder": (CODER, FAULTY_CODERS),
}
FAULTY = [(kind, test) for kind, (_, faulty) in CONTRACTS.items() for test in faulty]

HEAVY = """
from codeconductor import hookimpl
import rich

@hookimpl
async def conductor_discover_models(session):
    return []

@hookimpl
def conductor_query_model(session, model, query):
    return None
"""

USES_HEAVY = """
import codeconductor_heavy
import pytest
from codeconductor.testing import ProviderContract

class TestHeavy(ProviderContract):
    @pytest.fixture
    def provider(self):
        return codeconductor_heavy
"""

CHOICE = """
SPOILED = {spoiled!r}

def pytest_collection_modifyitems(items):
    # of a plugin that breaks one promise, the test of that one
    names = [(item.path.stem.removeprefix("test_kit_"), item.originalname) for item in items]
    items[:] = [item for item, (of, test) in zip(items, names) if SPOILED.get(of, test) == test]
"""

REPLACED = "\n    def test_one_answer_is_enough(self):\n        pass\n"
MARKED = (
    '\n    @pytest.mark.xfail(reason="draws by lot")'
    "\n    def test_it_decides_the_same_every_time(self):\n        assert False\n"
)


def _spoiled(kind: str, test: str) -> str:
    source, faulty = CONTRACTS[kind]
    good, bad, _ = faulty[test]
    assert good in source
    for name in ("ProviderContract", "StrategyContract"):
        source = source.replace(f"import {name}\n", f"import {name}, a_model, a_query\n")
    return source.replace("import Consensus\n", "import Consensus, FieldConsensus\n").replace(good, bad)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], str]:
    """What a pytest said of each plugin and test: "passed", "skipped", or the words of the failure."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "codeconductor_heavy.py").write_text(HEAVY)
    files = {"heavy": USES_HEAVY, "replaced": STRATEGY + REPLACED, "marked": STRATEGY + MARKED}
    for kind, (source, _) in CONTRACTS.items():
        files[f"good_{kind}"] = source
        files[f"unfilled_{kind}"] = source.replace(f"def {kind}(self)", "def another(self)")
    spoiled = {f"{kind}_{test}": test for kind, test in FAULTY}
    for kind, test in FAULTY:
        files[f"{kind}_{test}"] = _spoiled(kind, test)
    (folder / "conftest.py").write_text(CHOICE.format(spoiled=spoiled))
    for name, source in files.items():
        (folder / f"test_kit_{name}.py").write_text(source)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    subprocess.run([*command, f"--junitxml={report}", f"--rootdir={folder}", "-W", "error"], cwd=folder, check=False)
    said: dict[tuple[str, str], str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = (case.get("classname") or case.get("name") or "").partition(".")[0].removeprefix("test_kit_")
        test = (case.get("name") or "").partition("[")[0]
        words = [" ".join([child.tag, child.get("message", ""), child.text or ""]) for child in case] or ["passed"]
        said[name, test] = "\n".join([*said.get((name, test), "").splitlines(), *words])
    return said


@pytest.mark.parametrize("kind", CONTRACTS)
def test_what_keeps_the_contract_passes(results: Mapping[tuple[str, str], str], kind: str) -> None:
    """The examples of the hook reference pass the kit as they stand."""
    said = {test: words for (name, test), words in results.items() if name == f"good_{kind}"}
    assert len(said) >= 10
    assert {test: words for test, words in said.items() if not words.startswith(("passed", "skipped"))} == {}


@pytest.mark.parametrize(("kind", "test"), FAULTY)
def test_what_breaks_a_promise_fails_its_test(results: Mapping[tuple[str, str], str], kind: str, test: str) -> None:
    """Each promise has a test that fails for a plugin that breaks it, and says how to comply."""
    advice = CONTRACTS[kind][1][test][2]
    assert "failure" in results[f"{kind}_{test}", test]
    assert advice in results[f"{kind}_{test}", test]


@pytest.mark.parametrize("kind", CONTRACTS)
def test_every_promise_can_be_broken(results: Mapping[tuple[str, str], str], kind: str) -> None:
    """No test of the kit is without a plugin here that fails it."""
    promises = {test for name, test in results if name == f"good_{kind}"}
    assert promises - CONTRACTS[kind][1].keys() <= {"test_importing_it_is_cheap"}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_a_fixture_that_must_be_overridden_says_so(results: Mapping[tuple[str, str], str], kind: str) -> None:
    """Who subclasses a contract and overrides nothing is told what to give."""
    said = [words for (name, _), words in results.items() if name == f"unfilled_{kind}"]
    assert said
    assert any(f"override the fixture `{kind}`" in words for words in said)


def test_a_module_that_imports_much_is_told(results: Mapping[tuple[str, str], str]) -> None:
    """A plugin's module is imported on every command, so what is heavy stays inside the hooks."""
    assert "import these inside the hook functions" in results["heavy", "test_importing_it_is_cheap"]


def test_a_test_of_the_contract_is_not_replaced_in_silence(results: Mapping[tuple[str, str], str]) -> None:
    """Overriding a promise away is refused when the class is made."""
    said = [words for (name, _), words in results.items() if name == "replaced"]
    assert ["mark it with @pytest.mark.xfail(reason" in words for words in said] == [True]


def test_a_promise_that_cannot_be_kept_is_marked_with_a_reason(results: Mapping[tuple[str, str], str]) -> None:
    """An expected failure with a reason is the one way to leave a promise out."""
    assert results["marked", "test_it_decides_the_same_every_time"].startswith("skipped draws by lot")
