"""Rows side by side in one sequence, without padding or cross-contamination.

No row attends to another. On a GPU the attention of a packed batch runs in the variable-length flash kernel
that ships with torch, on a CPU row by row; a block-diagonal mask gives the same numbers and takes memory with
the square of the batch. Rows of about equal length may also be padded on the right and grouped by length:
under causal attention padding on the right changes nothing, so no mask is needed either.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from finetune.encoding import IGNORED, Encoded

VARLEN = "lectern_varlen"
ROW_BY_ROW = "lectern_row_by_row"


def pack(lengths: Sequence[int], limit: int) -> list[list[int]]:
    """Return the indexes of the rows of each pack, by best-fit decreasing.

    Every row is in exactly one pack of at most `limit` tokens.

    Raises:
        ValueError: a row is longer than that.
    """
    packs: list[list[int]] = []
    space: list[int] = []
    by_space: dict[int, list[int]] = {}  # the packs with so many free tokens
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        length = lengths[index]
        if length > limit:
            raise ValueError(f"row {index} has {length} tokens, more than the {limit} of a pack")
        # Best fit: the fullest pack in which the row still fits.
        place = next((r for r in range(length, limit + 1) if by_space.get(r)), None)
        if place is None:
            packs.append([index])
            space.append(limit - length)
            chosen = len(packs) - 1
        else:
            chosen = by_space[place].pop()
            packs[chosen].append(index)
            space[chosen] -= length
        by_space.setdefault(space[chosen], []).append(chosen)
    return packs


def packed_rows(rows: Sequence[Encoded], limit: int) -> list[dict[str, list[int]]]:
    """Return the packs as `input_ids`, `labels` and `seq_lengths`.

    The first token of a row is never a target.
    """
    packs = []
    for indexes in pack([len(row.input_ids) for row in rows], limit):
        chosen = [rows[index] for index in indexes]
        packs.append(
            {
                "input_ids": [token for row in chosen for token in row.input_ids],
                "labels": [label for row in chosen for label in (IGNORED, *row.labels[1:])],
                "seq_lengths": [len(row.input_ids) for row in chosen],
            }
        )
    return packs


class PackedCollator:
    """Packs joined into one sequence, with the positions and boundaries of its rows."""

    def __call__(self, packs: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        import torch

        lengths = [length for item in packs for length in item["seq_lengths"]]
        bounds = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
        return {
            "input_ids": torch.tensor([[token for item in packs for token in item["input_ids"]]]),
            "labels": torch.tensor([[label for item in packs for label in item["labels"]]]),
            "position_ids": torch.cat([torch.arange(length) for length in lengths])[None],
            "cu_seq_lens_q": bounds,
            "cu_seq_lens_k": bounds,
            "max_length_q": max(lengths),
            "max_length_k": max(lengths),
        }


class PaddedCollator:
    """Rows padded on the right to the longest, without a mask.

    Under causal attention no row attends to its right.
    """

    def __init__(self, pad_token_id: int) -> None:
        self._pad = pad_token_id

    def __call__(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        import torch

        width = max(len(row["input_ids"]) for row in rows)
        ids = [list(row["input_ids"]) + [self._pad] * (width - len(row["input_ids"])) for row in rows]
        labels = [list(row["labels"]) + [IGNORED] * (width - len(row["labels"])) for row in rows]
        positions = torch.arange(width).repeat(len(rows), 1)
        return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels), "position_ids": positions}


def register_varlen() -> str:
    """Register the attention for packed batches with transformers; return its name.

    It is `sdpa` if a GPU's torch has no kernel.
    """
    import torch

    if not torch.cuda.is_available():
        return register_row_by_row()
    try:
        varlen_attn: Any = import_module("torch.nn.attention.varlen").varlen_attn
    except ImportError:
        return "sdpa"
    causal = (
        {"is_causal": True}
        if "is_causal" in inspect.signature(varlen_attn).parameters
        else {"window_size": (-1, 0)}
    )

    def attend(
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        *,
        scaling: float | None = None,
        cu_seq_lens_q: Any = None,
        max_length_q: int = 0,
        **_: Any,
    ) -> tuple[Any, None]:
        groups = query.shape[1] // key.shape[1]
        heads = [
            x[0].transpose(0, 1).repeat_interleave(n, dim=1) if n > 1 else x[0].transpose(0, 1)
            for x, n in ((query, 1), (key, groups), (value, groups))
        ]
        out = varlen_attn(
            *[h.contiguous() for h in heads],
            cu_seq_lens_q,
            cu_seq_lens_q,
            max_length_q,
            max_length_q,
            scale=scaling,
            **causal,
        )
        return out[None], None

    return _registered(VARLEN, attend)


def register_row_by_row() -> str:
    """Register the attention for packed batches on a CPU; return its name.

    It is causal within each row, without a mask. A mask over the whole batch is kept for every layer: 30
    layers and 8 packs of 2,048 tokens come to 32 GB.
    """
    import torch

    def attend(
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        *,
        cu_seq_lens_q: Any,
        scaling: float | None = None,
        **_: Any,
    ) -> tuple[Any, None]:
        # split, not slices: the gradient of each slice is as long as the batch
        lengths = cu_seq_lens_q.diff().tolist()
        rows = zip(*(x.split(lengths, dim=2) for x in (query, key, value)), strict=True)
        shares_keys = query.shape[1] != key.shape[1]
        seen = [
            torch.nn.functional.scaled_dot_product_attention(
                q, k, v, scale=scaling, is_causal=True, enable_gqa=shares_keys
            )
            for q, k, v in rows
        ]
        return torch.cat([one.transpose(1, 2) for one in seen], dim=1), None

    return _registered(ROW_BY_ROW, attend)


def _registered(name: str, attend: Callable[..., tuple[Any, None]]) -> str:
    """Register an attention that needs no mask, and return its name.

    It knows the bounds of the rows.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, lambda *args, **kwargs: None)
    return name
