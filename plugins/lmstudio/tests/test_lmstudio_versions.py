"""Which versions of LM Studio the recordings cover, and what a newer one adds to its replies is passed over."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types
from codeconductor import Answer, Message, Model, Query, discover
from codeconductor.dispatch import dispatch
from codeconductor.testing.servers import ScriptedLMStudio, status
from codeconductor_lmstudio.settings import LMStudioSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

HOST = "http://127.0.0.1:1234"
CASSETTES = Path(__file__).parent / "cassettes"


def test_these_versions_are_covered() -> None:
    """The names of the recordings say which; where a source told no version, its month stands for it."""
    versions = {match[1] for path in CASSETTES.glob("*.yaml") if (match := re.search(r"-(0\.\d[\d.x]*)-", path.name))}
    assert versions == {"0.3.9", "0.3.1x", "0.3.17", "0.3", "0.4", "0.4.8", "0.4.21"}
    told = (CASSETTES / "PROVENANCE.md").read_text(encoding="utf-8")
    assert [path.stem for path in CASSETTES.glob("*.yaml") if f"`{path.stem}`" not in told] == []


def newer(data: Any) -> Any:
    """A reply with a field more in every object of it."""
    if isinstance(data, list):
        return [newer(item) for item in data]
    if isinstance(data, dict):
        return {"added_later": {"by": ["0.9", None]}} | {key: newer(value) for key, value in data.items()}
    return data


def newer_body(text: str) -> str:
    """The same for a body, which is JSON or a stream of it."""
    if not text.startswith(("data:", "event:")):
        return json.dumps(newer(json.loads(text)))
    return re.sub(r"(?m)^data: (\{.*)$", lambda line: f"data: {json.dumps(newer(json.loads(line[1])))}", text)


def served(start: Start, cassette: str, change: Callable[[str], str], read: Callable[[Session], Any]) -> Any:
    """What is read from a recorded reply after a change to its body."""
    faults = {}
    for one in yaml.safe_load((CASSETTES / f"{cassette}.yaml").read_text(encoding="utf-8"))["interactions"]:
        reply, path = one["response"], one["request"]["uri"].removeprefix(HOST)
        [content_type] = reply["headers"]["content-type"]
        faults[path] = status(reply["status"]["code"], change(reply["body"]["string"]), content_type)
    with ScriptedLMStudio("a", faults=faults) as server:
        return read(start(hosts=[server.host]))


@pytest.mark.parametrize("cassette", sorted(path.stem for path in CASSETTES.glob("discovery-*.yaml")))
def test_a_list_of_a_newer_version_is_read_alike(start: Start, cassette: str) -> None:
    """Fields that it adds are ignored."""

    def read(session: Session) -> list[Model]:
        async def run() -> list[Model]:
            async with session:
                return [attrs.evolve(model, host=HOST) for model in (await discover(session)).models]

        return asyncio.run(run())

    assert served(start, cassette, newer_body, read) == served(start, cassette, str, read) != []


@pytest.mark.parametrize("cassette", sorted(path.stem for path in CASSETTES.glob("chat-*.yaml")))
def test_an_answer_of_a_newer_version_is_read_alike(start: Start, cassette: str) -> None:
    """Fields that it adds are ignored, in every frame, in a whole answer and in an error."""

    def read(session: Session) -> Answer:
        async def run() -> Answer:
            async with session:
                [host] = session.settings("lmstudio", LMStudioSettings).hosts
                model = Model(provider="lmstudio", name="a", host=host, loaded=True, plugin="lmstudio")
                async with dispatch(session, [model], Query(messages=[Message("user", "?")])) as arrivals:
                    told = await anext(arrivals)
                error = told.error and attrs.evolve(told.error, message=told.error.message.replace(host, HOST))
                return attrs.evolve(
                    told, model=attrs.evolve(model, host=HOST), error=error, seconds=None, first_token_seconds=None
                )

        return asyncio.run(run())

    assert served(start, cassette, newer_body, read) == served(start, cassette, str, read)
