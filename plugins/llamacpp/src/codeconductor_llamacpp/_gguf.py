"""Reads what the header of a GGUF file tells of its model, without loading it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING

from codeconductor import frozen

if TYPE_CHECKING:
    from pathlib import Path

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_MAX_DEPTH = 4
"""Arrays within arrays that are followed; real files have none."""

_MIXES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    32: "BF16",
}
"""The usual values of ``general.file_type``: `enum llama_ftype` in llama.cpp's include/llama.h."""


@frozen(kw_only=True)
class Header:
    """What a file tells of its model; None where it does not.

    Attributes:
        context_length: Tokens that the model was trained for.
        parameters: Count of weights.
        quantization: Such as ``"Q4_K_M"``.
    """

    context_length: int | None
    parameters: int
    quantization: str | None


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file, version 2 or later.

    Raises:
        ValueError: It is no such file, or is cut off; the message completes "the file …".
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError("is no GGUF file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).header()
            except (struct.error, OverflowError) as exc:
                raise ValueError("ends within its header") from exc


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 4

    def header(self) -> Header:
        version = self._scalar("<I")
        if not 2 <= version < 2**16:  # version 1 is obsolete, and a huge one is of the other byte order
            raise ValueError(f"is GGUF of version {version}, which is not supported")
        tensors, pairs = self._scalar("<Q"), self._scalar("<Q")
        told: dict[str, object] = {}
        for _ in range(pairs):
            key = self._string()
            told[key] = self._value(self._scalar("<I"))
        parameters = sum(self._tensor() for _ in range(tensors))
        architecture = told.get("general.architecture")
        context_length = told.get(f"{architecture}.context_length")
        mix = told.get("general.file_type")
        return Header(
            context_length=context_length if isinstance(context_length, int) else None,
            parameters=parameters,
            quantization=_MIXES.get(mix) if isinstance(mix, int) else None,
        )

    def _scalar(self, layout: str) -> int:
        value: int = struct.unpack_from(layout, self._data, self._at)[0]
        self._at += struct.calcsize(layout)
        return value

    def _string(self) -> str:
        length = self._scalar("<Q")
        start, self._at = self._at, self._at + length
        return self._data[start : self._at].decode("utf-8", "replace")

    def _value(self, kind: int, depth: int = 0) -> object:
        """The value at hand; of an array None, for it is only passed over."""
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY or depth == _MAX_DEPTH:
            raise ValueError("has a damaged header")
        items, count = self._scalar("<I"), self._scalar("<Q")
        if items in _SCALARS:
            self._at += count * struct.calcsize(_SCALARS[items])
        elif items == _STRING:
            self._pass_strings(count)
        else:
            for _ in range(count):
                self._value(items, depth + 1)
        return None

    def _pass_strings(self, count: int) -> None:
        """A vocabulary has hundreds of thousands: nothing of it is read but the lengths."""
        data, at, length = self._data, self._at, struct.Struct("<Q")
        for _ in range(count):
            at += 8 + length.unpack_from(data, at)[0]
        self._at = at

    def _tensor(self) -> int:
        """How many weights the tensor described here has."""
        self._string()
        dimensions = self._scalar("<I")
        sizes = [self._scalar("<Q") for _ in range(min(dimensions, 8))]
        self._scalar("<I")  # its type
        self._scalar("<Q")  # where its data begins
        return math.prod(sizes)
