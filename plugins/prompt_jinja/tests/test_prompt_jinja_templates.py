"""Where templates are found, what they may override, and what is said of wrong ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError, Project, PromptLimits
from codeconductor.testing import a_task
from codeconductor_prompt_jinja.renderer import JinjaRenderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Prompt, TaskKind

    Render = Callable[..., Prompt]

BUILTIN = ["api", "base", "bugfix", "class", "function", "generic", "question", "refactor", "test"]


@pytest.fixture
def with_template(render: Render) -> Callable[[str], str]:
    """Render with the template of that name or path."""
    return lambda template: render(limits=PromptLimits(template=template)).text


def check(template: str | None, root: Path, kind: TaskKind = "function") -> None:
    """What happens before models are asked."""
    JinjaRenderer().check(a_task(kind=kind, project=Project(root=root)), PromptLimits(template=template))


def complaint(template: str | None, root: Path) -> InputError:
    """What `check` says of a template."""
    with pytest.raises(InputError) as caught:
        check(template, root)
    return caught.value


# Finding


def test_the_project_comes_before_the_user_and_the_user_before_us(
    with_template: Callable[[str], str], project_templates: Path, user_templates: Path
) -> None:
    """Of templates of one name the nearest is taken."""
    (user_templates / "function.md.j2").write_text("the user's")
    assert with_template("function") == "the user's\n"
    (project_templates / "function.md.j2").write_text("the project's")
    assert with_template("function") == "the project's\n"


def test_an_overridden_kind_is_taken_by_itself(render: Render, project_templates: Path) -> None:
    """A project's `function` is used for functions without being named; it is a change that is seen at once."""
    render()
    (project_templates / "function.md.j2").write_text("mine")
    assert render().text == "mine\n"
    (project_templates / "function.md.j2").write_text("changed to something longer")
    assert render().text == "changed to something longer\n"
    (project_templates / "function.md.j2").unlink()
    assert render().text.startswith("# Write a function")


def test_all_in_reach_are_listed_with_what_hides_them(
    root: Path, project_templates: Path, user_templates: Path
) -> None:
    """By name, the one that is taken first; a hidden one names where the one that hides it stands."""
    (project_templates / "class.md.j2").write_text("c")
    (user_templates / "class.md.j2").write_text("c")
    (user_templates / "note.md.j2").write_text("n")
    (user_templates / "note.txt").write_text("no template")
    found = JinjaRenderer().templates(root)
    assert [it.name for it in found if it.origin == "built-in"] == BUILTIN
    assert [(it.origin, it.hidden_by) for it in found if it.name == "class"] == [
        ("project", None),
        ("user", "project"),
        ("built-in", "project"),
    ]
    assert [(it.name, it.text, it.path) for it in found if it.origin == "user"][1:] == [
        ("note", "n", user_templates / "note.md.j2")
    ]


@pytest.mark.parametrize("given", ["deep/own.md.j2", "{root}/deep/own.md.j2", "own.txt"])
def test_a_path_is_relative_to_the_current_folder_or_the_projects(
    with_template: Callable[[str], str], root: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Any file that is named is a template, wherever the user stands in the project."""
    for name in ("deep/own.md.j2", "own.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("own {{ task.kind }}")
    template = given.format(root=root)
    assert with_template(template) == "own function\n"
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")
    assert with_template(template) == "own function\n"


def test_a_path_may_be_relative_to_one_folder_alone(
    render: Render, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of the project's file is, wherever the user stands."""
    for folder, text in ((root, "the project's"), (root / "deep", "another")):
        folder.mkdir(exist_ok=True)
        (folder / "own.txt").write_text(text)
    (root / "deep" / "only.txt").write_text("another")
    monkeypatch.chdir(root / "deep")
    assert render(limits=PromptLimits(template="own.txt", template_root=root)).text == "the project's\n"
    with pytest.raises(InputError, match=r"unknown template 'only\.txt'"):
        render(limits=PromptLimits(template="only.txt", template_root=root))


def test_a_name_may_carry_its_suffix(with_template: Callable[[str], str]) -> None:
    """`bugfix.md.j2` is the template `bugfix` where there is no such file here."""
    assert with_template("bugfix.md.j2").startswith("# Fix a bug")


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("funktion", "unknown template 'funktion'", "did you mean 'function'?"),
        ("no/such/clas.md.j2", "no such template file: 'no/such/clas.md.j2'", "did you mean the template 'class'?"),
        ("qqqqqq.j2", "no such template file", "conductor templates"),
        (".", "is a folder", "give one file"),
        ("x\0y", "no such template file", "conductor templates"),
        ("y" * 5_000, "unknown template", "known:"),
        ("~nobody/x", "no such template file", "conductor templates"),
    ],
)
def test_a_template_that_does_not_exist_is_named_with_the_nearest(
    root: Path, user_templates: Path, given: str, message: str, hint: str
) -> None:
    """Checked before any model is asked."""
    error = complaint(given, root)
    assert message in error.message
    assert hint in (error.hint or "")


def test_a_link_out_of_the_project_is_no_template(root: Path, project_templates: Path) -> None:
    """A cloned repository must not put a file of its reader into a prompt."""
    (root.parent / "secret").write_text("key")
    (project_templates / "own.md.j2").symlink_to(root.parent / "secret")
    assert "leads out of the project" in complaint("own", root).message
    assert "own" not in {it.name for it in JinjaRenderer().templates(root)}


# Overriding


def test_an_override_extends_the_one_that_it_hides(
    with_template: Callable[[str], str], project_templates: Path, user_templates: Path
) -> None:
    """A template's own name means the next one of that name: project over user over ours."""
    (project_templates / "function.md.j2").write_text(
        '{% extends "function.md.j2" %}{% block rules %}{{ super() }}- The project says so.\n{% endblock %}'
    )
    (user_templates / "function.md.j2").write_text(
        '{% extends "function.md.j2" %}{% block rules %}{{ super() }}- The user says so.\n{% endblock %}'
    )
    text = with_template("function")
    ours, users, projects = (text.index(part) for part in ("Keep the name", "The user says so", "The project says so"))
    assert ours < users < projects


def test_an_override_may_name_the_built_in_one(
    with_template: Callable[[str], str], project_templates: Path, user_templates: Path
) -> None:
    """`builtin/` before a name passes over all others."""
    (user_templates / "class.md.j2").write_text("the user's")
    (project_templates / "class.md.j2").write_text(
        '{% extends "builtin/class.md.j2" %}{% block goal %}Mine{% endblock %}'
    )
    assert with_template("class").startswith("# Mine\n")


def test_an_overridden_base_changes_every_kind(render: Render, project_templates: Path) -> None:
    """The built-in templates extend the `base` that is found first."""
    (project_templates / "base.md.j2").write_text(
        '{% extends "base.md.j2" %}{% block output %}{{ super() }}\nSign your work.\n{% endblock %}'
    )
    for kind in ("function", "bugfix", "generic"):
        prompt = render(limits=PromptLimits(template=kind))
        assert prompt.text.endswith("what the tests said.\n\nSign your work.\n")


def test_every_block_can_be_overridden(render: Render, project_templates: Path) -> None:
    """What the README says of blocks holds for each of them."""
    listed = re.findall(r"^\| `(\w+)` \|", readme_section("Blocks"), re.M)
    assert len(listed) > 10
    for block in listed:
        (project_templates / "own.md.j2").write_text(
            f'{{% extends "base.md.j2" %}}{{% block {block} %}}<<{block}>>{{% endblock %}}'
        )
        assert f"<<{block}>>" in render(limits=PromptLimits(template="own")).text


def readme_section(heading: str) -> str:
    """A section of the distribution's README."""
    from pathlib import Path

    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_documented_value_exists(render: Render, project_templates: Path) -> None:
    """A template sees the values and the filters that the README lists."""
    values = re.findall(r"^\| `([\w.]+)` \|", readme_section("What a template sees"), re.M)
    filters = re.findall(r"^\| `(\w+)(?:\(.*\))?` \|", readme_section("Filters"), re.M)
    assert len(values) > 15
    assert len(filters) > 8
    lines = [f"{{{{ {value} is defined }}}}" for value in values]
    lines += [f"{{{{ '{name}' is filter }}}}" for name in filters]
    (project_templates / "own.md.j2").write_text("\n".join(lines))
    assert set(render(limits=PromptLimits(template="own")).text.split()) == {"True"}


# Wrong templates


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("one\n{% if task %}", 2, "Unexpected end of template"),
        ("one\n\n{{ task | shout }}", 3, "No filter named 'shout'"),
        ("{{ task.text", 1, "unexpected end of template"),
        ('one\n{% extends "bass.md.j2" %}', 2, "no template 'bass.md.j2'"),
        ("{% block a %}{% endblock %}\n{% block a %}{% endblock %}", 2, "block 'a' defined twice"),
    ],
)
def test_a_template_that_does_not_compile_is_found_out_before_models_are_asked(
    root: Path, project_templates: Path, source: str, line: int, message: str
) -> None:
    """The message has the file as one would type it, the line, and what is wrong."""
    (project_templates / "own.md.j2").write_text(source)
    error = complaint("own", root)
    assert error.message.startswith(f"template .conductor/templates/own.md.j2, line {line}: ")
    assert message in error.message
    assert error.hint


def test_a_template_that_names_an_unknown_one_is_told_the_nearest(root: Path, project_templates: Path) -> None:
    """As somebody who asks for it by its name."""
    (project_templates / "own.md.j2").write_text('{% extends "functoin.md.j2" %}')
    assert complaint("own", root).hint == "did you mean 'function.md.j2'?"


@pytest.mark.parametrize("broken", ["function", "generic", "base"])
def test_a_broken_template_that_would_be_chosen_is_found_out_before_models_are_asked(
    root: Path, project_templates: Path, broken: str
) -> None:
    """It need not be named: the task's kind chooses it, or what comes out does."""
    (project_templates / f"{broken}.md.j2").write_text("\n{% if %}")
    assert complaint(None, root).message.startswith(f"template .conductor/templates/{broken}.md.j2, line 2: ")


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a\n{{ taks.text }}", 2, "'taks' is undefined"),
        ("{% if\ntaks %}{% endif %}", 2, "'taks' is undefined"),
        ("a\nb\n{{ task.txt }}", 3, "'task' has no attribute 'txt'"),
        ("{{ task['txt'] }}", 1, "'task' has no attribute 'txt'"),
        ("{% for x in consensus.agred.files %}{% endfor %}", 1, "'consensus' has no attribute 'agred'"),
        ("{% for task in [1] %}{{ task }}{% endfor %}\n{{ limits.most }}\n{{ nope }}", 2, "'limits' has no"),
        (
            '{% extends "function.md.j2" %}{% block task %}\n{{ super() }}{{ nope }}{% endblock %}',
            2,
            "'nope' is undefined",
        ),
    ],
)
def test_what_no_prompt_has_is_found_out_before_models_are_asked(
    root: Path, project_templates: Path, source: str, line: int, message: str
) -> None:
    """A slip of the pen costs a second, not the minutes that the models take."""
    (project_templates / "own.md.j2").write_text(source)
    error = complaint("own", root)
    assert error.message.startswith(f"template .conductor/templates/own.md.j2, line {line}: ")
    assert message in error.message
    assert error.hint is not None
    assert "a template sees task, consensus, project and limits" in error.hint


@pytest.mark.parametrize(
    "source",
    [
        "{{ task.txt | default('') }}{{ nope | d('x') }}{{ nope.deeper | default('') }}",
        "{% if nope is defined %}{{ nope }}{% endif %}",
        "{% if task.txt is undefined %}x{% else %}{{ task.txt }}{% endif %}",
        "{{ consensus.choice.model }}{{ consensus.agreed.files[0].nope }}",
        "{% set nope = 1 %}{% block a %}{{ nope }}{% endblock %}",
        "{% for task in [{'txt': 1}] %}{{ task.txt }}{{ loop.index }}{% endfor %}",
        "{% macro m(project) %}{{ project.nope }}{{ caller() }}{% endmacro %}{% call m({'nope': 1}) %}{% endcall %}",
        "{% block a %}{% endblock %}{{ self.a() }}{{ range(3) | list }}{{ dict(a=1) }}{{ namespace(a=1).a }}",
        "{% for key, value in task.items() %}{{ task.get(key) }}{% endfor %}",
        '{% import "own_macros.md.j2" as own %}{{ own.say() }}',
        '{% from "own_macros.md.j2" import say, say as again %}{{ say() }}{{ again() }}',
        '{% extends "own_base.md.j2" %}{% block a %}{{ tone }}{% endblock %}',
        '{% include "own_" ~ task.kind ~ ".md.j2" ignore missing %}{{ nope }}',
    ],
)
def test_what_may_be_there_is_found_out_when_it_is_written(root: Path, project_templates: Path, source: str) -> None:
    """What a template assigns, guards, or takes from what models said is nothing to refuse."""
    (project_templates / "own.md.j2").write_text(source)
    (project_templates / "own_macros.md.j2").write_text("{% macro say() %}x{% endmacro %}")
    (project_templates / "own_base.md.j2").write_text("{% set tone = 'calm' %}{% block a %}{% endblock %}")
    check("own", root)


def test_a_broken_template_for_other_tasks_is_let_be(root: Path, project_templates: Path) -> None:
    """A run that will not use it goes on."""
    (project_templates / "api.md.j2").write_text("{% if %}")
    check(None, root)
    with pytest.raises(InputError):
        check(None, root, kind="api")


def test_a_fault_in_what_a_template_extends_is_found_where_it_is(root: Path, project_templates: Path) -> None:
    """The name and the line are those of the template with the fault."""
    (project_templates / "own.md.j2").write_text('{% extends "house.md.j2" %}')
    (project_templates / "house.md.j2").write_text("\n{% endif %}")
    assert complaint("own", root).message.startswith("template .conductor/templates/house.md.j2, line 2: ")


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a\n{{ taks.text }}", 2, "'taks' is undefined"),
        ("a\nb\n{{ task.txt }}", 3, "has no attribute 'txt'"),
        ("{{ task.text.__class__ }}", 1, "unsafe"),
        ("\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("\n{{ 1 + task.text }}", 2, "TypeError"),
        ("{% for x in consensus.choice.nope %}{% endfor %}", 1, "has no attribute 'nope'"),
        ('{% extends "function.md.j2" %}{% block task %}\n{{ nope }}{% endblock %}', 2, "'nope' is undefined"),
        ("{% block a %}{{ self.a() }}{% endblock %}", 1, "circle"),
        ("{% include task.text %}", 1, "no template 'Write a function shout(text)'"),
    ],
)
def test_what_goes_wrong_while_rendering_has_its_template_and_line(
    render: Render, project_templates: Path, source: str, line: int, message: str
) -> None:
    """A name that does not exist, and any other fault, is the input's fault and not a crash."""
    (project_templates / "own.md.j2").write_text(source)
    with pytest.raises(InputError) as caught:
        render(limits=PromptLimits(template="own"))
    assert caught.value.message.startswith(f"template .conductor/templates/own.md.j2, line {line}: ")
    assert message in caught.value.message
    assert caught.value.hint


def test_templates_that_extend_each_other_are_refused(render: Render, project_templates: Path) -> None:
    """A circle ends with a message."""
    (project_templates / "one.md.j2").write_text('{% extends "two.md.j2" %}')
    (project_templates / "two.md.j2").write_text('{% extends "one.md.j2" %}')
    with pytest.raises(InputError, match="circle"):
        render(limits=PromptLimits(template="one"))


def test_a_path_is_named_as_it_was_given(render: Render, root: Path) -> None:
    """The message names the file as the user typed it."""
    (root / "own.txt").write_text("{{ nope }}")
    with pytest.raises(InputError, match=r"^template own\.txt, line 1: 'nope' is undefined"):
        render(limits=PromptLimits(template="own.txt"))


def test_a_template_that_is_no_text_is_refused(root: Path, project_templates: Path) -> None:
    """Neither another encoding nor a file of any length is read."""
    (project_templates / "latin.md.j2").write_bytes("a\ncafé".encode("latin-1"))
    (project_templates / "long.md.j2").write_bytes(b"a" * 300_000)
    assert complaint("latin", root).message.endswith("latin.md.j2, line 2: not UTF-8")
    assert "longer than 256 KiB" in complaint("long", root).message


def test_a_template_that_cannot_be_read_is_named(
    root: Path, project_templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which file and why, and the hint what to look at."""

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    (project_templates / "own.md.j2").write_text("x")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    error = complaint("own", root)
    assert error.message == "cannot read template .conductor/templates/own.md.j2: Permission denied"
    assert "permissions" in (error.hint or "")


def test_a_fault_of_ours_is_not_called_the_users(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in a built-in template alone is no `InputError`."""
    from codeconductor_prompt_jinja.view import View

    monkeypatch.setattr(View, "data", lambda *_: {"task": {}, "limits": {}})
    with pytest.raises(KeyError):
        render()
