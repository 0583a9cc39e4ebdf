"""What either search proposes for a question: all the scores of each passage, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.lexical import LexicalHits, Term
from rag.types import Hit, Why


@dataclass(frozen=True, slots=True)
class Signals:
    """How near the notes are to a question, for a gate that decides whether they hold the answer.

    `best_match` is the best token match (`Why.match_score`), the one number that tells best; None where the library or the
    embedder has no token vectors. `best_cosine` is the nearest passage's, `best_lexical` the highest BM25. `idf_share` in
    [0, 1] is the share of the question's idf that a hit holds at most: 1 when it has every word, near 0 when it has only
    the common ones. `unknown_terms` are words of the question that are nowhere in the library.
    """

    best_match: float | None = None
    best_cosine: float = 0.0
    best_lexical: float = 0.0
    idf_share: float = 0.0
    unknown_terms: tuple[str, ...] = ()


class Candidates(NamedTuple):
    """Passages proposed by either search, in one order for all arrays.

    Ranks are 1-based, 0 where not returned; matches are NaN for passages that were not matched token by token.
    """

    rowids: NDArray[np.int64]
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]
    dense_ranks: NDArray[np.int64]
    lexical_ranks: NDArray[np.int64]
    matches: NDArray[np.float32]
    scores: NDArray[np.float32]


def why_found(found: Candidates, at: int, rank: int, held: set[str], words: LexicalHits) -> Why:
    """Why the candidate at place `at` is shown at `rank`; `held` are the question's stems in its text."""
    lexical_rank = int(found.lexical_ranks[at])
    return Why(
        dense_rank=int(found.dense_ranks[at]) or None,
        dense_score=float(found.cosines[at]),
        lexical_rank=lexical_rank or None,
        lexical_score=float(found.bm25[at]) if lexical_rank else None,
        fused_rank=rank,
        fused_score=float(found.scores[at]),
        match_score=None if np.isnan(found.matches[at]) else float(found.matches[at]),
        matched_terms=tuple(term.word for term in words.terms if term.stem in held),
    )


def ranks_in(rowids: NDArray[np.int64], ranking: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 1-based rank in `ranking` of each of `rowids`, 0 for those that are not in it."""
    place = {rowid: rank for rank, rowid in enumerate(ranking.tolist(), start=1)}
    return np.array([place.get(rowid, 0) for rowid in rowids.tolist()], np.int64)


def signals_of(found: Candidates, hits: Sequence[Hit], terms: Sequence[Term]) -> Signals:
    """What the candidates, and the hits among them, tell of how near the notes are."""
    if not hits:
        return Signals(unknown_terms=tuple(term.word for term in terms if not term.passages))
    total = sum(term.idf for term in terms)
    shares = [
        sum(term.idf for term in terms if term.word in hit.why.matched_terms) / total if total else 0.0
        for hit in hits
    ]
    matches = found.matches[~np.isnan(found.matches)]
    return Signals(
        best_match=float(matches.max()) if len(matches) else None,
        best_cosine=float(found.cosines.max()),
        best_lexical=float(found.bm25.max()),
        idf_share=max(shares),
        unknown_terms=tuple(term.word for term in terms if not term.passages),
    )
