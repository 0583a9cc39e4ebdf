# ruff: noqa: N803
# Compile-time constants of a Triton kernel are written in capitals, and its arguments have no Python types.
# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Triton kernels of a Llama's decode step between its matrix products.

They are norms, gates, rotary embedding and attention. Where a matrix product reads its input in an order of
columns of its own (`nf4_matmul.mma_order`), they write it in that order.

Source: Dao et al. 2023, "Flash-Decoding", for attention in parallel over a context.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from rag.chat_models.cuda.nf4_matmul import mma_place

_ATTENTION_TILE = 64  # cached tokens that a program reads at once


@triton.jit
def _norm_kernel(x, weight, out, width, epsilon, MMA_ORDER: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < width
    value = tl.load(x + row * width + at, mask=inside, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value) / width + epsilon)
    gain = tl.load(weight + at, mask=inside, other=0.0)
    place = mma_place(at, width) if MMA_ORDER else at
    tl.store(out + row * width + place, (value * scale).to(out.dtype.element_ty) * gain, mask=inside)


@triton.jit
def _gate_kernel(gate_up, out, width, MMA_ORDER: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(1)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < width
    gate = tl.load(gate_up + row * 2 * width + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * width + width + at, mask=inside, other=0.0)
    place = mma_place(at, width) if MMA_ORDER else at
    tl.store(out + row * width + place, (gate * tl.sigmoid(gate)).to(up.dtype) * up, mask=inside)


@triton.jit
def _rotate_kernel(
    qkv, cosines, sines, positions, slots, query, keys, values, context,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    """Rotate queries and keys to their positions; write keys and values to the cache.

    An idle row writes nothing.
    """
    row, head = tl.program_id(0), tl.program_id(1)
    at = tl.arange(0, HALF)
    told = tl.load(positions + row).to(tl.int64)
    position = tl.maximum(told, 0)
    kept = at + told >= at
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
    tl.store(target + at, low, mask=kept)
    tl.store(target + HALF + at, high, mask=kept)


@triton.jit
def _attend_kernel(
    query, keys, values, positions, slots, sums, weights, context, scale,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, PADDED: tl.constexpr, SIZE: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Compute attention of one group of query heads over one split of its context.

    The results are unnormalized sums with their maximum and weight, which another kernel combines.
    """
    row, group, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    head, at = tl.arange(0, PADDED), tl.arange(0, SIZE)
    length = tl.load(positions + row) + 1
    tiles = tl.cdiv(length, TILE)
    # Every split takes the same number of whole tiles; the last ones may have none.
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
        # Online softmax: when a larger score appears, the sums so far shrink by the same factor.
        new_best = tl.maximum(best, tl.max(score, axis=1))
        probability = tl.exp(score - new_best[:, None])
        shrink = tl.exp(best - new_best)
        weight = weight * shrink + tl.sum(probability, axis=1)
        total = total * shrink[:, None] + tl.dot(probability.to(v.dtype), v)
        best = new_best
    part = ((row * KV_HEADS + group) * SPLITS + split) * PADDED + head
    real = head < GROUP  # the others only fill up the tensor cores
    tl.store(sums + part[:, None] * SIZE + at[None, :], total, mask=real[:, None])
    tl.store(weights + part * 2, best, mask=real)
    tl.store(weights + part * 2 + 1, weight, mask=real)


@triton.jit
def _combine_kernel(
    sums,
    weights,
    out,
    MMA_ORDER: tl.constexpr,
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
    # Each split had a maximum of its own; `share` brings all sums to the largest one.
    share = tl.exp(best - tl.max(best))
    whole = tl.sum(share * tl.load(weights + part * 2 + 1))
    total = tl.sum(tl.load(sums + part[:, None] * SIZE + at[None, :]) * share[:, None], axis=0)
    total = total / tl.maximum(whole, 1e-30)  # an idle row has attended to nothing
    width = KV_HEADS * GROUP * SIZE
    place = mma_place(head * SIZE + at, width) if MMA_ORDER else head * SIZE + at
    tl.store(out + row * width + place, total.to(out.dtype.element_ty))


def normalise(x: torch.Tensor, weight: torch.Tensor, epsilon: float, mma_order: bool = False) -> torch.Tensor:
    """RMS normalisation of each row of x, (n, width)."""
    out = torch.empty_like(x)
    block = triton.next_power_of_2(x.shape[1])
    _norm_kernel[(x.shape[0],)](x, weight, out, x.shape[1], epsilon, mma_order, block, num_warps=8)
    return out


def gated(gate_up: torch.Tensor, mma_order: bool = False) -> torch.Tensor:
    """Return `silu(gate) * up` for (n, 2 * width): gate and up side by side."""
    count, width = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty((count, width), dtype=gate_up.dtype, device=gate_up.device)
    _gate_kernel[(triton.cdiv(width, 1024), count)](gate_up, out, width, mma_order, 1024)
    return out


def rotate_and_store(
    qkv: torch.Tensor,
    turn: tuple[torch.Tensor, torch.Tensor],
    place: tuple[torch.Tensor, torch.Tensor],
    cache: tuple[torch.Tensor, torch.Tensor],
    heads: int,
) -> torch.Tensor:
    """Return rotated queries (n, heads, size); write keys and values to the cache.

    `turn` is cosines and sines, float32 (context, size / 2); `place` is positions and slots, int32 (n,),
    where position -1 marks an idle row; `cache` is keys and values, each (slots, key-value heads, context,
    size).
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
    mma_order: bool = False,
) -> torch.Tensor:
    """Return the attention of each row over its slot's context: (n, heads * size).

    The context ends at the row's position.
    """
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
    _combine_kernel[(count, heads)](
        sums, weights, out, mma_order, kv_heads, group, padded, size, splits, num_warps=4
    )
    return out
