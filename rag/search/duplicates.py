"""Passages with the same text, of which a search shows one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.types import Chunk

Ranked = tuple[int, Chunk]
"""A candidate's place among the candidates, and its passage."""


def plain_text(chunk: Chunk) -> str:
    """Return the passage's text but for its white space: what copies share."""
    return " ".join(chunk.text.split())


def different_texts(ranked: Sequence[Ranked]) -> int:
    """Return the number of different texts."""
    return len({plain_text(chunk) for _, chunk in ranked})


def best_first(ranked: list[Ranked], scores: NDArray[np.float32]) -> list[Ranked]:
    return sorted(ranked, key=lambda pair: (-scores[pair[0]], pair[1].id))


def without_copies(ranked: list[Ranked], k: int, scores: NDArray[np.float32]) -> list[Ranked]:
    """Return the `k` best, best first, with a copy of a better passage's text last.

    Copies are shown only where there are too few other passages.
    """
    return best_first(_first_copies(_copies_last(ranked)[:k], ranked, scores), scores)


def _copies_last(ranked: list[Ranked]) -> list[Ranked]:
    """Passages whose text (but for white space) none before them has, then the others."""
    seen: set[str] = set()
    first: list[Ranked] = []
    copies: list[Ranked] = []
    for pair in ranked:
        text = plain_text(pair[1])
        (copies if text in seen else first).append(pair)
        seen.add(text)
    return first + copies


def _first_copies(shown: list[Ranked], ranked: list[Ranked], scores: NDArray[np.float32]) -> list[Ranked]:
    """Return `shown` with the earliest of copies that have the same score.

    A passage that represents several copies is replaced by the one whose document and position come first.
    """
    found = Counter(plain_text(chunk) for _, chunk in shown)
    earliest: dict[tuple[str, float], Ranked] = {}
    for pair in sorted(ranked, key=lambda pair: (pair[1].document, pair[1].ordinal)):
        earliest.setdefault((plain_text(pair[1]), float(scores[pair[0]])), pair)
    return [
        earliest[plain_text(pair[1]), float(scores[pair[0]])] if found[plain_text(pair[1])] == 1 else pair
        for pair in shown
    ]
