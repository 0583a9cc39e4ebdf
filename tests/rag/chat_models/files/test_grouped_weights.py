"""Matrices as grouped integers, against gguf's own decoder and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rag.chat_models.files.gguf_header import TensorExtent
from rag.chat_models.files.grouped_weights import can_group, group_of, grouped_bytes, read_grouped

BLOCKS = {"Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22), "Q8_0": (8, 32, 34),
          "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210)}  # fmt: skip
SCALES_AT = {"Q6_K": (208,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q4_1": (0, 2)}
"""Offsets of the 16-bit floats in a block."""


def random_file(name: str, rows: int, columns: int) -> tuple[np.ndarray, TensorExtent]:
    """Return bytes of a matrix whose codes are random and whose scales are as in real files."""
    kind, weights, size = BLOCKS[name]
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 256, (rows * columns // weights, size), dtype=np.uint8)
    for at in SCALES_AT.get(name, (0,)):
        blocks[:, at : at + 2] = (
            rng.uniform(0.001, 0.004, len(blocks)).astype(np.float16)[:, None].view(np.uint8)
        )
    file = np.concatenate([np.zeros(64, np.uint8), blocks.reshape(-1)])
    return file, TensorExtent((columns, rows), kind, 64, blocks.size)


def decoded(file: np.ndarray, extent: TensorExtent) -> np.ndarray:
    from gguf import GGMLQuantizationType, dequantize

    raw = file[extent.start : extent.start + extent.size_bytes].reshape(extent.shape[1], -1)
    return dequantize(raw, GGMLQuantizationType(extent.type_id))


@pytest.mark.parametrize(
    ("name", "bits", "most"),
    # The relative error: 16-bit floats in Q4_1 and Q4_K, half a step of 1/127 of a group's largest elsewhere.
    [("Q4_0", 4, 0), ("Q8_0", 8, 0), ("Q4_1", 4, 5e-4), ("Q4_K", 4, 5e-4), ("Q5_0", 8, 6e-3), ("Q5_K", 8, 6e-3), ("Q6_K", 8, 8e-3)],
)  # fmt: skip
def test_the_weights_are_those_of_the_file(name: str, bits: int, most: float) -> None:
    file, extent = random_file(name, 300, 1024)
    found, exact = read_grouped(file, extent), decoded(file, extent)
    assert (found.bits, found.rows, found.columns, found.group) == (bits, 300, 1024, group_of(name, 1024))
    error = np.sqrt(np.square(found.weights() - exact).mean() / np.square(exact).mean())
    assert error <= most


def test_a_block_of_q4_1_by_hand() -> None:
    # 0.5 * code - 1.75 is 0.5 * (code - 8) + 2.25; codes 0..15 low, 15..0 high
    codes = np.arange(16, dtype=np.uint8) | (15 - np.arange(16, dtype=np.uint8)) << 4
    file = np.concatenate([np.float16([0.5, -1.75]).view(np.uint8), codes])
    found = read_grouped(file, TensorExtent((32, 1), 3, 0, 20))
    assert found.offsets is not None
    assert (found.scales[0, 0], found.offsets[0, 0]) == (0.5, 2.25)
    # 0 and 1 less 8 are -8 and -7, the bits 1000 and 1001 with a sign; 2 and 3 are -6 and -5
    assert found.codes[0, :2].tolist() == [0b1001_1000, 0b1011_1010]
    assert found.weights()[0, [0, 1, 15, 16, 31]].tolist() == [-1.75, -1.25, 5.75, 5.75, -1.75]


def test_a_block_without_a_scale_is_its_minimum() -> None:
    file = np.concatenate([np.float16([0, 0.5]).view(np.uint8), np.full(16, 0x77, np.uint8)])
    assert read_grouped(file, TensorExtent((32, 1), 3, 0, 20)).weights().tolist() == [[0.5] * 32]


def test_rows_come_in_the_order_that_is_asked_for() -> None:
    file, extent = random_file("Q4_K", 6, 256)
    order = np.array([5, 0, 3, 1, 2, 4])
    assert np.array_equal(
        read_grouped(file, extent, order).weights(), read_grouped(file, extent).weights()[order]
    )


def test_a_table_of_four_bits_can_be_read_without_offsets() -> None:
    file, extent = random_file("Q4_K", 40, 256)
    found, exact = read_grouped(file, extent, without_offsets=True), decoded(file, extent)
    assert (found.bits, found.offsets, found.group) == (8, None, 32)
    assert np.abs(found.weights() - exact).max() <= np.abs(exact).max() / 127 * 0.51


def test_a_scale_that_is_no_number_is_refused() -> None:
    file, extent = random_file("Q4_K", 4, 256)
    file[64:66] = np.float16([np.inf]).view(np.uint8)
    with pytest.raises(ValueError, match="no finite number"):
        read_grouped(file, extent)


def test_groups_divide_a_row_and_bytes_are_counted() -> None:
    assert (group_of("Q6_K", 1536), group_of("Q6_K", 576), group_of("Q6_K", 96), group_of("Q4_K", 1536)) == (
        128,
        64,
        32,
        32,
    )
    assert grouped_bytes(TensorExtent((256, 2), 12, 0, 288)) == 256 + (8 + 1) * 16
    assert grouped_bytes(TensorExtent((256, 2), 14, 0, 420)) == 512 + 8 * 4
    assert can_group(TensorExtent((256, 2), 14, 0, 420))
    assert not can_group(TensorExtent((40, 2), 8, 0, 0))
    assert not can_group(TensorExtent((256,), 14, 0, 210))
