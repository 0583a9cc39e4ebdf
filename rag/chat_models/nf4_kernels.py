# ruff: noqa: N803
# Compile-time constants of a Triton kernel are written in capitals, and its arguments have no Python types.
# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Triton kernels for decoding a Llama: 4-bit matrix products straight from bitsandbytes' nf4 codes, and what stands between them.

Knows bitsandbytes' layout (two codes a byte, the first in the high half; one scale per 64 weights of a row) and reads it as it is: no
second copy of the weights, no other quantization, so the answers are those of the same checkpoint. A decode step reads every
weight once; everything here is made to run at the memory's speed. Scales are taken out of their double quantization
once, at load.

Source: Dettmers et al. 2023, "QLoRA", for nf4; Dao et al. 2023, "Flash-Decoding", for attention in parallel over a context.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_FEW_ROWS = 1
_MOST_ROWS = 32
_BLOCK_WEIGHTS = 64
_ATTENTION_TILE = 64


@triton.jit
def _two_floats(pair):
    """The halves of an int32 that holds two float16: high half, low half, as float32."""
    high = (pair >> 16).to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)
    low = (pair & 0xFFFF).to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)
    return high, low


@triton.jit
def _vector_kernel(
    x,
    packed,
    scales,
    pairs,
    out,
    residual,
    width,
    HAS_RESIDUAL: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCKS: tl.constexpr,
):
    """One row of x: `ROWS` outputs a program, `BLOCKS` blocks of 64 weights a turn."""
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    byte = tl.arange(0, 32)
    blocks_in_row = width // 64
    total = tl.zeros([ROWS, BLOCKS], tl.float32)
    for first in range(0, blocks_in_row, BLOCKS):
        block = first + tl.arange(0, BLOCKS)
        inside = block < blocks_in_row
        column = block[None, :, None] * 32 + byte[None, None, :]
        codes = tl.load(
            packed + rows[:, None, None] * (width // 2) + column,
            mask=inside[None, :, None],
            other=0,
            cache_modifier=".cg",
        )
        first_weight, second_weight = _two_floats(tl.load(pairs + codes.to(tl.int32)))
        at = block[None, :, None] * 64 + byte[None, None, :] * 2
        even = tl.load(x + at, mask=inside[None, :, None], other=0.0).to(tl.float32)
        odd = tl.load(x + at + 1, mask=inside[None, :, None], other=0.0).to(tl.float32)
        partial = tl.sum(first_weight * even + second_weight * odd, axis=2)
        scale = tl.load(
            scales + rows[:, None] * blocks_in_row + block[None, :], mask=inside[None, :], other=0.0
        )
        total += partial * scale
    y = tl.sum(total, axis=1)
    if HAS_RESIDUAL:
        y += tl.load(residual + rows).to(tl.float32)
    tl.store(out + rows, y.to(out.dtype.element_ty))


@triton.jit
def _matrix_kernel(
    x,
    packed,
    scales,
    pairs,
    partial,
    count,
    width,
    height,
    SPLITS: tl.constexpr,
    COUNT: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Up to `COUNT` rows of x: `ROWS` outputs a program over one of `SPLITS` stretches of the width, partial sums out."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    split = tl.program_id(1)
    one = tl.arange(0, COUNT)
    byte = tl.arange(0, 32)
    blocks_in_row = width // 64
    each = tl.cdiv(blocks_in_row, SPLITS)
    total = tl.zeros([COUNT, ROWS], tl.float32)
    long_rows = rows.to(tl.int64)
    for block in range(split * each, tl.minimum((split + 1) * each, blocks_in_row)):
        codes = tl.load(
            packed + long_rows[:, None] * (width // 2) + block * 32 + byte[None, :], cache_modifier=".cg"
        )
        first_weight, second_weight = _two_floats(tl.load(pairs + codes.to(tl.int32)))
        at = one[:, None] * width + block * 64 + byte[None, :] * 2
        real = one[:, None] < count
        even = tl.load(x + at, mask=real, other=0.0)
        odd = tl.load(x + at + 1, mask=real, other=0.0)
        product = tl.dot(even, tl.trans(first_weight.to(even.dtype)))
        product = tl.dot(odd, tl.trans(second_weight.to(odd.dtype)), product)
        total += product * tl.load(scales + long_rows * blocks_in_row + block)[None, :]
    place = (split * count + one[:, None]) * height + rows[None, :]
    tl.store(partial + place, total, mask=one[:, None] < count)


@triton.jit
def _sum_kernel(
    partial, residual, out, size, HAS_RESIDUAL: tl.constexpr, SPLITS: tl.constexpr, BLOCK: tl.constexpr
):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    y = tl.zeros([BLOCK], tl.float32)
    for split in tl.static_range(SPLITS):
        y += tl.load(partial + split * size + at, mask=inside, other=0.0)
    if HAS_RESIDUAL:
        y += tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def _norm_kernel(x, weight, out, width, epsilon, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < width
    value = tl.load(x + row * width + at, mask=inside, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value) / width + epsilon)
    gain = tl.load(weight + at, mask=inside, other=0.0)
    tl.store(out + row * width + at, (value * scale).to(out.dtype.element_ty) * gain, mask=inside)


@triton.jit
def _gate_kernel(gate_up, out, width, BLOCK: tl.constexpr):
    row = tl.program_id(1)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < width
    gate = tl.load(gate_up + row * 2 * width + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * width + width + at, mask=inside, other=0.0)
    tl.store(out + row * width + at, (gate * tl.sigmoid(gate)).to(up.dtype) * up, mask=inside)


@triton.jit
def _rotate_kernel(
    qkv, cosines, sines, positions, slots, query, keys, values, context,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    """Rotate queries and keys to their positions; keys and values go to their place in the cache."""
    row, head = tl.program_id(0), tl.program_id(1)
    at = tl.arange(0, HALF)
    position = tl.load(positions + row).to(tl.int64)
    start = (row * (HEADS + 2 * KV_HEADS) + head) * 2 * HALF
    low, high = tl.load(qkv + start + at), tl.load(qkv + start + HALF + at)
    if head < HEADS + KV_HEADS:
        cosine, sine = tl.load(cosines + position * HALF + at), tl.load(sines + position * HALF + at)
        first, second = low.to(tl.float32), high.to(tl.float32)
        low = (first * cosine - second * sine).to(low.dtype)
        high = (second * cosine + first * sine).to(high.dtype)
    if head < HEADS:
        target = query + (row * HEADS + head) * 2 * HALF
    else:
        slot = tl.load(slots + row).to(tl.int64)
        store = keys if head < HEADS + KV_HEADS else values
        group = (head - HEADS) % KV_HEADS
        target = store + ((slot * KV_HEADS + group) * context + position) * 2 * HALF
    tl.store(target + at, low)
    tl.store(target + HALF + at, high)


@triton.jit
def _attend_kernel(
    query, keys, values, positions, slots, sums, weights, context, scale,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, PADDED: tl.constexpr, SIZE: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Attention of one group of query heads over one stretch of its context: unnormalised sums, maximum and weight out."""
    row, group, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    head, at = tl.arange(0, PADDED), tl.arange(0, SIZE)
    length = tl.load(positions + row) + 1
    tiles = tl.cdiv(length, TILE)
    each = tl.cdiv(tiles, SPLITS)
    start = (
        tl.load(slots + row).to(tl.int64) * KV_HEADS * context * SIZE + group * context.to(tl.int64) * SIZE
    )
    q = tl.load(
        query + ((row * KV_HEADS + group) * GROUP + head[:, None]) * SIZE + at[None, :],
        mask=head[:, None] < GROUP,
        other=0.0,
    )
    best = tl.full([PADDED], -1e30, tl.float32)
    weight = tl.zeros([PADDED], tl.float32)
    total = tl.zeros([PADDED, SIZE], tl.float32)
    for tile in range(split * each, tl.minimum((split + 1) * each, tiles)):
        place = tile * TILE + tl.arange(0, TILE)
        inside = place < length
        k = tl.load(keys + start + place[:, None] * SIZE + at[None, :], mask=inside[:, None], other=0.0)
        v = tl.load(values + start + place[:, None] * SIZE + at[None, :], mask=inside[:, None], other=0.0)
        score = tl.where(inside[None, :], tl.dot(q, tl.trans(k)) * scale, -1e30)
        new_best = tl.maximum(best, tl.max(score, axis=1))
        probability = tl.exp(score - new_best[:, None])
        shrink = tl.exp(best - new_best)
        weight = weight * shrink + tl.sum(probability, axis=1)
        total = total * shrink[:, None] + tl.dot(probability.to(v.dtype), v)
        best = new_best
    part = ((row * KV_HEADS + group) * SPLITS + split) * PADDED + head
    tl.store(sums + part[:, None] * SIZE + at[None, :], total)
    tl.store(weights + part * 2, best)
    tl.store(weights + part * 2 + 1, weight)


@triton.jit
def _combine_kernel(
    sums,
    weights,
    out,
    KV_HEADS: tl.constexpr,
    GROUP: tl.constexpr,
    PADDED: tl.constexpr,
    SIZE: tl.constexpr,
    SPLITS: tl.constexpr,
):
    row, head = tl.program_id(0), tl.program_id(1)
    split, at = tl.arange(0, SPLITS), tl.arange(0, SIZE)
    part = ((row * KV_HEADS + head // GROUP) * SPLITS + split) * PADDED + head % GROUP
    best = tl.load(weights + part * 2)
    share = tl.exp(best - tl.max(best))
    whole = tl.sum(share * tl.load(weights + part * 2 + 1))
    total = tl.sum(tl.load(sums + part[:, None] * SIZE + at[None, :]) * share[:, None], axis=0)
    tl.store(out + (row * KV_HEADS * GROUP + head) * SIZE + at, (total / whole).to(out.dtype.element_ty))


def code_pairs(code: torch.Tensor) -> torch.Tensor:
    """For every byte of packed codes the two float16 values it stands for, as one int32: (256,) from the 16 levels `code`."""
    levels = code.to(torch.float16).view(torch.int16).to(torch.int32) & 0xFFFF
    byte = torch.arange(256, device=code.device)
    return ((levels[byte >> 4] << 16) | levels[byte & 15]).to(torch.int32).contiguous()


def multiply(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    pairs: torch.Tensor,
    residual: torch.Tensor | None = None,
) -> torch.Tensor:
    """`x @ W.T (+ residual)` for x of shape (n, in), n at most 32, and W of shape (out, in) as nf4 codes.

    `packed` is uint8 (out, in / 2), `scales` float32 (out, in / 64), `pairs` from `code_pairs`.
    """
    count, width = x.shape
    height = packed.shape[0]
    out = torch.empty((count, height), dtype=x.dtype, device=x.device)
    held = out if residual is None else residual
    if count <= _FEW_ROWS:
        rows, blocks, warps = _vector_shape(height, width)
        _vector_kernel[(height // rows,)](
            x, packed, scales, pairs, out, held, width, residual is not None, rows, blocks, num_warps=warps
        )
        return out
    rows, splits, warps, stages = _matrix_shape(height, width)
    partial = torch.empty((splits, count, height), dtype=torch.float32, device=x.device)
    padded = 16 if count <= 16 else _MOST_ROWS
    _matrix_kernel[(height // rows, splits)](
        x,
        packed,
        scales,
        pairs,
        partial,
        count,
        width,
        height,
        splits,
        padded,
        rows,
        num_warps=warps,
        num_stages=stages,
    )
    _sum_kernel[(triton.cdiv(out.numel(), 1024),)](
        partial, held, out, out.numel(), residual is not None, splits, 1024
    )
    return out


VECTOR_SHAPE = (4, 16, 4)
"""Outputs a program, blocks of 64 weights a turn, warps: measured best of a sweep on an H200."""
MATRIX_SHAPE = (64, 4, 3)
"""Outputs a program, warps, pipeline stages: likewise."""
_WANTED_PROGRAMS = 512


def _vector_shape(height: int, width: int) -> tuple[int, int, int]:
    rows, blocks, warps = VECTOR_SHAPE
    while height % rows:
        rows //= 2
    return rows, min(blocks, triton.next_power_of_2(width // _BLOCK_WEIGHTS)), warps


def _matrix_shape(height: int, width: int) -> tuple[int, int, int, int]:
    rows, warps, stages = MATRIX_SHAPE
    while height % rows:
        rows //= 2
    splits = 1
    while (
        height // rows * splits < _WANTED_PROGRAMS and splits < 8 and width // _BLOCK_WEIGHTS >= 16 * splits
    ):
        splits *= 2
    return rows, splits, warps, stages


def normalise(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    """RMS normalisation of each row of x, (n, width)."""
    out = torch.empty_like(x)
    block = triton.next_power_of_2(x.shape[1])
    _norm_kernel[(x.shape[0],)](x, weight, out, x.shape[1], epsilon, block, num_warps=8)
    return out


def gated(gate_up: torch.Tensor) -> torch.Tensor:
    """`silu(gate) * up` for (n, 2 * width) that holds both side by side."""
    count, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty((count, width), dtype=gate_up.dtype, device=gate_up.device)
    _gate_kernel[(triton.cdiv(width, 1024), count)](gate_up, out, width, 1024)
    return out


def rotate_and_store(
    qkv: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    place: tuple[torch.Tensor, torch.Tensor],
    cache: tuple[torch.Tensor, torch.Tensor],
    heads: int,
) -> torch.Tensor:
    """The rotated queries (n, heads, size); rotated keys and values are written into the cache.

    `turn` holds cosines and sines, float32 (context, size / 2); `place` positions and slots, int32 (n,); `cache` keys and values, each
    (slots, key-value heads, context, size).
    """
    keys, values = cache
    kv_heads, context, size = keys.shape[1:]
    query = torch.empty((qkv.shape[0], heads, size), dtype=qkv.dtype, device=qkv.device)
    _rotate_kernel[(qkv.shape[0], heads + 2 * kv_heads)](
        qkv, *turn, *place, query, keys, values, context, heads, kv_heads, size // 2, num_warps=1
    )
    return query


def attend(
    query: torch.Tensor,
    place: tuple[torch.Tensor, torch.Tensor],
    cache: tuple[torch.Tensor, torch.Tensor],
    splits: int,
) -> torch.Tensor:
    """Attention of each row's queries over its slot's context up to its position: (n, heads * size)."""
    keys, values = cache
    count, heads, size = query.shape
    kv_heads, context = keys.shape[1], keys.shape[2]
    group, padded = heads // kv_heads, 16
    sums = torch.empty((count, kv_heads, splits, padded, size), dtype=torch.float32, device=query.device)
    weights = torch.empty((count, kv_heads, splits, padded, 2), dtype=torch.float32, device=query.device)
    _attend_kernel[(count, kv_heads, splits)](
        query, keys, values, *place, sums, weights, context, size**-0.5,
        kv_heads, group, padded, size, splits, _ATTENTION_TILE, num_warps=4,
    )  # fmt: skip
    out = torch.empty((count, heads * size), dtype=query.dtype, device=query.device)
    _combine_kernel[(count, heads)](sums, weights, out, kv_heads, group, padded, size, splits, num_warps=4)
    return out
