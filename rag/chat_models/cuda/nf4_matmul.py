# ruff: noqa: N803
# Compile-time constants of a Triton kernel are written in capitals, and its arguments have no Python types.
# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""A matrix product straight from bitsandbytes' nf4 codes, on tensor cores.

It takes one to 32 rows and needs no second copy of the weights. It reads bitsandbytes' layout (two codes a
byte, the first in the high half; one scale per 64 weights of a row), so the answers are those of the same
checkpoint. The sixteen levels are in eight 32-bit words, and a byte permutation looks up four codes at once:
with a table in memory the look-ups take longer than the product. The double quantization of the scales is
undone once, at load.

Source: Dettmers et al. 2023, "QLoRA", for nf4; Frantar et al. 2024, "MARLIN", for 4-bit weights decoded in registers on their way
to the tensor cores.
"""

from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl

MOST_ROWS = 32  # more rows go through dequantized weights
FEW_ROWS = 16
"""Up to so many rows are read as they are, more in the order of `mma_order`."""
SHAPES = {8: (32, 1, 4, 1024), FEW_ROWS: (64, 2, 4, 512), MOST_ROWS: (128, 4, 3, 512)}
"""Outputs, warps, blocks in flight and programs, by the rows of a program.

Eight rows are the fewest that the tensor cores take. The width is split until there are so many programs.

Source: sweeps over the four shapes of Llama 3 8B on an H100 (`benchmarks.gpu.models --sweep`). With 32 rows
more is read of x than of the weights, and with twice the outputs it is read half as often.
"""
_MOST_SPLITS = 16  # parts of the width; their sums are added by a second kernel
_TILE = 512  # outputs that a program of that kernel adds


@triton.jit(do_not_specialize=["count", "each"])
def _product_kernel(
    x, packed, scales, levels, parts, pairs, height, count, each,
    DECODE: tl.constexpr, MMA_ORDER: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Compute `OUTPUTS` outputs of every row over `each` blocks of 64 columns.

    A byte of codes is a pair of columns, and a row has `pairs` of them. x is int32, two neighbours at once,
    or with `MMA_ORDER` in its own type and that order. The number of pairs is an argument and not halved
    here, so that the compiler knows that rows of codes are aligned and copies 16 bytes at once. Without
    `DECODE` (the PTX that looks up codes) the levels are read from memory and everything is float32: for the
    interpreter.
    """
    outputs = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    read = tl.minimum(outputs, height - 1)  # beyond the last it is read again, so that no load needs a mask
    split = tl.program_id(1)
    row, byte = tl.arange(0, ROWS), tl.arange(0, 32)
    there = (row < count)[None, :]
    codes_at = packed + read.to(tl.int64)[:, None] * pairs + byte[None, :]
    at = x + row[None, :] * pairs * (2 if MMA_ORDER else 1) + byte[:, None]
    # One block is 64 columns of a row: 32 bytes of codes that share one scale. The scale is applied to the block's sum,
    # once for 64 products.
    total = tl.zeros([OUTPUTS, ROWS], tl.float32)
    for block in tl.range(split * each, (split + 1) * each, num_stages=STAGES):
        codes = tl.load(codes_at + block * 32)
        if MMA_ORDER:
            even = tl.load(at + block * 32, mask=there, other=0.0)
            odd = tl.load(at + pairs + block * 32, mask=there, other=0.0)
        else:
            pair = tl.load(at + block * 32, mask=there, other=0)
            even = (pair & 0xFFFF).to(tl.int16).to(levels.dtype.element_ty, bitcast=True)
            odd = (pair >> 16).to(tl.int16).to(levels.dtype.element_ty, bitcast=True)
        scale = tl.load(scales + block * height + read)
        if DECODE is not None:
            high, low = tl.inline_asm_elementwise(
                DECODE,
                "=r,=r,=r,=r,r",
                [codes],
                dtype=(levels.dtype.element_ty, levels.dtype.element_ty),
                is_pure=True,
                pack=4,
            )
        else:
            high = tl.load(levels + (codes >> 4).to(tl.int32)).to(tl.float32)
            low = tl.load(levels + (codes & 15).to(tl.int32)).to(tl.float32)
            even, odd = even.to(tl.float32), odd.to(tl.float32)
        if MMA_ORDER:
            high = tl.reshape(
                tl.permute(tl.reshape(high, [OUTPUTS, 4, 2, 2, 2]), [0, 2, 3, 1, 4]), [OUTPUTS, 32]
            )
            low = tl.reshape(
                tl.permute(tl.reshape(low, [OUTPUTS, 4, 2, 2, 2]), [0, 2, 3, 1, 4]), [OUTPUTS, 32]
            )
        # The high halves are the even columns, the low ones the odd: two products without interleaving the codes.
        part = tl.dot(high, even)
        part = tl.dot(low, odd, part)
        total += part * scale[:, None]
    place = parts + (split * count + row[None, :]) * height + outputs[:, None]
    tl.store(place, total, mask=there & (outputs < height)[:, None])


@triton.jit(do_not_specialize=["count"])
def _sum_kernel(parts, residual, out, height, count, HAS_RESIDUAL: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """Add the partial sums of the width in a fixed order.

    A fixed order makes the answer to a question reproducible.
    """
    at = tl.program_id(0) * TILE + tl.arange(0, TILE)
    row = tl.program_id(1)
    inside = at < height
    y = tl.zeros([TILE], tl.float32)
    for split in tl.static_range(SPLITS):
        y += tl.load(parts + (split * count + row) * height + at, mask=inside, other=0.0)
    if HAS_RESIDUAL:
        y += tl.load(residual + row * height + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * height + at, y.to(out.dtype.element_ty), mask=inside)


class Levels:
    """The sixteen levels of nf4 as the products read them.

    They are on the device of `code`, float32 (16,), in the 16-bit type of the rows.
    """

    def __init__(self, code: torch.Tensor, dtype: torch.dtype) -> None:
        self.table = code.to(dtype).contiguous()
        bits = tuple(self.table.view(torch.int16).tolist())
        self.decoding = decoding_of(bits) if code.is_cuda else None  # Triton's interpreter knows no PTX


def multiply(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    levels: Levels,
    residual: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return `x @ W.T (+ residual)` for at most `MOST_ROWS` rows.

    x is bfloat16 or float16 (n, in); W is (out, in) as nf4 codes: `packed` uint8 (out, in / 2), `scales`
    float32 (in / 64, out). More than `FEW_ROWS` rows are read in the order of `mma_order`, in which the
    kernels before write them.
    """
    count, (height, pairs) = x.shape[0], packed.shape
    rows = rows_computed(count)
    outputs, warps, stages, programs = SHAPES[rows]
    splits = _splits(pairs // 32, triton.cdiv(height, outputs), programs)
    parts = torch.empty((splits, count, height), dtype=torch.float32, device=x.device)
    _product_kernel[(triton.cdiv(height, outputs), splits)](
        x if count > FEW_ROWS else x.contiguous().view(torch.int32), packed, scales, levels.table, parts, pairs, height, count,
        pairs // 32 // splits, levels.decoding, count > FEW_ROWS, rows, outputs, stages, num_warps=warps,
    )  # fmt: skip
    out = torch.empty((count, height), dtype=x.dtype, device=x.device)
    held = out if residual is None else residual
    _sum_kernel[(triton.cdiv(height, _TILE), count)](
        parts, held, out, height, count, residual is not None, splits, _TILE
    )
    return out


@triton.jit
def mma_place(column, width):
    """Return the place in `mma_order` of a column of a row of `width`."""
    byte = column % 64 // 2
    place = byte // 4 % 2 * 16 + byte // 2 % 2 * 8 + byte // 8 * 2 + byte % 2
    return column % 2 * (width // 2) + column // 64 * 32 + place


def mma_order(x: torch.Tensor) -> torch.Tensor:
    """Return the columns of x (n, width) in the order in which many rows are read.

    Even columns come before odd ones, because the two codes of a byte are looked up apart. Within each 32,
    the columns of a tensor core thread are neighbours: first the two that it needs, then the two eight
    columns further on. So its eight bytes of codes are neighbours in memory and are read at once.
    """
    return x.view(len(x), -1, 4, 2, 2, 2, 2).permute(0, 6, 1, 3, 4, 2, 5).reshape(x.shape)


def natural_order(x: torch.Tensor) -> torch.Tensor:
    """Return the columns of x from the order of `mma_order` in their own order."""
    return x.view(len(x), 2, -1, 2, 2, 4, 2).permute(0, 2, 5, 3, 4, 6, 1).reshape(x.shape)


def rows_computed(count: int) -> int:
    """Return the number of rows that are computed for so many (a key of `SHAPES`)."""
    return next(rows for rows in SHAPES if rows >= count)


def _splits(blocks: int, programs: int, wanted: int) -> int:
    """Return the number of equal parts into which the width is split.

    It is a power of two, large enough that there are enough programs.
    """
    splits = 1
    while splits < _MOST_SPLITS and splits * programs < wanted and blocks % (2 * splits) == 0:
        splits *= 2
    return splits


@cache
def decoding_of(levels: tuple[int, ...]) -> str:
    """Return PTX that turns four bytes of codes into eight 16-bit levels.

    Input is $4; the levels of the high halves are $0 and $1, those of the low halves $2 and $3. `levels` are
    the sixteen levels' bits. `prmt` picks four of eight bytes by the low three bits of each code. It is
    applied to both halves of the table, for the upper and the lower bytes of the levels apart, and a third
    `prmt` picks between the halves by the fourth bit.
    """
    upper, lower = ([level >> shift & 0xFF for level in levels] for shift in (8, 0))

    def looked_up(into: str, table: list[int]) -> list[str]:
        words = [sum(byte << 8 * i for i, byte in enumerate(table[at : at + 4])) for at in range(0, 16, 4)]
        return [
            f"prmt.b32 p, {words[0]:#x}, {words[1]:#x}, code;",
            f"prmt.b32 q, {words[2]:#x}, {words[3]:#x}, code;",
            f"prmt.b32 {into}, p, q, half;",
        ]

    lines = ["{", ".reg .b32 code, half, p, q, up, down;"]
    lines += ["and.b32 code, $4, 0x77777777;", "shr.u32 half, $4, 1;"]
    lines += ["and.b32 half, half, 0x44444444;", "or.b32 half, half, 0x32103210;"]
    for high, low in (("$0", "$2"), ("$1", "$3")):
        lines += [*looked_up("up", upper), *looked_up("down", lower)]
        lines += [f"prmt.b32 {low}, down, up, 0x6240;", f"prmt.b32 {high}, down, up, 0x7351;"]
        lines += ["shr.u32 code, code, 16;", "shr.u32 half, half, 16;"]
    return "\n".join([*lines[:-2], "}"])
