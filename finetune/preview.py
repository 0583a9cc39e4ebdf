"""A preview of training rows with their loss mask, and of their lengths.

It takes seconds, before a minute is spent on training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finetune.base_model import load_tokenizer
from finetune.encoding import IGNORED, Encoded
from finetune.packing import pack
from finetune.recipe import Recipe
from finetune.training import read_rows


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a row: its text, and whether the model is trained to say it."""

    text: str
    trained: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A few rows in segments, and the figures of all rows.

    `histogram` counts rows by length: `(from, to, rows)` in tokens, the upper bound exclusive. `padded_share` is the share
    of a batch that would be padding without packing, `packed_share` the same with it.
    """

    rows: tuple[tuple[Segment, ...], ...]
    train_rows: int
    held_out_rows: int
    dropped: dict[str, int]
    tokens: int
    trained_tokens: int
    histogram: tuple[tuple[int, int, int], ...]
    padded_share: float
    packed_share: float


def preview(recipe: Recipe, count: int) -> Preview:
    """Return the first `count` rows as the model sees them, and the figures of all."""
    found = read_rows(recipe)
    tokenizer = load_tokenizer(recipe.model.base)
    rows = found.train
    lengths = [len(row.input_ids) for row in rows]
    packs = pack(lengths, recipe.training.context_tokens)
    return Preview(
        rows=tuple(segments(tokenizer, row) for row in rows[:count]),
        train_rows=len(rows),
        held_out_rows=len(found.held_out),
        dropped=found.left_out,
        tokens=sum(lengths),
        trained_tokens=sum(row.trained_tokens for row in rows),
        histogram=histogram(lengths),
        padded_share=padding(lengths, recipe.training.batch_rows),
        packed_share=1 - sum(lengths) / (len(packs) * recipe.training.context_tokens) if packs else 0.0,
    )


def segments(tokenizer: Any, row: Encoded) -> tuple[Segment, ...]:
    """A row cut where the loss mask changes."""
    found: list[Segment] = []
    start = 0
    flags = [label != IGNORED for label in row.labels]
    for place in range(1, len(flags) + 1):
        if place == len(flags) or flags[place] != flags[start]:
            found.append(Segment(tokenizer.decode(row.input_ids[start:place]), flags[start]))
            start = place
    return tuple(found)


def marked(row: tuple[Segment, ...]) -> str:
    """Return a row as plain text, with the trained part between `{+` and `+}`.

    It is the notation of a word diff.
    """
    return "".join(f"{{+{segment.text}+}}" if segment.trained else segment.text for segment in row)


def histogram(lengths: list[int], bins: int = 10) -> tuple[tuple[int, int, int], ...]:
    """Return the counts of lengths in equal bins from 0 to the longest."""
    if not lengths:
        return ()
    width = -(-(max(lengths) + 1) // bins)
    counts = [0] * bins
    for length in lengths:
        counts[length // width] += 1
    return tuple((place * width, (place + 1) * width, count) for place, count in enumerate(counts))


def padding(lengths: list[int], batch_rows: int) -> float:
    """The share of padding where rows are batched in the order given; 0 for no rows."""
    batches = [lengths[at : at + batch_rows] for at in range(0, len(lengths), batch_rows)]
    room = sum(max(batch) * len(batch) for batch in batches)
    return 1 - sum(lengths) / room if room else 0.0
