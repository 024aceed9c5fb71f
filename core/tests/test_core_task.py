"""A task is read from words, files and standard input; its kind and language are told from them."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError, Project, PromptSettings, read_context, read_project, read_task
from codeconductor.task import KINDS
from codeconductor.task.context import MAX_FILE, MAX_FILES
from codeconductor.task.task import MAX_TEXT, kind_of
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import ContextFile, Task


def told(text: str, folder: Path, **arguments: object) -> Task:
    project = arguments.pop("project", Project(root=folder))
    return read_task(text, project=project, **arguments)  # type: ignore[arg-type]


# Kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write a function is_palindrome(text) that ignores case and punctuation", "function"),
        ("Create a simple calculator class", "class"),
        ("Create a REST endpoint for users", "api"),
        ("Write tests for the parser", "test"),
        ("Fix the crash in the login class", "bugfix"),
        ("Refactor the parser into a class", "refactor"),
        ("What is a closure?", "question"),
        ("Explain decorators", "question"),
        ("How do I fix this bug?", "question"),
        ("Sort a list", "function"),
        ("Classify messages", "function"),
    ],
)
def test_the_kind_is_told_from_the_words(text: str, kind: str, tmp_path: Path) -> None:
    """What tells nothing is a function; a kind that is given counts."""
    assert told(text, tmp_path).kind == kind
    assert told(text, tmp_path, kind="api").kind == "api"


@given(st.text())
def test_any_words_have_a_kind(text: str) -> None:
    """Whatever they are."""
    assert kind_of(text) in KINDS


# Language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Write a TypeScript function", "typescript"),
        ("Write a function in JavaScript", "javascript"),
        ("Write a parser in Go", "go"),
        ("Go through the list and sort it", "python"),
        ("Let it go in go mode of golang", "go"),
        ("Write it in C", "c"),
        ("Write it in C++", "c++"),
        ("Write it in C#", "c#"),
        ("A Java program", "java"),
        ("A swift solution", "python"),
        ("Sort a list", "python"),
    ],
)
def test_the_language_is_told_from_the_words(text: str, language: str, tmp_path: Path) -> None:
    """Names of languages that are ordinary words count only where they can be meant."""
    assert told(text, tmp_path).language == language


def test_the_language_is_told_by_files_and_project_where_the_words_do_not(project_folder: Path) -> None:
    """Given, words, context files, project, Python: in this order; a question needs none."""
    (project_folder / "a.rs").write_text("fn main() {}")
    context = read_context(["a.rs"], project_folder, pytest.fail)
    project = Project(root=project_folder, languages=("Node.js >=20", "TypeScript"))
    assert told("Sort a list", project_folder, language="Ruby", context=context).language == "ruby"
    assert told("Sort a list in Java", project_folder, context=context).language == "java"
    assert told("Sort a list", project_folder, context=context, project=project).language == "rust"
    assert told("Sort a list", project_folder, project=project).language == "typescript"
    assert told("Why is the sky blue?", project_folder, project=project).language is None


# Words


@pytest.mark.parametrize("text", ["", "  \n\t ", "x" * (MAX_TEXT + 1), "\u00e9" * (MAX_TEXT // 2 + 1), "half \ud800"])
def test_words_that_are_no_task_are_refused(text: str, tmp_path: Path) -> None:
    """Empty, too long in bytes, or no text at all; the hint says what to do."""
    with pytest.raises(InputError) as caught:
        told(text, tmp_path)
    assert caught.value.hint
    assert len(caught.value.message) < 100


def test_the_users_own_words_are_kept(tmp_path: Path) -> None:
    """But for blanks around them."""
    assert told("  Sort\n a  list \n", tmp_path).text == "Sort\n a  list"


# Context files


@pytest.fixture
def warned() -> list[str]:
    return []


def read(paths: list[str], folder: Path, warned: list[str]) -> dict[str, ContextFile]:
    return {file.path: file for file in read_context(paths, folder, warned.append)}


def test_files_and_folders_are_read_in_the_order_given(project_folder: Path, warned: list[str]) -> None:
    """A folder's files by name, hidden and generated ones left out; each file once; paths as seen from the project."""
    for name in ("src/b.py", "src/a.py", "src/.hidden", "src/.git/x", "src/node_modules/y.js", "z.txt"):
        (project_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project_folder / name).write_text(name)
    files = read(["z.txt", "src", "./src/a.py", str(project_folder / "z.txt")], project_folder, warned)
    assert [(path, file.text) for path, file in files.items()] == [
        ("z.txt", "z.txt"),
        ("src/a.py", "src/a.py"),
        ("src/b.py", "src/b.py"),
    ]
    assert warned == []


def test_a_path_that_does_not_exist_is_refused(project_folder: Path, warned: list[str]) -> None:
    """A person who names a file means it; a link that leads nowhere is told as one."""
    with pytest.raises(InputError, match=r"no such context file: 'nothing\.py'"):
        read(["nothing.py"], project_folder, warned)
    (project_folder / "broken").symlink_to("nowhere")
    with pytest.raises(InputError, match="a link that leads nowhere"):
        read(["broken"], project_folder, warned)
    with pytest.raises(InputError, match="no such context file: ''"):
        read([""], project_folder, warned)


def test_what_cannot_be_a_path_is_refused(project_folder: Path, warned: list[str]) -> None:
    """As the file system says."""
    with pytest.raises(InputError, match="cannot read 'xxx"):
        read(["x" * 5_000], project_folder, warned)


def test_links_in_a_circle_are_left_out(project_folder: Path, warned: list[str]) -> None:
    """Somebody else's folder may hold such a link, and the rest of it is read."""
    (project_folder / "folder").mkdir()
    (project_folder / "folder" / "a").write_text("a")
    (project_folder / "folder" / "circle").symlink_to("circle")
    assert list(read(["folder"], project_folder, warned)) == ["folder/a"]
    assert warned == ["folder/circle is left out: it is no text"]


@pytest.mark.parametrize("content", [b"PNG\x00\x01", b"caf\xe9"], ids=["zero byte", "not UTF-8"])
def test_a_binary_file_is_left_out_with_a_warning(project_folder: Path, warned: list[str], content: bytes) -> None:
    """The others are read."""
    (project_folder / "image").write_bytes(content)
    (project_folder / "text").write_text("text")
    assert list(read(["image", "text"], project_folder, warned)) == ["text"]
    assert warned == ["image is left out: it is no text"]


def test_a_huge_file_is_cut_between_two_characters(project_folder: Path, warned: list[str]) -> None:
    """Its size stays known, and a warning says that it was cut."""
    (project_folder / "huge").write_text("x" + "\u00e9" * MAX_FILE, encoding="utf-8")
    (project_folder / "just").write_text("x" * MAX_FILE)
    files = read(["huge", "just"], project_folder, warned)
    assert (files["huge"].is_cut, files["just"].is_cut) == (True, False)
    assert files["huge"].text == "x" + "\u00e9" * (MAX_FILE // 2 - 1)
    assert files["huge"].size == 2 * MAX_FILE + 1
    assert warned == ["huge is cut: only its first 256 KiB of 512 KiB are read"]


def test_a_huge_file_that_is_not_utf_8_is_left_out(project_folder: Path, warned: list[str]) -> None:
    """Only the character that is cut at the end of what is read may be forgiven, none in the midst of it."""
    (project_folder / "latin").write_bytes(b"caf\xe9 " * MAX_FILE)
    (project_folder / "late").write_bytes(b"x" * (MAX_FILE - 1) + b"\xff" * 9)
    assert read(["latin", "late"], project_folder, warned) == {}
    assert warned == ["latin is left out: it is no text", "late is left out: it is no text"]


def test_links_that_lead_out_of_the_project_are_left_out(
    project_folder: Path, tmp_path: Path, warned: list[str]
) -> None:
    """Named themselves, inside of a folder, or through a linked folder; those that stay inside are read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (project_folder / "inner").write_text("inner")
    folder = project_folder / "folder"
    folder.mkdir()
    (folder / "escape").symlink_to(outside / "secret")
    (folder / "stays").symlink_to(project_folder / "inner")
    (folder / "away").symlink_to(outside)
    (project_folder / "linked").symlink_to(outside)
    files = read(["folder", "folder/escape", "linked", "linked/secret"], project_folder, warned)
    assert {path: file.text for path, file in files.items()} == {"folder/stays": "inner"}
    assert sorted(warning.partition(" ")[0] for warning in warned) == [
        "folder/away",
        "folder/escape",
        "folder/escape",
        "linked",
        "linked/secret",
    ]


def test_a_linked_folder_outside_of_the_project_is_one_warning(
    project_folder: Path, tmp_path: Path, warned: list[str]
) -> None:
    """As a linked file is: what lies in it is nobody's business, its names neither."""
    outside = tmp_path / "outside"
    (outside / "private").mkdir(parents=True)
    for name in ("one", "two", "private/three"):
        (outside / name).write_text(name)
    (project_folder / "linked").symlink_to(outside)
    assert read(["linked", "linked/private"], project_folder, warned) == {}
    assert warned == [
        "linked is left out: it is a link that leads out of the project",
        "linked/private is left out: it is a link that leads out of the project",
    ]


def test_a_file_outside_of_the_project_may_be_named(project_folder: Path, tmp_path: Path, warned: list[str]) -> None:
    """A person who names it means it, under the path that was given."""
    (tmp_path / "notes").write_text("notes")
    assert list(read(["../notes"], project_folder, warned)) == ["../notes"]
    assert warned == []


def test_a_folder_gives_no_more_than_so_many_files(project_folder: Path, warned: list[str]) -> None:
    """A warning says that there are more."""
    (project_folder / "many").mkdir()
    for number in range(MAX_FILES + 1):
        (project_folder / "many" / f"{number:04}").write_text("x")
    assert len(read(["many"], project_folder, warned)) == MAX_FILES
    assert warned == [f"many has more than {MAX_FILES} files: the others are left out"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_text(project_folder: Path, warned: list[str]) -> None:
    """Reading it would never end."""
    os.mkfifo(project_folder / "pipe")
    assert read(["pipe"], project_folder, warned) == {}
    assert warned == ["pipe is left out: it is no text"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused_when_named_and_left_out_of_a_folder(
    project_folder: Path, warned: list[str]
) -> None:
    """As of a path that does not exist."""
    (project_folder / "folder").mkdir()
    closed = project_folder / "folder" / "closed"
    closed.touch(mode=0)
    with pytest.raises(InputError, match="cannot read 'folder/closed'"):
        read(["folder/closed"], project_folder, warned)
    assert read(["folder"], project_folder, warned) == {}
    assert len(warned) == 1
    (project_folder / "folder" / "shut").mkdir(mode=0)
    assert read(["folder"], project_folder, warned) == {}
    assert warned[-1] == "folder/shut is left out: Permission denied"


def test_long_standard_input_is_cut_with_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a file is: half a diff must not pass for a whole one."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x" * (MAX_FILE + 9))))
    warnings: list[str] = []
    (file,) = read_context(["-"], tmp_path, warnings.append)
    assert (len(file.text), file.is_cut) == (MAX_FILE, True)
    assert warnings == ["standard input is cut: only its first 256 KiB are read"]


def test_standard_input_is_context(project_folder: Path, warned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file named `-`, once; what is not UTF-8 is refused."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("déjà vu".encode())))
    files = read(["-", "-"], project_folder, warned)
    assert {path: file.text for path, file in files.items()} == {"-": "déjà vu"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9")))
    with pytest.raises(InputError, match="standard input is not UTF-8"):
        read(["-"], project_folder, warned)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"caf\xe9 " * MAX_FILE, "standard input is not UTF-8"),
        (b"ELF\x00\x01", "standard input is no text"),
        (b"x" * MAX_FILE + b"\x00", "standard input is no text"),
    ],
    ids=["long, not UTF-8", "zero byte", "long, zero byte"],
)
def test_standard_input_that_is_no_text_is_refused(
    project_folder: Path, warned: list[str], monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    """Whether it is short or long: nothing of it is dropped in silence, and nothing binary is quoted as if text."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(InputError, match=said) as refused:
        read(["-"], project_folder, warned)
    assert refused.value.hint


# Project


def test_the_facts_of_a_project_come_from_its_own_files(project_folder: Path) -> None:
    """Name, layout, languages with their versions, and how its tests are run; settings are stronger."""
    (project_folder / "pyproject.toml").write_text(
        '[project]\nname = "birds"\nrequires-python = ">=3.11"\n[tool.pytest.ini_options]\n'
    )
    (project_folder / "src").mkdir()
    (project_folder / ".git").mkdir()
    project = read_project(project_folder, PromptSettings(standards=("be brief",)))
    assert (project.name, project.layout) == ("birds", ("src/", "pyproject.toml"))
    assert (project.languages, project.test_command) == (("Python >=3.11",), "pytest")
    assert project.standards == ("be brief",)
    assert read_project(project_folder, PromptSettings(test_command="make test")).test_command == "make test"


@pytest.mark.parametrize(
    ("files", "languages", "command"),
    [
        (
            {"package.json": '{"scripts": {"test": "x"}, "engines": {"node": ">=20"}}'},
            ("JavaScript", "Node.js >=20"),
            "npm test",
        ),
        ({"package.json": '{"devDependencies": {"typescript": "5"}}'}, ("TypeScript", "Node.js"), None),
        ({"Cargo.toml": '[package]\nname = "x"\nrust-version = "1.80"\n'}, ("Rust 1.80",), "cargo test"),
        ({"go.mod": "module x\n\ngo 1.22\n"}, ("Go 1.22",), "go test ./..."),
        ({"setup.py": ""}, ("Python",), "python -m unittest"),
        ({"pyproject.toml": "broken ["}, (), None),
        ({"package.json": "[1]"}, (), None),
        ({"pyproject.toml": "[project]\nname = 3\n"}, ("Python",), "python -m unittest"),
        ({}, (), None),
    ],
)
def test_other_languages_have_their_own_files(
    project_folder: Path, files: dict[str, str], languages: tuple[str, ...], command: str | None
) -> None:
    """A file that is broken tells nothing."""
    for name, content in files.items():
        (project_folder / name).write_text(content)
    project = read_project(project_folder, PromptSettings())
    assert (project.languages, project.test_command) == (languages, command)
