# ruff: noqa: N803
# Compile-time constants of a Triton kernel are written in capitals, and its arguments have no Python types.
# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""A matrix product straight from bitsandbytes' nf4 codes, on tensor cores, for one row or up to 32: no second copy of the weights.

Reads the layout as it is (two codes a byte, the first in the high half; one scale per 64 weights of a row), so the answers are those of
the same checkpoint. The sixteen levels live in eight 32-bit words, and a byte permutation looks four codes up at once: from a
table in memory the look-ups take longer than the product. Scales are taken out of their double quantization once, at load.

Source: Dettmers et al. 2023, "QLoRA", for nf4; Frantar et al. 2024, "MARLIN", for 4-bit weights decoded in registers on their way
to the tensor cores.
"""

from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl

MOST_ROWS = 32
SHAPE = (32, 1, 4, 1024)
"""Outputs a program, its warps, blocks in flight, and the programs up to which the width is split: the best over the four shapes of
Llama 3 8B and 1, 8 and 32 rows on an H100 (`bench_models_gpu --sweep`)."""
_MOST_SPLITS = 8
_TILE = 512


@triton.jit(do_not_specialize=["count"])
def _product_kernel(
    x, packed, scales, levels, parts, width, height, count,
    DECODE: tl.constexpr, ROWS: tl.constexpr, OUTPUTS: tl.constexpr, SPLITS: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """`OUTPUTS` outputs of every row over one stretch of the width; x is read as int32, two neighbours at once.

    Without `DECODE` (the PTX that looks codes up) the levels are read from memory, and all is float32: for the interpreter.
    """
    outputs = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    split = tl.program_id(1)
    row, byte = tl.arange(0, ROWS), tl.arange(0, 32)
    wanted, there = outputs < height, (row < count)[None, :]
    each = width // 64 // SPLITS
    codes_at = packed + outputs.to(tl.int64)[:, None] * (width // 2) + byte[None, :]
    pairs_at = x + row[None, :] * (width // 2) + byte[:, None]
    total = tl.zeros([OUTPUTS, ROWS], tl.float32)
    for block in tl.range(split * each, (split + 1) * each, num_stages=STAGES):
        codes = tl.load(codes_at + block * 32, mask=wanted[:, None], other=0)
        pair = tl.load(pairs_at + block * 32, mask=there, other=0)
        scale = tl.load(scales + block * height + outputs, mask=wanted, other=0.0)
        even = (pair & 0xFFFF).to(tl.int16).to(levels.dtype.element_ty, bitcast=True)
        odd = (pair >> 16).to(tl.int16).to(levels.dtype.element_ty, bitcast=True)
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
        part = tl.dot(high, even)
        part = tl.dot(low, odd, part)
        total += part * scale[:, None]
    place = parts + (split * count + row[None, :]) * height + outputs[:, None]
    tl.store(place, total, mask=there & wanted[:, None])


@triton.jit(do_not_specialize=["count"])
def _sum_kernel(parts, residual, out, height, count, HAS_RESIDUAL: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr):  # fmt: skip
    """The stretches of the width added in a fixed order, so that the same question has the same answer."""
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
    """The sixteen levels of nf4 as products read them: on the device of `code`, float32 (16,), in the 16-bit type of the rows."""

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
    """`x @ W.T (+ residual)` for up to `MOST_ROWS` rows x, bfloat16 or float16 (n, in), and W of shape (out, in) as nf4 codes.

    `packed` is uint8 (out, in / 2), `scales` float32 (in / 64, out).
    """
    (count, width), height = x.shape, packed.shape[0]
    outputs, warps, stages, programs = SHAPE
    splits = _splits(width // 64, triton.cdiv(height, outputs), programs)
    parts = torch.empty((splits, count, height), dtype=torch.float32, device=x.device)
    _product_kernel[(triton.cdiv(height, outputs), splits)](
        x.contiguous().view(torch.int32), packed, scales, levels.table, parts, width, height, count,
        levels.decoding, 16 if count <= 16 else MOST_ROWS, outputs, splits, stages, num_warps=warps,
    )  # fmt: skip
    out = torch.empty((count, height), dtype=x.dtype, device=x.device)
    held = out if residual is None else residual
    _sum_kernel[(triton.cdiv(height, _TILE), count)](
        parts, held, out, height, count, residual is not None, splits, _TILE
    )
    return out


def _splits(blocks: int, programs: int, wanted: int) -> int:
    """Into how many equal stretches the width of so many blocks is split: a power of two, until there are programs enough."""
    splits = 1
    while splits < _MOST_SPLITS and splits * programs < wanted and blocks % (2 * splits) == 0:
        splits *= 2
    return splits


@cache
def decoding_of(levels: tuple[int, ...]) -> str:
    """PTX from four bytes of codes ($4) to four 16-bit levels of their high halves ($0, $1) and four of their low ones ($2, $3).

    `levels` are the sixteen levels' bits. `prmt` picks four of eight bytes by the low three bits of each code; that of both halves of
    the table, for the levels' upper and lower bytes apart, and a third picks between the halves by the fourth bit.
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
