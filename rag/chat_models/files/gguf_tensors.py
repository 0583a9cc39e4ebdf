"""The weights of a decoder model in a GGUF file, ready for a graph.

Matrices come in groups of integers where the file has them so, and in Hugging Face's order of rows: llama.cpp
interleaves the two halves of each head of a Llama's queries and keys.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.files.gguf_header import GgufHeader, TensorExtent, broken
from rag.chat_models.files.grouped_weights import GroupedWeights, can_group, read_grouped

ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""The architectures that have this graph and these names."""
_FLOATS = {"F32": np.float32, "F16": np.float16}
_PLAIN_ROTATION = ("", "none")
_INTERLEAVED = {"attn_q": "attention.head_count", "attn_k": "attention.head_count_kv"}


class GgufTensors:
    """The tensors of a mapped GGUF file."""

    def __init__(self, header: GgufHeader) -> None:
        self.header = header
        self.hidden = header.number("embedding_length")
        self.feed_forward = header.number("feed_forward_length")
        with header.path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file = np.frombuffer(self._map, np.uint8)

    def has(self, name: str) -> bool:
        """Return whether the file has a tensor."""
        return name in self.header.tensors

    def vector(self, name: str) -> NDArray[np.float32]:
        """Return a tensor of one dimension.

        Raises:
            ModelFailed: the file has none of this name, or it is no vector of floats.
        """
        extent = self._extent(name)
        if extent.type_name not in _FLOATS or len(extent.shape) != 1:
            raise broken(self.header.path, f"has {name} as {extent.type_name} instead of floats")
        values = self._raw(extent).view(_FLOATS[extent.type_name]).astype(np.float32)
        order = self._order(name, extent.shape[0])
        return values if order is None else values[order]

    def matrix(self, name: str, without_offsets: bool = False) -> GroupedWeights | NDArray[np.floating[Any]]:
        """Return a matrix in groups, or as the floats of the file, `(rows, columns)`.

        With `without_offsets` one of four bits is rounded to eight.

        Raises:
            ModelFailed: the file has none of this name, or is damaged.
        """
        extent = self._extent(name)
        order = self._order(name, extent.shape[-1])
        if extent.type_name in _FLOATS:
            values = self._raw(extent).view(_FLOATS[extent.type_name]).reshape(extent.shape[::-1])
            return values if order is None else values[order]
        try:
            found = read_grouped(self._file, extent, order, without_offsets)
        except ValueError as exc:
            raise broken(self.header.path, f"has {exc} in {name}") from exc
        self._forget()
        return found

    def _forget(self) -> None:
        """Give the pages of the mapped file back; the file is read once."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _raw(self, extent: TensorExtent) -> NDArray[np.uint8]:
        return self._file[extent.start : extent.start + extent.size_bytes]

    def _extent(self, name: str) -> TensorExtent:
        extent = self.header.tensors.get(name)
        if extent is None:
            raise broken(self.header.path, f"has no {name}")
        return extent

    def _order(self, name: str, rows: int) -> NDArray[np.intp] | None:
        """Return the rows of queries and keys in Hugging Face's order, None if they are."""
        key = _INTERLEAVED.get(name.split(".")[2]) if name.count(".") == 3 else None
        if self.header.architecture != "llama" or key is None:
            return None
        heads = self.header.number(key)
        return np.arange(rows).reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)


def reason_against(header: GgufHeader) -> str:
    """Return why the graph cannot be built of a file, empty if it can."""
    if header.architecture not in ARCHITECTURES:
        return f"it is of architecture {header.architecture or 'unknown'}"
    for name, extent in header.tensors.items():
        if extent.type_name not in _FLOATS and not can_group(extent):
            return f"{name} is of type {extent.type_name}"
    own = f"{header.architecture}."
    rotation = str(header.metadata.get(f"{own}rope.scaling.type", ""))
    if rotation not in _PLAIN_ROTATION:
        return f"its positions are scaled ({rotation})"
    if header.number("expert_count"):
        return "it is a mixture of experts"
    size = header.number(
        "attention.key_length",
        header.number("embedding_length") // max(1, header.number("attention.head_count", 1)),
    )
    if header.number("rope.dimension_count", size) != size:
        return "only a part of each head is rotated"
    return ""
