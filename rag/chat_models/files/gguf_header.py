"""The header of a GGUF file: shapes, special tokens, chat template, vocabulary.

It reads versions 2 and 3, little-endian, in tenths of a second; the `gguf` package makes a numpy view of each
of a vocabulary's hundred thousand strings, which takes seconds. Weights are not read, only their extent is
checked.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.errors import ModelFailed, ModelMissing

MAGIC = b"GGUF"
METADATA_START = 24  # after magic, version, and the numbers of tensors and fields
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
DEFAULT_ALIGNMENT_BYTES = 32
_MOST_ELEMENTS = 1 << 22
"""Most elements of a list.

The largest vocabularies have 262,144 tokens and about as many merges. A damaged count is refused before a
list of its length fills the memory.
"""
_MOST_DIMENSIONS = 4
"""Dimensions of a tensor. Source: ggml, `GGML_MAX_DIMS`."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The metadata of a GGUF file and the extents of its tensors.

    The metadata's own bytes are `[METADATA_START:metadata_end]`; `file_type_at` is the offset of its file
    type, 0 for none.
    """

    path: Path
    metadata: dict[str, Any] = field(repr=False)
    tensors: dict[str, TensorExtent] = field(repr=False)
    size_bytes: int = 0
    metadata_end: int = 0
    file_type_at: int = 0

    @property
    def architecture(self) -> str:
        """The family of the model, for example `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """The model's own name, or the file's."""
        return str(self.metadata.get("general.name") or self.path.stem)

    @property
    def chat_template(self) -> str:
        """The Jinja template that turns messages into a prompt; empty if there is none."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    @property
    def eos_token_id(self) -> int:
        """The token that ends an answer."""
        return self.token_id("eos", 2)

    def token_id(self, role: str, default: int) -> int:
        """The id of the token in a role such as `eos`.

        Raises:
            ModelFailed: the vocabulary has no such token.
        """
        key, tokens = f"tokenizer.ggml.{role}_token_id", self.strings("tokenizer.ggml.tokens")
        value = self.metadata.get(key, default)
        if not _whole(value) or not 0 <= value < len(tokens):
            raise broken(self.path, f"has {key} = {value!r}, which is none of its {len(tokens):,} tokens")
        return int(value)

    def number(self, key: str, default: int = 0) -> int:
        """Return an integer of the architecture, for example `block_count`.

        Of a list with one number for each layer it is the largest.

        Raises:
            ModelFailed: it is no whole number.
        """
        name = f"{self.architecture}.{key}"
        value = self.metadata.get(name, default)
        values = value if isinstance(value, list) and value else [value]
        if not all(map(_whole, values)):
            raise broken(self.path, f"has {name} = {value!r} instead of a whole number")
        return int(max(values))

    def strings(self, key: str) -> list[str]:
        """A list of strings, empty where the file has none.

        Raises:
            ModelFailed: it is a list of something else, or no list.
        """
        value = self.metadata.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise broken(self.path, f"has something other than strings in {key}")
        return value

    @property
    def weight_bytes(self) -> int:
        """The bytes that all tensors take in the file."""
        return sum(tensor.size_bytes for tensor in self.tensors.values())

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(tensor.elements for tensor in self.tensors.values())


@dataclass(frozen=True, slots=True)
class TensorExtent:
    """A tensor's shape, type, and place after the header.

    The shape has the fastest dimension first, as in GGUF.
    """

    shape: tuple[int, ...]
    type_id: int
    start: int
    size_bytes: int

    @property
    def type_name(self) -> str:
        """The name of the type, for example `Q8_0`."""
        from gguf.constants import GGMLQuantizationType

        return GGMLQuantizationType(self.type_id).name

    @property
    def elements(self) -> int:
        """The number of weights."""
        count = 1
        for length in self.shape:
            count *= length
        return count


class _Cursor:
    """A position in the mapped file; reads past the end raise `struct.error`."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def text(self) -> str:
        length = self.scalar("Q")
        if length > len(self.data) - self.at:
            raise struct.error("string past the end")
        raw = self.data[self.at : self.at + length]
        self.at += length
        return raw.decode("utf-8", "replace")

    def value(self, type_id: int) -> Any:
        if type_id == _STRING:
            return self.text()
        if type_id == _ARRAY:
            element, count = self.scalar("I"), self.scalar("Q")
            if count > min(len(self.data), _MOST_ELEMENTS):
                raise struct.error("array past the end")
            if element in (_STRING, _ARRAY):
                return [self.value(element) for _ in range(count)]
            return self._numbers(_SCALARS[element], count)
        return self.scalar(_SCALARS[type_id])

    def _numbers(self, code: str, count: int) -> list[Any]:
        layout = f"<{count}{code}"
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return list(values)


def read_header(path: Path) -> GgufHeader:
    """Return the header of a GGUF file, its tensors checked against the file's length.

    Raises:
        ModelMissing: there is no such file.
        ModelFailed: the file is not GGUF, or is cut short.
    """
    if not path.is_file():
        raise ModelMissing(f"no model file at {path}; pass the path of a .gguf file, or `embedded`")
    size = path.stat().st_size
    if size < METADATA_START:
        raise broken(path, f"has {size} bytes")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] != MAGIC:
                raise broken(path, f"begins with {bytes(data[:4])!r} instead of {MAGIC!r}")
            return _parse(path, _Cursor(data), size)
    except (struct.error, KeyError, OverflowError, MemoryError, RecursionError) as exc:
        raise broken(path, "ends inside its header or has an unknown field type") from exc
    except OSError as exc:
        raise ModelFailed(
            f"{path} cannot be read: {exc.strerror or exc}; check that you may read it"
        ) from exc


def _parse(path: Path, cursor: _Cursor, size: int) -> GgufHeader:
    cursor.at = 4
    version = cursor.scalar("I")
    if version not in (2, 3):
        raise broken(path, f"has version {version}; versions 2 and 3 can be read")
    tensor_count, pair_count = cursor.scalar("Q"), cursor.scalar("Q")
    metadata: dict[str, Any] = {}
    file_type_at = 0
    for _ in range(pair_count):
        key = cursor.text()
        type_id = cursor.scalar("I")
        if key == "general.file_type":
            file_type_at = cursor.at
        metadata[key] = cursor.value(type_id)
    metadata_end = cursor.at
    listed = []
    for _ in range(tensor_count):
        name, dimensions = cursor.text(), cursor.scalar("I")
        if dimensions > _MOST_DIMENSIONS:
            raise struct.error("tensor of too many dimensions")
        shape = tuple(cursor.scalar("Q") for _ in range(dimensions))
        listed.append((name, shape, cursor.scalar("I"), cursor.scalar("Q")))
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT_BYTES)
    if not _whole(alignment) or alignment < 1:
        raise broken(path, f"has general.alignment = {alignment!r} instead of a number of bytes")
    data_start = -(-cursor.at // alignment) * alignment
    tensors = {name: _extent(path, shape, kind, data_start + offset) for name, shape, kind, offset in listed}
    end = max((tensor.start + tensor.size_bytes for tensor in tensors.values()), default=data_start)
    if end > size:
        raise broken(path, f"is cut short: it has {size:,} of {end:,} bytes")
    return GgufHeader(path, metadata, tensors, size, metadata_end, file_type_at)


def _extent(path: Path, shape: tuple[int, ...], type_id: int, start: int) -> TensorExtent:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(type_id)]
    except ValueError as exc:
        raise broken(path, f"has a tensor of unknown type {type_id}") from exc
    extent = TensorExtent(shape, type_id, start, 0)
    return TensorExtent(shape, type_id, start, extent.elements // block * block_bytes)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def broken(path: Path, found: str) -> ModelFailed:
    """The error for a file of which something was found that no whole GGUF file has."""
    return ModelFailed(f"{path.name} {found}; a whole GGUF file is needed: download or export it again")
