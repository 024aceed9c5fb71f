"""What a model server tells of a failure, by status, body or header, in the contract's words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from codeconductor import ProviderError
from codeconductor.http import checked, fault_in_reply, fault_of_status, open_client, request_json
from codeconductor.http.faults import retry_after
from codeconductor.testing.servers import ScriptedOpenAI, overloaded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


# A status and its body


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error": "no"}', "refused"),
        (401, '{"error": {"message": "no key", "code": "invalid_api_key"}}', "refused"),
        (404, '{"error": {"message": "model \'long-context-length\' not found"}}', "refused"),
        (429, "", "overloaded"),
        (503, '{"error": "server busy"}', "overloaded"),
        (500, "boom", "server"),
        (502, "<html><h1>Bad Gateway</h1></html>", "server"),
        (302, "", "protocol"),
        (400, '{"error": {"message": "x", "type": "exceed_context_size_error", "n_ctx": 8192}}', "context_overflow"),
        (400, '{"error": {"message": "too long", "code": "context_length_exceeded"}}', "context_overflow"),
        (500, '{"error": {"code": 500, "message": "Context size has been exceeded."}}', "context_overflow"),
        (400, "Trying to keep the first 9 tokens when context the overflows", "context_overflow"),
        (400, "The decoder prompt (length 9) is longer than the maximum model length of 8.", "context_overflow"),
        (400, "The input (9 tokens) is longer than the model's context length (8 tokens).", "context_overflow"),
        (400, "Requested tokens (9) exceed context window of 8", "context_overflow"),
        (400, "Input length (9 tokens) exceeds the maximum allowed length (8 tokens).", "context_overflow"),
        (400, "Prompt length 9 is greater than max_seq_len 8", "context_overflow"),
        (400, '{"error": {"message": "prompt too long; exceeded by 1 token"}}', "context_overflow"),
        (422, '{"error": "`inputs` tokens + `max_new_tokens` must be <= 8. Given: 9"}', "context_overflow"),
        (400, "This model's maximum number of choices is 1", "refused"),
        (400, '{"error": "Failed to load model: context length 131072 needs more memory"}', "refused"),
        (422, '{"detail": [{"msg": "field required", "input": "what is a context window size?"}]}', "refused"),
    ],
)
def test_a_status_and_its_body_tell_the_kind_of_a_failure(status: int, body: str, kind: str) -> None:
    """The contract's kinds; a prompt that is too long is told apart from every other refusal."""
    assert fault_of_status(status, body, "http://h/v1").kind == kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": "plain"}', "plain"),
        ('{"error": {"message": "inner"}}', "inner"),
        ('{"error": {"type": "only_a_type"}}', "only_a_type"),
        ('{"object": "error", "message": "at the top"}', "at the top"),
        ('{"detail": "fastapi"}', "fastapi"),
        ('{"detail": [{"loc": ["body"], "msg": "one"}, {"msg": "two"}]}', "one; two"),
        ("<html><body><h1>502</h1>\n bad\x1b[31m gateway</body></html>", "502 bad [31m gateway"),
        ('"quoted"', "quoted"),
    ],
)
def test_the_servers_own_words_are_found_in_every_form(body: str, words: str) -> None:
    """Text, object, top level, FastAPI's list or a proxy's page: one line of words, nothing that a terminal obeys."""
    assert fault_of_status(500, body, "http://h/v1").message == f"HTTP 500 from http://h/v1: {words}"


def test_a_body_of_nothing_that_can_be_shown_is_left_out() -> None:
    """Zeros, as the beginning of a compressed reply that is all zeros."""
    assert fault_of_status(500, "\0" * 65536, "http://h/v1").message == "HTTP 500 from http://h/v1"


def test_a_servers_words_are_cut() -> None:
    """A message is a line, not a page."""
    assert len(fault_of_status(500, "x" * 10_000, "http://h").message) < 300


def test_a_proxy_that_takes_no_more_bytes_is_told_by_what_to_do() -> None:
    """The prompt is too long for it, and not for the model."""
    fault = fault_of_status(413, "<h1>413 Request Entity Too Large</h1>", "http://h/x", hint="is this a server?")
    assert fault.kind == "refused"
    assert fault.hint is not None
    assert "shorten" in fault.hint
    assert "proxy" in fault.hint


def test_a_failure_is_read_no_further_than_its_beginning() -> None:
    """An endless error page ends."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1024

    class Endless(httpx2.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return endless()

    response = httpx2.Response(500, stream=Endless(), request=httpx2.Request("GET", "http://127.0.0.1:1/x"))
    with pytest.raises(ProviderError, match="HTTP 500"):
        asyncio.run(checked(response))


# Within a reply of success


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": "boom"}, "server"),
        ({"error": {"message": "boom", "code": 400}}, "server"),
        ({"object": "error", "message": "boom", "code": 400}, "server"),
        ({"error": {"message": "slow down", "code": 429}}, "overloaded"),
        ({"error": {"message": "Input does not fit in context length."}}, "context_overflow"),
        ({"error": {"message": "x", "type": "exceed_context_size_error"}}, "context_overflow"),
        ({"error": "Unexpected endpoint or method. (GET /x)"}, "protocol"),
        ({"error": None, "choices": []}, None),
        ({"choices": []}, None),
        ([], None),
    ],
)
def test_an_error_in_a_reply_of_success_has_a_kind_of_its_own(data: object, kind: str | None) -> None:
    """The status said 200 already, so an error frame is the server's fault unless its words tell more."""
    fault = fault_in_reply(data, "http://h")
    assert (fault.kind if fault else None) == kind


def test_a_full_queue_is_an_overload_whatever_its_status() -> None:
    """A proxy may pass it on with the status of a success."""
    fault = fault_in_reply({"error": "server busy, please try again.  maximum pending requests exceeded"}, "http://h")
    assert fault is not None
    assert fault.kind == "overloaded"


# When to ask again


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("1e9", None),
        ("inf", None),
        ("soon", None),
        ("-3", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_a_retry_after_has_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """What is neither says nothing; a date that has passed is now."""
    assert retry_after(header) == seconds


def test_a_failure_has_its_status_and_when_to_ask_again() -> None:
    """For those who decide by them; a date lies in the future by the server's clock."""
    for code, kind in ((429, "overloaded"), (503, "overloaded"), (418, "refused"), (599, "server")):
        for as_date in (False, True):
            fault = overloaded(code, 90, as_date=as_date)
            with ScriptedOpenAI("m", faults={"*": fault}) as server, pytest.raises(ProviderError) as raised:
                asyncio.run(_listed(server.host))
            assert (raised.value.kind, raised.value.status) == (kind, code)
            assert raised.value.retry_after is not None
            assert 80 < raised.value.retry_after <= 91


async def _listed(host: str) -> dict[str, Any]:
    async with open_client(host) as client:
        return await request_json(client, "/v1/models")
