"""Replies as models really write them: whatever is broken, nothing is lost and nothing is raised."""

from __future__ import annotations

import json
import time

import pytest
from codeconductor import fence_for, read_reply, split_reasoning, to_plain
from codeconductor.dispatch.replies import MAX_JSON, MAX_REPAIR, PROPOSAL_FIELDS, read_json
from hypothesis import example, given
from hypothesis import strategies as st

CODE = "```python\nx = 1\n```\n"


def data_of(text: str) -> object:
    return read_reply(text).data


def code_of(text: str) -> list[tuple[str | None, str | None, str]]:
    return [(block.language, block.path, block.text) for block in read_reply(text).code]


# The proposal


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"approach": "a", "tests": ["t"]}\n```\n' + CODE,
        '```JSON\n{"approach": "a", "tests": ["t"]}\n```\n' + CODE,
        '```json5\n{approach: "a", tests: ["t"]}\n```\n' + CODE,
        '```\n{"approach": "a", "tests": ["t"]}\n```\n' + CODE,
        '~~~json\n{"approach": "a", "tests": ["t"]}\n~~~\n' + CODE,
        '  ```json\n  {"approach": "a",\n   "tests": ["t"]}\n  ```\n' + CODE,
        '> ```json\n> {"approach": "a", "tests": ["t"]}\n> ```\n' + CODE,
        '```json\r\n{"approach": "a", "tests": ["t"]}\r\n```\r\n' + CODE,
        '\ufeff```json\n{"approach": "a", "tests": ["t"]}\n```\n' + CODE,
        '{"approach": "a", "tests": ["t"]}\n' + CODE,
        'Here is the plan:\n{"approach": "a", "tests": ["t"]}\nAnd the code:\n' + CODE,
        '```json\n{"approach": "a", "tests": ["t",],}\n```\n' + CODE,
        "```json\n{'approach': 'a', 'tests': ['t']}\n```\n" + CODE,
        '```json\n{"approach": "a", // short\n "tests": ["t"] /* one */}\n```\n' + CODE,
        '```json\n{"approach": "a", "tests": ["t"\n```\n' + CODE,
        '```json\n{"approach": "a" "tests": ["t"]}\n```\n' + CODE,
        CODE + '```json\n{"approach": "a", "tests": ["t"]}\n```\n',
        '```json\n{"approach": "first"}\n```\nNo, better:\n```json\n{"approach": "a", "tests": ["t"]}\n```\n' + CODE,
        '```json\n{"approach": "a", "tests": ["t"]}\n```\n```json\n{"port": 80}\n```\n' + CODE,
        'In the set {x} or {y: 1}:\n{"approach": "a", "tests": ["t"]}\n' + CODE,
        CODE + 'The plan: {"approach": "a", "tests": ["t"]}\n',
        '```json\n{"approach": "a", "tests": ["t"]}```\n' + CODE,
        '```json\n[{"approach": "a", "tests": ["t"]}]\n```\n' + CODE,
        '```\n[{"approach": "a", "tests": ["t"]},]\n```\n' + CODE,
        '```json {"approach": "a",\n"tests": ["t"]}\n```\n' + CODE,
        '```json {"approach": "a", "tests": ["t"]}```\n' + CODE,
        '```json\n{"approach": "a", "tests": ["t"]}\n' + CODE,
    ],
)
def test_a_proposal_is_found_in_every_broken_form(text: str) -> None:
    """Labels, quotes, commas, comments, brackets that are missing, and its place among the other blocks."""
    assert data_of(text) == {"approach": "a", "tests": ["t"]}
    assert ("python", None, "x = 1\n") in code_of(text)
    assert read_reply(text).text == text


def test_a_cut_proposal_keeps_what_there_is() -> None:
    """As when the token limit was reached in the middle of it."""
    assert data_of('```json\n{"approach": "a", "tests": ["t", "u') == {"approach": "a", "tests": ["t", "u"]}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"approach": "line one\nline two"}', {"approach": "line one\nline two"}),
        ('{"approach": None, "tests": [True]}', {"approach": None, "tests": [True]}),
        ('{"approach": NaN}', {"approach": None}),
        ('{"answer": "B"} Hope this helps!', {"answer": "B"}),
        ('{"anything": 1}', {"anything": 1}),
    ],
)
def test_an_object_without_a_fence_is_read_as_far_as_it_goes(text: str, data: object) -> None:
    """A reply that is JSON alone may have any keys."""
    assert data_of(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "",
        "```json\n[1, 2]\n```",
        '```json\n[{"approach": "a"}, {"approach": "b"}]\n```',
        "```json\n[[1]]\n```",
        "```\n[x for x in y]\n```",
        "```json\n{}\n```",
        "```json\nnot json at all\n```",
        '```python\nd = {"approach": 1}\n```',
        'Write f"{name}" here, and {this} there.',
        'In Go: type T struct { a int }, then T{"x"} works.',
        "{" * 1000,
        '{"approach": ' * 1000,
    ],
)
def test_what_is_no_proposal_is_none(text: str) -> None:
    """Braces in prose or in code are no object."""
    assert data_of(text) is None


@pytest.mark.parametrize(
    "text", ["{" * 100_000, '{"a": ["x", ' * 9_000, '{"a": "' + 'print("x")\n' * 9_000, "[{" * 50_000]
)
def test_a_reply_cannot_keep_the_reader_busy(text: str) -> None:
    """Repairing takes long, so it is not tried on what is too long or only opens brackets."""
    start = time.process_time()
    read_reply(f"```json\n{text}\n```")
    read_reply(text)
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize("line", ["_", "a_", "a.", "a/", "*'", "file ", "1. ", "\n", " "])
def test_repetitions_cannot_keep_the_reader_busy(line: str) -> None:
    """A model that repeats itself, and is asked where its code belongs to."""
    start = time.process_time()
    read_reply(line * 20_000)
    read_reply(f"{line * 20_000}\n```python {line * 20_000}\nx = 1\n```")
    assert time.process_time() - start < 5.0


def test_long_json_is_read_and_longer_is_left_as_text() -> None:
    """Valid JSON is cheap, so its limit is higher than that of what must be repaired."""
    valid = json.dumps({"approach": "a" * MAX_REPAIR})
    assert read_json(valid) == {"approach": "a" * MAX_REPAIR}
    assert read_json(valid[:-1]) is None
    assert read_json(json.dumps({"approach": "a" * MAX_JSON})) is None


@pytest.mark.parametrize("depth", [90, 700, 5_000])
def test_a_deep_object_is_no_fault(depth: int) -> None:
    """However deep a model nests: what no document could hold is left as text."""
    deep = '{"approach":' * depth + "1" + "}" * depth
    reply = read_reply(f"```json\n{deep}\n```")
    assert reply.text
    assert (to_plain(reply.data) is not None) == (depth < 100)


# Characters


@pytest.mark.parametrize(
    ("arrived", "text"), [("\ud83d\ude00", "\U0001f600"), ("a\ud83d", "a\ufffd"), ("\ude00b", "\ufffdb")]
)
def test_a_character_that_came_in_halves_is_put_together(arrived: str, text: str) -> None:
    """A server may tear an escape between two pieces of its stream; half a character is a mark, as UTF-8 has none."""
    reply = read_reply(arrived, reasoning=arrived)
    assert (reply.text, reply.reasoning) == (text, text)


def test_half_a_character_in_the_proposal_is_a_mark() -> None:
    """Documents and the history must be able to hold it."""
    assert data_of('```json\n{"approach": "\\ud83d\\ude00", "tests": ["\\ud83d"]}\n```') == {
        "approach": "\U0001f600",
        "tests": ["\ufffd"],
    }


PROPOSAL = '{"approach": "x", "requirements": ["a"]}'
PROGRAM = "def f():\n    return 1\n"


@pytest.mark.parametrize(
    "text",
    [
        f"````markdown\n```json\n{PROPOSAL}\n```\n\n```python\n{PROGRAM}```\n````\n",
        f"```markdown\n# Plan\n```json\n{PROPOSAL}\n```\nThen\n```python\n{PROGRAM}```\nDone.\n```\n",
        f"{PROPOSAL}\n\n{PROGRAM}",
        f"Plan:\n{PROPOSAL}\nCode:\n{PROGRAM}",
        f'```json\n{{"proposal": {PROPOSAL}}}\n```\n```python\n{PROGRAM}```\n',
        f"```json\n{PROPOSAL}\n```\n```python\n{PROGRAM}```<|im_end|>",
        f"{PROPOSAL}\n{PROGRAM}</s>\n<|eot_id|>",
    ],
    ids=[
        "in four marks",
        "in three marks",
        "no fences",
        "no fences, words",
        "one level more",
        "end token",
        "two tokens",
    ],
)
def test_a_proposal_and_its_program_are_found_however_they_are_wrapped(text: str) -> None:
    """In one block of Markdown, without a fence between them, with an object around, with tokens of the model's end."""
    assert data_of(text) == {"approach": "x", "requirements": ["a"]}
    assert code_of(text) == [("python", None, PROGRAM)]


@pytest.mark.parametrize("quotes", ["'''", '"""'])
def test_fences_in_a_text_of_a_program_do_not_end_it(quotes: str) -> None:
    """As in a docstring; where the quotes are never closed, they end it all the same."""
    program = f"README = {quotes}\n```sh\nrun\n```\n{quotes}\n{PROGRAM}"
    assert code_of(f"```python\n{program}```\nDone.") == [("python", None, program)]
    cut = f"README = {quotes}\nrun\n"
    both = [("python", None, cut), ("python", None, PROGRAM)]
    assert code_of(f"```python\n{cut}```\nThen\n```python\n{PROGRAM}```") == both


@pytest.mark.parametrize("piece", ["</s>", "```\n", "'''\n```\n", "```python\n'''\n", "<|end|>"])
def test_marks_that_repeat_cannot_keep_the_reader_busy(piece: str) -> None:
    """Time grows with the length: a hundred thousand characters take no second."""
    began = time.process_time()
    read_reply(piece * (100_000 // len(piece)) + "x")
    assert time.process_time() - began < 5.0


# Reasoning


@pytest.mark.parametrize(
    ("text", "reasoning", "rest"),
    [
        ("<think>hm</think>\n\n4", "hm", "4"),
        ("  \n<THINK>hm</THINK>4", "hm", "4"),
        ("<reasoning>hm</reasoning>4", "hm", "4"),
        ("hm</think>\n4", "hm", "4"),
        ("<think>hm", "hm", ""),
        ("<think></think>4", "", "4"),
        ("<think>let me ```python\nx\n``` see</think>" + CODE, "let me ```python\nx\n``` see", CODE),
        ("4", "", "4"),
        ("Write <think>x</think> around it.", "", "Write <think>x</think> around it."),
        ("```html\n<think>x</think>\n```", "", "```html\n<think>x</think>\n```"),
        ("```html\n</think>\n```", "", "```html\n</think>\n```"),
        ("<think>hm</think>\n<think>so</think>\n4", "hm\nso", "4"),
        ("hm</think><thinking>so</thinking>4", "hm\nso", "4"),
        ("<think>hm</think><think>so", "hm\nso", ""),
        ("<think>hm</think>4 <think>so</think>", "hm", "4 <think>so</think>"),
        ("[THINK]hm[/THINK]\n4", "hm", "4"),
        ("[THINK]hm", "hm", ""),
        ("<seed:think>hm</seed:think>4", "hm", "4"),
        ('<think duration="3">hm</think >4', "hm", "4"),
        (f"Perhaps\n{CODE}\nNo.\n</think>\n\n{CODE}", f"Perhaps\n{CODE}\nNo.", CODE),
        (f"{CODE}\n</think>\n", "", f"{CODE}\n</think>\n"),
        (f"{CODE}\nIt takes `</think>` off.", "", f"{CODE}\nIt takes `</think>` off."),
        (f"{CODE}\n</think> ends it.", "", f"{CODE}\n</think> ends it."),
        (f"Sure.\n<think>\nPerhaps\n{CODE}\n</think>\n{CODE}", f"Perhaps\n{CODE}".strip(), f"Sure.\n{CODE}"),
        ("Sure.\n<think>\nhm", "", "Sure.\n<think>\nhm"),
    ],
)
def test_a_leading_block_of_reasoning_is_taken_off(text: str, reasoning: str, rest: str) -> None:
    """Also an unclosed one, and one that was never opened; tags that are part of the answer stay."""
    assert split_reasoning(text) == (reasoning, rest)


@pytest.mark.parametrize(
    ("text", "reasoning", "rest"),
    [
        (
            "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>" + CODE,
            "hm",
            CODE,
        ),
        ("<|channel|>final<|message|>4<|return|>", "", "4"),
        ("<|start|>assistant<|channel|>analysis<|message|>hm", "hm", ""),
        (
            "<|channel|>analysis<|message|>hm<|end|>\n<|start|>assistant<|channel|>commentary to=functions.f "
            '<|constrain|>json<|message|>{"x": 1}<|call|><|start|>assistant<|channel|>final<|message|>4<|end|>',
            'hm\n{"x": 1}',
            "4",
        ),
        ("<|channel|>analysis<|message|>hm<|channel|>final<|message|>4", "hm", "4"),
        ("Write `<|channel|>final<|message|>` first.", "", "Write `<|channel|>final<|message|>` first."),
    ],
    ids=["analysis", "final alone", "cut", "call", "no end", "in prose"],
)
def test_channels_before_the_final_one_are_reasoning(text: str, reasoning: str, rest: str) -> None:
    """As gpt-oss writes where a server passes its tokens on as text; what holds code is read as such."""
    assert split_reasoning(text) == (reasoning, rest)
    assert code_of(text) == code_of(rest)


@pytest.mark.parametrize(
    "piece",
    [
        "<think></think>",
        "<think ",
        "[THINK]",
        "<think>x",
        "</think>",
        "x\n<think>",
        "</think>\n```\n",
        "<|channel|>a<|message|>",
        "<|start|>",
        " ",
    ],
)
def test_reasoning_cannot_keep_the_reader_busy(piece: str) -> None:
    """Time grows with the length: a hundred thousand characters take no second."""
    began = time.process_time()
    split_reasoning(piece * (100_000 // len(piece)))
    assert time.process_time() - began < 1


def test_reasoning_of_both_sources_is_kept() -> None:
    """What the server kept apart comes first."""
    reply = read_reply("<think>second</think>4", "first")
    assert (reply.reasoning, reply.text) == ("first\nsecond", "4")


# Properties

MARKS = ["```", "````", "~~~", "\n", "\r\n", " ", "{", "}", "[", "]", '"', "'", ":", ",", "\\", "<think>", "</think>"]
WORDS = ["json", "python", "approach", "answer", "null", "1", "x", "a.py", "def f():\n    pass\n"]
HALVES = ["\\ud83d", "\ud83d", "\ude00"]
PIECES = st.sampled_from([*MARKS, *WORDS, *HALVES])
REPLIES = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@given(REPLIES, st.text(max_size=20))
@example("```json\n" + "[" * 2000 + "\n```", "")
def test_nothing_is_lost_and_nothing_is_raised(text: str, reasoning: str) -> None:
    """All words of a reply are in its text or its reasoning, in order; what was read can be stored as UTF-8."""
    reply = read_reply(text, reasoning)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert whole.endswith(reply.text)
    taken = whole[: len(whole) - len(reply.text)]
    kept = taken.replace("<think>", " ").replace("</think>", " ")
    assert kept.split() == reply.reasoning.removeprefix(reasoning).replace("<think>", " ").split()
    for block in reply.code:
        assert all(line.strip() in whole for line in block.text.splitlines())
    json.dumps({"data": reply.data, "text": reply.text}, allow_nan=False, ensure_ascii=False).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(PROPOSAL_FIELDS), JSON, min_size=1), st.integers(0, 4))
def test_a_proper_reply_is_read_exactly(proposal: dict[str, object], indent: int) -> None:
    """Valid JSON is never changed by the reader, whatever is in it."""
    written = json.dumps(proposal, indent=indent or None)
    fence = fence_for(written)
    reply = read_reply(f"{fence}json\n{written}\n{fence}\n{CODE}")
    assert reply.data == json.loads(written)
    assert [block.text for block in reply.code] == ["x = 1\n"]
