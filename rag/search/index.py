"""The candidates of a question, from the vectors and the words of one library."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from rag.aliases import Rowids, Scores, Vectors
from rag.library.library import Library
from rag.library.store import Allowed, DenseSearch, LibraryStore, Term
from rag.search.dense import VectorIndex
from rag.search.lexical import LexicalHits, LexicalIndex

LEXICAL_DEPTH = 1000
"""Lexical scores kept per question.

A passage found by its vector so has its BM25 too.
"""


class Proposal(NamedTuple):
    """The candidates that either search proposes, with the exact cosine of each.

    `near` are the rowids that the vectors propose, `words` the passages that have words of the question; both
    are best first. `more` is true if a greater depth may propose others.
    """

    near: Rowids
    words: LexicalHits
    rowids: Rowids
    cosines: Scores
    more: bool


class CandidateIndex:
    """Dense and lexical search over one library of either back end."""

    def __init__(self, library: LibraryStore) -> None:
        self.dense = dense_search(library)
        self.lexical = LexicalIndex(library)

    def propose(
        self, query: Vectors, terms: tuple[Term, ...], depth: int, inside: Allowed | None = None
    ) -> Proposal:
        """Return the `depth` nearest passages to `query` and as many with the best words.

        `query` has the shape (dim,). With `inside` only passages of that scope.
        """
        near, _ = self.dense.search(query, depth, inside)
        words = self.lexical.matches(terms, max(LEXICAL_DEPTH, depth), inside)
        rowids = np.union1d(near, words.rowids[:depth])
        more = len(near) == depth or len(words.rowids) > depth
        return Proposal(near, words, rowids, self.dense.cosines(query, rowids), more)


def dense_search(library: LibraryStore) -> DenseSearch:
    """Return the library's own search for vectors, or one with a FAISS file beside it."""
    return VectorIndex(cast(Library, library)) if library.dense is None else library.dense


def keep_index(library: LibraryStore) -> None:
    """Renew what is derived from the library and saves time; the end of an ingest.

    Raises:
        LibraryDamaged: the FAISS file cannot be written.
    """
    dense_search(library).keep_file()
