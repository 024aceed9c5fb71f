"""Plans: field by field, leniently read, agreed on by more than half."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing import an_answer
from codeconductor_consensus_majority._proposals import MAX_OPTIONS, normal_path, package, read_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Answer, Consensus


def plan(model: str, sample: int = 0, **fields: Any) -> Answer:
    """An answer with a plan and nothing else."""
    return an_answer(f"```json\n{json.dumps(fields)}\n```", model=model, sample=sample)


def supports(consensus: Consensus, name: str) -> dict[str, object]:
    return {str(field.value): pytest.approx(field.support) for field in consensus.fields if field.name == name}


def test_lists_are_agreed_on_item_by_item(decide: Callable[..., Consensus]) -> None:
    """What more than half name is agreed, with its backers; what fewer name is an open question."""
    consensus = decide(
        [
            plan("a", approach="Loop once", requirements=["Ignore case", "Return True for an empty string"]),
            plan("b", approach="Loop once", requirements=["The function ignores case"]),
            plan("c", approach="Loop once", requirements=["Ignores case.", "Log every failed request"]),
        ]
    )
    assert consensus.outcome["requirements"] in (["Ignore case"], ["Ignores case."])
    [requirement] = [field for field in consensus.fields if field.name == "requirements"]
    assert (requirement.support, requirement.models) == (1.0, ("acme/a", "acme/b", "acme/c"))
    [disagreement] = consensus.disagreements
    assert disagreement.field == "requirements"
    assert {option.models for option in disagreement.options} == {("acme/a",), ("acme/c",)}


def test_half_of_the_votes_is_not_enough(decide: Callable[..., Consensus]) -> None:
    """Two of four is no majority; three of four is one."""
    four = [plan(name, approach="Loop", constraints=["Use type hints"] * (name in "ab")) for name in "abcd"]
    assert "constraints" not in decide(four).outcome
    assert decide([*four[:2], plan("c", constraints=["Type hints are used"]), four[3]]).outcome["constraints"]


def test_the_approach_is_the_best_supported_one_in_its_most_central_wording(decide: Callable[..., Consensus]) -> None:
    """Rewordings stand together against another approach; without a majority it is an open question as well."""
    two = ["Use two pointers from both ends", "Use two pointers moving from both ends"]
    consensus = decide([plan("a", approach=two[0]), plan("b", approach=two[1]), plan("c", approach="Use a stack")])
    assert consensus.outcome["approach"] in two
    assert consensus.disagreements == ()
    split = decide([plan("a", approach=two[0]), plan("b", approach="Use recursion"), plan("c", approach="Use a stack")])
    assert split.outcome["approach"] == split.disagreements[0].options[0].value
    assert [option.support for option in split.disagreements[0].options] == [pytest.approx(1 / 3)] * 3


def test_opposite_approaches_stay_apart(decide: Callable[..., Consensus]) -> None:
    """They share all words but one."""
    texts = ["Sort the users by age in ascending order", "Sort the users by age in descending order"]
    consensus = decide(
        [plan(name, approach=text) for name, text in zip("aab", [texts[0], texts[0], texts[1]], strict=True)]
    )
    assert consensus.agreement == 0.5


def test_files_are_one_by_their_path_and_purposes_are_merged(decide: Callable[..., Consensus]) -> None:
    """However the path is written, and whether the item is an object or a text."""
    consensus = decide(
        [
            plan("a", files=[{"path": "./src/app.py", "purpose": "Runs the server"}]),
            plan("b", files=["src//app.py: Runs the server."]),
            plan("c", files={"src\\app.py": "Everything", "tests/test_app.py": "Tests"}),
        ]
    )
    assert consensus.outcome["files"] == [{"path": "src/app.py", "purpose": "Runs the server"}]
    assert consensus.disagreements[0].options[0].value == "tests/test_app.py"


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("src/my file.py", {"src/my file.py": ""}),
        ("docs/user guide.md: For beginners", {"docs/user guide.md": "For beginners"}),
        ("`my file.py` - Runs it", {"my file.py": "Runs it"}),
        ("main.py (runs it)", {"main.py": "runs it"}),
        ("Create main.py", {}),
        ("src/app.py and src/models.py", {}),
        ("Whatever is needed", {}),
    ],
)
def test_a_path_in_a_text_may_have_blanks(text: str, files: dict[str, str]) -> None:
    """In quotes, or in the name of a file in a folder; a sentence is no path."""
    read = read_plan({"approach": "x", "files": [text]})
    assert read is not None
    assert read.purposes == files


def test_dependencies_are_one_by_their_name(decide: Callable[..., Consensus]) -> None:
    """What is said about a package does not count, its version does; "none" is no dependency."""
    consensus = decide(
        [
            plan("a", approach="x", dependencies=["requests (HTTP client)", "numpy>=1.20"]),
            plan("b", approach="x", dependencies=["the requests library", "numpy>=2.0"]),
            plan("c", approach="x", dependencies=["None", "No external dependencies"]),
        ]
    )
    assert supports(consensus, "dependencies") == {"the requests library": 2 / 3} or supports(
        consensus, "dependencies"
    ) == {"requests (HTTP client)": 2 / 3}
    [disagreement] = consensus.disagreements
    assert {option.value for option in disagreement.options} == {"numpy>=1.20", "numpy>=2.0"}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("re (standard library)", "re", True),
        ("`python-dateutil`", "python_dateutil", True),
        ("Python's collections module", "collections", True),
        ("Flask", "flask: web framework", True),
        ("numpy >= 1.20", "numpy>=1.20", True),
        ("pytest", "pytest-asyncio", False),
        ("numpy>=1.20", "numpy", False),
        ("@types/node", "@types/react", False),
    ],
)
def test_a_package_is_known_by_its_name_and_version(one: str, other: str, equal: bool) -> None:
    """Words around the name do not count."""
    assert package(one) is not None
    assert (package(one) == package(other)) is equal


def test_a_sentence_names_no_package() -> None:
    """It is compared by its words."""
    assert package("Whatever the server needs to run") is None


@pytest.mark.parametrize(
    ("path", "normal"),
    [("./a.py", "a.py"), ("`src/b.py`", "src/b.py"), ("src\\c.py", "src/c.py"), ("a//b/", "a/b"), ("", ""), (".", "")],
)
def test_a_path_has_one_spelling(path: str, normal: str) -> None:
    """Slashes, no leading dot, no quotes."""
    assert normal_path(path) == normal


@pytest.mark.parametrize("path", ["/etc/passwd", "//etc/passwd", "\\\\etc\\passwd", "///etc//passwd"])
def test_a_path_from_the_root_is_none_of_the_project(path: str) -> None:
    """Nor is a share of a network; the prompt leaves both out, with a warning."""
    assert normal_path(path) == "/etc/passwd"


def test_a_test_or_risk_that_one_model_names_is_no_open_question(decide: Callable[..., Consensus]) -> None:
    """Nobody disagrees by not naming it."""
    plans = [plan(name, approach="Loop", tests=[f"Case {name}"], risks=[f"Risk {name}"]) for name in "abc"]
    assert decide(plans).disagreements == ()


def test_open_questions_are_capped_the_best_supported_first(decide: Callable[..., Consensus]) -> None:
    """A person reads a few of them."""
    colours = ("red", "green", "blue", "black", "white", "brown", "pink", "gold", "grey", "teal", "lime", "navy")
    plans = [plan(f"m{i}", requirements=[f"Paint {word}" for word in colours[: i + 1]]) for i in range(12)]
    [disagreement] = decide(plans).disagreements
    found = [option.support for option in disagreement.options]
    assert len(found) == MAX_OPTIONS
    assert found == sorted(found, reverse=True)
    assert max(found) <= 0.5


def test_an_answer_without_a_plan_abstains_from_plans(decide: Callable[..., Consensus]) -> None:
    """Supports are shares of the votes of those that wrote one; the explanation says how many did."""
    code = "```python\nx = 1\n```"
    answers = [an_answer(code, model="a"), an_answer(code, model="b"), plan("c", requirements=["Use type hints"])]
    consensus = decide(answers)
    assert supports(consensus, "requirements") == {"Use type hints": 1.0}
    assert "1 of 3 answers had a plan." in consensus.explanation


def test_the_agreement_on_plans_is_the_mean_support(decide: Callable[..., Consensus]) -> None:
    """Without code, over all that was agreed on; the choice is the plan that is nearest to it."""
    consensus = decide(
        [
            plan("a", approach="Use a stack", requirements=["Ignore case", "Log every failed request"]),
            plan("b", approach="Use a stack", requirements=["Ignore case"]),
            plan("c", approach="Use recursion", requirements=["Ignore case"]),
        ]
    )
    assert consensus.agreement == pytest.approx((2 / 3 + 1) / 2)
    assert consensus.choice is not None
    assert consensus.choice.model.name in ("a", "b")


def test_plans_that_share_nothing_still_give_their_options(decide: Callable[..., Consensus]) -> None:
    """No field is agreed on: the outcome is empty, and nothing is lost."""
    plans = [plan("a", requirements=["Ignore case"]), plan("b", requirements=["Log every failed request"])]
    consensus = decide(plans)
    assert dict(consensus.outcome) == {}
    assert consensus.agreement == 0.5
    assert len(consensus.disagreements[0].options) == 2


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["a b", "c d"], ("a b", "c d")),
        ("- a b\n- c d", ("a b", "c d")),
        ({"1": "a b", "2": "c d"}, ("a b", "c d")),
        ([{"name": "a", "description": "b"}, 3, None, True, ["c", "d"]], ("a: b", "3", "c, d")),
        ([{"input": "f(1)", "expected": 2}], ("f(1): 2",)),
        (7, ("7",)),
        (None, ()),
        ("None", ()),
        (["n/a", "-", ""], ()),
        (["a b", "a b"], ("a b",)),
    ],
)
def test_a_list_is_read_in_whatever_form_it_comes(value: object, items: tuple[str, ...]) -> None:
    """Texts with bullets, objects, numbers and nested lists are items; what says nothing is none."""
    read = read_plan({"approach": "x", "tests": value})
    assert read is not None
    assert read.items["tests"] == items


@pytest.mark.parametrize("data", [None, {}, {"other": 1}, {"approach": None}, {"approach": "", "tests": []}, [1]])
def test_what_is_no_plan_is_none(data: Any) -> None:
    """An object without a field of a plan, or with nothing in them."""
    assert read_plan(data) is None


def test_items_keep_the_order_in_which_models_name_them(decide: Callable[..., Consensus]) -> None:
    """Of equally supported items, the one that stands first in the lists is first."""
    requirements = ["Read the file", "Parse each line", "Count the words"]
    consensus = decide([plan(name, requirements=requirements) for name in "ab"])
    assert consensus.outcome["requirements"] == requirements
