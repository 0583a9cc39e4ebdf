"""The passages that either search proposes for a question, with all their scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.search.lexical import LexicalHits
from rag.types import Why


class Candidates(NamedTuple):
    """The passages proposed by either search, in one order for all arrays.

    Ranks are 1-based, 0 where not returned; matches are NaN for passages that were not matched token by
    token.
    """

    rowids: NDArray[np.int64]
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]
    dense_ranks: NDArray[np.int64]
    lexical_ranks: NDArray[np.int64]
    matches: NDArray[np.float32]
    scores: NDArray[np.float32]


def why_found(found: Candidates, at: int, rank: int, found_stems: set[str], words: LexicalHits) -> Why:
    """Return why the candidate at index `at` is shown at `rank`.

    `found_stems` are the stems of the question that are in its text.
    """
    lexical_rank = int(found.lexical_ranks[at])
    return Why(
        dense_rank=int(found.dense_ranks[at]) or None,
        dense_score=float(found.cosines[at]),
        lexical_rank=lexical_rank or None,
        lexical_score=float(found.bm25[at]) if lexical_rank else None,
        fused_rank=rank,
        fused_score=float(found.scores[at]),
        match_score=None if np.isnan(found.matches[at]) else float(found.matches[at]),
        matched_terms=tuple(term.word for term in words.terms if term.stem in found_stems),
    )


def ranks_in(rowids: NDArray[np.int64], ranking: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the 1-based rank in `ranking` of each of `rowids`, 0 where it has none."""
    place = {rowid: rank for rank, rowid in enumerate(ranking.tolist(), start=1)}
    return np.array([place.get(rowid, 0) for rowid in rowids.tolist()], np.int64)
