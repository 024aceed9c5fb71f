"""Which models are one family."""

from __future__ import annotations

import pytest
from codeconductor import family_of


@pytest.mark.parametrize(
    "names",
    [
        ("qwen2.5-coder:7b", "Qwen/Qwen2.5-Coder-14B-Instruct", "qwen2.5-coder_32b", "QwenCoder480b/CoT"),
        ("llama3.1:8b", "meta-llama/Llama-3.3-70B-Instruct", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"),
        ("gpt-4-0613", "gpt-4o-mini-2024-07-18", "gpt-3.5-turbo/Analogical"),
        ("qwen3:30b-a3b", "qwen2.5:7b", "lmstudio-community/DeepSeek-R1-Distill-Qwen-7B-GGUF"),
        ("deepseek-coder_6.7b", "DSCoder-33b-Ins", "deepseek-coder-v2:16b"),
        ("mistral-nemo", "Mistral-Large", "mistral-large_123b"),
        ("parrot:7b", "acme/Parrot-13B-instruct"),
        ("gemma-2-9b-it", "gemma-2-27b-it@together"),
    ],
    ids=lambda names: names[0],
)
def test_siblings_are_one_family(names: tuple[str, ...]) -> None:
    """Sizes, quantisations, versions and packagers do not count."""
    assert len({family_of(name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("qwen2.5:7b", "qwen2.5-coder:7b"),
        ("llama3.1:8b", "codellama:7b"),
        ("gpt-4", "gpt-oss:20b"),
        ("mistral-nemo", "codestral_22b"),
        ("parrot-1", "parrot-2"),
        ("m1", "m2"),
    ],
)
def test_others_are_not(one: str, other: str) -> None:
    """What was trained on other data is another family; of an unknown maker nothing but size is dropped."""
    assert family_of(one) != family_of(other)


@pytest.mark.parametrize("name", ["", "7b", "/", "latest", "🦜"])
def test_any_name_has_a_family(name: str) -> None:
    """A name that is all size is its own family."""
    assert family_of(name) == name.lower()
