"""What the entries of Ollama's lists mean."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor_ollama.models import as_models, is_remote, parameter_count
from codeconductor_ollama.wire import Details, InMemory, Installed, Shown

if TYPE_CHECKING:
    from codeconductor import Model

HOST = "http://127.0.0.1:11434"


def entry(name: str = "m:latest", **facts: Any) -> Installed:
    told: dict[str, Any] = {"name": name, "size": 5_000_000_000, "details": Details(format="gguf")}
    return Installed(**told | facts)


def model_of(entry: Installed, shown: Shown | None = None, in_memory: list[InMemory] | None = None) -> Model:
    (model,) = as_models(HOST, [entry], {entry.name: shown} if shown else {}, in_memory, "auto")
    return model


ONE, OTHER = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"other").hexdigest()


def test_two_names_of_one_digest_are_told_as_one_model() -> None:
    """A copy would have a second vote otherwise; both names are listed."""
    entries = [
        entry("qwen3:latest", digest=ONE),
        entry("qwen3:8b", digest=f"sha256:{ONE}"),
        entry("x:1b", digest=OTHER),
    ]
    models = as_models(HOST, entries, {}, None, "auto")
    assert [(model.name, model.digest) for model in models] == [
        ("qwen3:latest", ONE),
        ("qwen3:8b", ONE),
        ("x:1b", OTHER),
    ]


@pytest.mark.parametrize("digest", [None, "", "abc", "0" * 64, "sha256:" + "a" * 64])
def test_what_cannot_be_a_digest_is_none(digest: str | None) -> None:
    """Programs that imitate Ollama fill the field with anything: their models would all be one."""
    assert model_of(entry(digest=digest)).digest is None


@pytest.mark.parametrize(
    ("host", "one", "shown"),
    [
        (HOST, entry(remote_host="https://ollama.com:443"), None),
        (HOST, entry(remote_model="gpt-oss:120b"), None),
        (HOST, entry(), Shown(remote_host="https://ollama.com:443")),
        (HOST, entry(), Shown(remote_model="gpt-oss:120b")),
        (HOST, entry("glm:cloud"), None),
        (HOST, entry("gpt-oss:120b-cloud"), None),
        (HOST, entry(size=384, details=Details(format="")), None),
        ("https://ollama.com:443", entry(), None),
    ],
)
def test_every_sign_of_a_cloud_model_counts(host: str, one: Installed, shown: Shown | None) -> None:
    """A prompt to it leaves the machine, though the address is this machine's."""
    assert is_remote(host, one, shown)


@pytest.mark.parametrize("name", ["cloud:7b", "cloudy:latest", "my-cloud:latest"])
def test_a_name_with_cloud_in_it_is_not_remote_by_that(name: str) -> None:
    """Only the tag tells."""
    assert not is_remote(HOST, entry(name), Shown())


def test_a_cloud_model_is_not_said_to_need_a_load() -> None:
    """It is in nobody's list of loaded models, and a load request for it would be sent to the cloud."""
    model = model_of(entry("gpt-oss:120b-cloud"), in_memory=[])
    assert model.remote
    assert model.loaded is None


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (entry(capabilities=("embedding",)), None),
        (entry(), Shown(capabilities=("embedding",))),
        (entry(details=Details(family="nomic-bert")), None),
        (entry(details=Details(family="x", families=("x", "xlm-roberta"))), None),
        (entry(), Shown(model_info={"qwen3.pooling_type": 3})),
        (entry("mxbai-embed-large:latest"), None),
        (entry("all-minilm:22m"), None),
        (entry("hub.example/team/bge-m3:latest"), None),
        (entry("hub.example/team/multilingual-e5-large:latest"), None),
    ],
)
def test_an_embedding_model_is_known_by_capability_then_family_then_name(one: Installed, shown: Shown | None) -> None:
    """Servers before 0.6.4 tell no capabilities."""
    assert model_of(one, shown).kind == "embedding"


@pytest.mark.parametrize(
    "one",
    [
        entry("embedded-c:7b", capabilities=("completion",)),
        entry(capabilities=("embedding", "completion")),
        entry("nobge:7b"),
        entry(details=Details(family="llama", families=None)),
    ],
)
def test_a_model_that_completes_is_a_chat_model_whatever_its_name(one: Installed) -> None:
    """What the server tells is stronger than a name."""
    assert model_of(one).kind == "chat"


def test_a_model_that_only_makes_pictures_is_left_out() -> None:
    """There is nothing that it could be asked."""
    assert as_models(HOST, [entry(capabilities=("image",))], {}, None, "auto") == []


def test_the_window_in_force_is_stronger_than_the_most_a_model_can_take() -> None:
    """Only a loaded model has a window in force; servers before 0.10 tell none, and nothing is put there."""
    shown = Shown(model_info={"general.architecture": "qwen3", "qwen3.context_length": 40960})

    def windows(*arguments: Any) -> tuple[int | None, int | None]:
        model = model_of(*arguments)
        return model.context_length, model.max_context_length

    assert windows(entry(), shown, [InMemory(name="m:latest", context_length=4096)]) == (4096, 40960)
    assert windows(entry(), shown, [InMemory(name="m:latest")]) == (None, 40960)
    assert windows(entry(), shown, []) == (40960, 40960)
    assert windows(entry(details=Details(context_length=8192)), None, []) == (8192, 8192)


def test_the_context_of_a_cloud_model_cannot_be_raised() -> None:
    """Its server takes no options of a runner."""
    model = model_of(entry("gpt-oss:120b-cloud", details=Details(context_length=131072)))
    assert (model.context_length, model.max_context_length) == (131072, None)


def test_the_window_is_found_under_another_architecture_where_only_one_is_named() -> None:
    """Names of architectures do not always equal the keys; two keys would be a guess."""
    assert model_of(entry(), Shown(model_info={"a.context_length": 8192})).context_length == 8192
    two = {"a.context_length": 8192, "b.context_length": 512}
    assert model_of(entry(), Shown(model_info=two)).context_length is None


def test_a_name_that_was_pulled_anew_is_not_the_model_that_is_in_memory() -> None:
    """The old one is loaded under the same name; asking for the new one costs a load."""
    assert model_of(entry(digest=ONE), None, [InMemory(name="m:latest", digest=OTHER)]).loaded is False
    assert model_of(entry(digest=ONE), None, [InMemory(name="alias:1b", digest=ONE)]).loaded is True


def test_auto_holds_one_request_for_each_chat_model() -> None:
    """One that is loaded answers while the next one loads; never fewer than one, and a number is taken as it is."""
    entries = [entry("a:1b"), entry("b:1b", digest=ONE), entry("copy-of-b:1b", digest=ONE)]
    entries.append(entry("e:1b", capabilities=("embedding",)))
    running = [InMemory(name="a:1b"), InMemory(name="e:1b")]
    assert {(m.parallel, m.slots) for m in as_models(HOST, entries, {}, running, "auto")} == {(2, 1)}
    assert {(m.parallel, m.slots) for m in as_models(HOST, entries[3:], {}, running, "auto")} == {(1, 1)}
    assert {(m.parallel, m.slots) for m in as_models(HOST, entries, {}, running, 4)} == {(4, 4)}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8.2B", 8_200_000_000),
        ("567M", 567_000_000),
        ("137K", 137_000),
        ("1.04T", 1_040_000_000_000),
        ("8030261248", 8_030_261_248),
        ("", None),
        (None, None),
        ("unknown", None),
        ("0", None),
    ],
)
def test_the_count_of_weights_is_read_from_its_text_for_people(text: str | None, count: int | None) -> None:
    """The hosted service gives plain digits."""
    assert parameter_count(text) == count
