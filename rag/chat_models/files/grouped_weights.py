"""A matrix of a GGUF file as integers with a scale for each group of a row.

A weight is `scale * code + offset`, with one scale and offset for a group. OpenVINO multiplies with signed
four-bit codes directly. GGUF's minimum of a block becomes the offset, which is multiplied with the sum of a
group's inputs: 32 times fewer products. So Q4_0, Q4_1 and Q4_K keep their values to a rounding of 16-bit
floats, and Q8_0 exactly. The other types are rounded to eight bits with a scale for up to 128 weights.
Whole zeros with the rest as the offset were measured too: as exact, 140 MB more for a model of 1.5 billion
weights in bfloat16, and a tenth slower to decode.

Source: `block_q4_K` and its neighbours in ggml's ggml-common.h.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.chat_models.files.gguf_header import TensorExtent

MIDDLE = 8
"""The code of four bits, 0 to 15, that becomes 0 with a sign."""
GROUP = 32
"""Weights that share a scale in Q4_0, Q4_1, Q4_K and Q8_0."""
MOST_ROUNDED = 128
"""Weights that share a scale where eight bits are rounded to.

Source: a product of 512 tokens by 1,536 x 8,960 ran 1.9 times as fast with 128 as with 32 (446 and 860 GFLOPS
on a busy machine, OpenVINO 2026.4).
"""
FOUR_BITS = frozenset({"Q4_0", "Q4_1", "Q4_K"})
_Q4_K_BLOCK, _Q4_BLOCKS, _Q8_BLOCK = 256, {"Q4_0": 32, "Q4_1": 32}, 32
_SIGNS = np.uint8(0x88)  # takes MIDDLE from both codes of a byte
_NO_NUMBER = "a scale that is no finite number"
_CHUNK_WEIGHTS = 1 << 19  # decoded at once by a thread: its arrays stay in the processor's cache

Raw = NDArray[np.uint8]
Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class GroupedWeights:
    """A matrix of `rows` x `columns` in groups.

    `codes` are int8 `(rows, columns)`, or two four-bit codes a byte, `(rows, columns / 2)` with the first in
    the low half, as 4-bit integers with a sign. `scales` and `offsets` are `(rows, groups)`; without offsets
    these are 0.
    """

    columns: int
    codes: NDArray[np.int8] | NDArray[np.uint8]
    scales: Half
    offsets: Half | None = None

    @property
    def bits(self) -> int:
        """The bits of a code, 4 or 8."""
        return 4 if self.codes.dtype == np.uint8 else 8

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.scales)

    @property
    def group(self) -> int:
        """Weights that share a scale."""
        return self.columns // int(self.scales.shape[1])

    def weights(self) -> NDArray[np.float32]:
        """Return the matrix, float32 `(rows, columns)`."""
        codes: NDArray[np.float32] = self.codes.astype(np.float32)
        if self.bits == 4:
            unsigned = self.codes ^ _SIGNS
            codes = np.stack([unsigned & 15, unsigned >> 4], axis=-1).astype(np.float32) - MIDDLE
        codes = codes.reshape(self.rows, -1, self.group)
        weights = codes * self.scales[:, :, None].astype(np.float32)
        if self.offsets is not None:
            weights = weights + self.offsets[:, :, None]
        return weights.reshape(self.rows, self.columns)


def can_group(extent: TensorExtent) -> bool:
    """Return whether a tensor is a matrix that can be read in groups."""
    from gguf.quants import _type_traits as known

    name, columns = extent.type_name, extent.shape[0]
    return len(extent.shape) == 2 and columns % GROUP == 0 and name in {kind.name for kind in known}


def group_of(type_name: str, columns: int) -> int:
    """Return the weights that share a scale in a matrix of a type."""
    if type_name in FOUR_BITS or type_name == "Q8_0":
        return GROUP
    return next(size for size in (MOST_ROUNDED, 64, GROUP) if columns % size == 0)


def grouped_bytes(extent: TensorExtent) -> int:
    """Return a matrix's bytes in OpenVINO: codes, float32 scales twice, offsets.

    Source: the constants of `CompiledModel.get_runtime_model`, and the packed scales beside them.
    """
    groups = extent.elements // group_of(extent.type_name, extent.shape[0])
    if extent.type_name not in FOUR_BITS:
        return extent.elements + 8 * groups
    offset = 0 if extent.type_name == "Q4_0" else 1
    return extent.elements // 2 + (8 + offset) * groups


def read_grouped(
    file: Raw, extent: TensorExtent, order: NDArray[np.intp] | None = None, without_offsets: bool = False
) -> GroupedWeights:
    """Return a matrix of a mapped GGUF file, its rows in `order` if one is given.

    With `without_offsets` a matrix of four bits is rounded to eight too, so that it has no offsets.

    Raises:
        ValueError: a scale is no finite number, as in a damaged file.
    """
    columns, rows = extent.shape[0], extent.elements // extent.shape[0]
    raw = file[extent.start : extent.start + extent.size_bytes].reshape(rows, -1)
    read = _reader(extent.type_name, columns, without_offsets)
    step = max(1, _CHUNK_WEIGHTS // columns)

    def chunk(start: int) -> GroupedWeights:
        stop = min(start + step, rows)
        return read(raw[start:stop] if order is None else raw[order[start:stop]])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(chunk, range(0, rows, step)))
    found = GroupedWeights(
        columns,
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.scales for part in parts]),
        _joined([part.offsets for part in parts]),
    )
    if not np.isfinite(found.scales).all():
        raise ValueError(_NO_NUMBER)
    return found


def _joined(parts: list[NDArray[Any] | None]) -> NDArray[Any] | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _reader(type_name: str, columns: int, without_offsets: bool) -> Callable[[Raw], GroupedWeights]:
    """Return the function from rows of bytes to groups."""
    if without_offsets and type_name in FOUR_BITS:
        return lambda raw: _rounded(raw, columns, type_name)
    if type_name == "Q4_K":
        return lambda raw: _q4_k(raw, columns)
    if type_name in _Q4_BLOCKS:
        return lambda raw: _q4(raw, columns, type_name)
    if type_name == "Q8_0":
        return lambda raw: _q8_0(raw, columns)
    return lambda raw: _rounded(raw, columns, type_name)


def _q4_k(raw: Raw, columns: int) -> GroupedWeights:
    blocks = raw.reshape(len(raw), columns // _Q4_K_BLOCK, 144)
    step, least = blocks[:, :, 0:4].copy().view(np.float16).astype(np.float32).transpose(2, 0, 1)[..., None]
    low, high, mixed = blocks[:, :, 4:8], blocks[:, :, 8:12], blocks[:, :, 12:16]
    scales = np.concatenate([low & 63, (mixed & 15) | (low >> 6 << 4)], axis=-1)
    minima = np.concatenate([high & 63, (mixed >> 4) | (high >> 6 << 4)], axis=-1)
    pairs = blocks[:, :, 16:].copy().view(np.uint16).reshape(len(raw), -1, 4, 16)
    # 32 bytes are the low halves of 32 weights and the high halves of the next 32.
    codes = np.stack([(pairs & 15) | (pairs >> 4 & 0xF0), (pairs >> 4 & 15) | (pairs >> 8 & 0xF0)], axis=3)
    return _with_offsets(columns, codes.astype(np.uint8), step * scales, least * minima)


def _q4(raw: Raw, columns: int, type_name: str) -> GroupedWeights:
    blocks = raw.reshape(len(raw), columns // GROUP, -1)
    pairs = (
        blocks[:, :, -16:].copy().view(np.uint16)
    )  # 16 bytes: low halves of the first 16 weights, high of the rest
    codes = np.concatenate(
        [(pairs & 15) | (pairs >> 4 & 0xF0), (pairs >> 4 & 15) | (pairs >> 8 & 0xF0)], axis=-1
    )
    codes = codes.astype(np.uint8)
    step = blocks[:, :, 0:2].copy().view(np.float16)[..., 0]
    if type_name == "Q4_0":
        return GroupedWeights(columns, codes.reshape(len(raw), -1) ^ _SIGNS, step)
    least = blocks[:, :, 2:4].copy().view(np.float16)[..., 0].astype(np.float32)
    return _with_offsets(columns, codes, step.astype(np.float32), -least)


def _with_offsets(
    columns: int, codes: Raw, scales: NDArray[np.float32], minima: NDArray[np.float32]
) -> GroupedWeights:
    """Return the groups of weights that are `scale * code - minimum`."""
    if not (np.isfinite(scales).all() and np.isfinite(minima).all()):
        raise ValueError(_NO_NUMBER)
    rows = len(codes)
    short = scales.reshape(rows, -1).astype(np.float16)
    exact, minima = short.astype(np.float32), minima.reshape(rows, -1)
    offsets = (exact * MIDDLE - minima).astype(np.float16)
    return GroupedWeights(columns, codes.reshape(rows, -1) ^ _SIGNS, short, offsets)


def _q8_0(raw: Raw, columns: int) -> GroupedWeights:
    blocks = raw.reshape(len(raw), columns // _Q8_BLOCK, 34)
    scales = blocks[:, :, 0:2].copy().view(np.float16)[..., 0]
    codes = blocks[:, :, 2:].copy().view(np.int8).reshape(len(raw), columns)
    return GroupedWeights(columns, codes, scales)


def _rounded(raw: Raw, columns: int, type_name: str) -> GroupedWeights:
    """Return the weights at eight bits, with a scale for as many as allowed."""
    from gguf import GGMLQuantizationType, dequantize

    return eight_bits(dequantize(raw, GGMLQuantizationType[type_name]), group_of(type_name, columns))


def eight_bits(weights: NDArray[np.floating[Any]], group: int = 0) -> GroupedWeights:
    """Return a matrix rounded to eight bits, with a scale for `group` weights.

    Without a group there is a scale for each row."""
    rows, columns = weights.shape
    weights = weights.astype(np.float32).reshape(rows, -1, group or columns)
    scales = (np.abs(weights).max(axis=-1) / 127).astype(np.float16)
    inverse = np.divide(
        1, scales, out=np.zeros(scales.shape, np.float32), where=scales != 0, dtype=np.float32
    )
    codes = np.rint(weights * inverse[:, :, None]).clip(-127, 127).astype(np.int8)
    return GroupedWeights(columns, codes.reshape(rows, columns), scales)
