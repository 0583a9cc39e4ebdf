"""BM25 of FTS5 on a server, from arrays of postings.

A row of `postings` has the passages of one document with one term, how often each has it, and each one's length. Terms and
lengths are FTS5's own (`rag.text.index_terms`), so the scores are too, but for the last digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import log

from rag.library.postgres.connections import ServerConnections
from rag.library.store import Term

_LONGEST_TERM = 400
"""Bytes of a term that is stored as it is; PostgreSQL indexes 2,700. A longer one is stored as its hash."""
_LEAST_WEIGHT = 1e-6
"""Weight of a term that most passages have. Source: `fts5Bm25GetData` in SQLite's fts5_aux.c."""
_MATCHES = """
SELECT p.chunk, SUM(w.weight * ((p.count * 2.2::float8) / (p.count + 1.2::float8 *
        ((1 - 0.75::float8) + 0.75::float8 * p.length / %(mean)s::float8))) ORDER BY w.place) AS score
FROM unnest(%(terms)s::text[], %(weights)s::float8[]) WITH ORDINALITY AS w (term, weight, place)
JOIN LATERAL (
    SELECT u.chunk, u.count, u.length FROM lectern.postings s, unnest(s.chunks, s.counts, s.lengths) AS u (chunk, count, length)
    WHERE s.course = %(course)s AND s.term = w.term {inside}
) p ON true
GROUP BY p.chunk ORDER BY score DESC, p.chunk LIMIT %(limit)s
"""
"""BM25 with k1 = 1.2 and b = 0.75. Source: `fts5Bm25Function` in SQLite's fts5_aux.c, with its order of operations."""
_INSIDE = "AND s.document IN (SELECT d.id FROM lectern.documents d WHERE d.course = %(course)s AND d.path = ANY(%(paths)s))"


class PostingWords:
    """The table of words of a course."""

    def __init__(self, connections: ServerConnections) -> None:
        self._connections = connections

    def check(self) -> None:
        """Do nothing: the server checks its pages when it reads them."""

    def passages_with(self, stems: Sequence[str]) -> dict[str, int]:
        """Return each stem's number of passages."""
        query = "SELECT term, SUM(cardinality(chunks))::bigint FROM lectern.postings WHERE course = %s AND term = ANY(%s) GROUP BY term"
        found = dict(
            self._connections.rows(query, (self._connections.course, [stored(stem) for stem in stems]))
        )
        return {stem: found.get(stored(stem), 0) for stem in stems}

    def matches(
        self, terms: Sequence[Term], limit: int, documents: Sequence[str] | None
    ) -> list[tuple[int, float]]:
        """Return at most `limit` rowids with their BM25 score, best first, ties by rowid."""
        query = "SELECT SUM(chunk_count)::bigint, SUM(terms)::bigint FROM lectern.documents WHERE course = %s"
        passages, length = self._connections.rows(query, (self._connections.course,))[0]
        if not length:
            return []
        values = {
            "terms": [stored(term.stem) for term in terms],
            "weights": [_weight(term.passages, passages) for term in terms],
            "mean": length / passages,
            "course": self._connections.course,
            "limit": limit,
            "paths": list(documents or ()),
        }
        rows = self._connections.rows(_MATCHES.format(inside="" if documents is None else _INSIDE), values)
        return [(row[0], row[1]) for row in rows]

    def texts(self, limit: int) -> Iterator[str]:
        """Yield the text of the first `limit` passages, each with its title and headings."""
        query = "SELECT title, headings, text FROM lectern.chunks WHERE course = %s ORDER BY id LIMIT %s"
        rows = self._connections.rows(query, (self._connections.course, limit))
        return (" ".join(row) for row in rows)


def stored(term: str) -> str:
    """Return a term as it is stored: its hash if it is too long for an index."""
    data = term.encode("utf-8", "surrogatepass")
    return term if len(data) <= _LONGEST_TERM else f"#{blake2b(data, digest_size=16).hexdigest()}"


def _weight(passages: int, total: int) -> float:
    """Return FTS5's weight of a term of `passages` of `total` passages."""
    if total <= 2 * passages:  # also where `passages` was counted before others were removed
        return _LEAST_WEIGHT
    return log((total - passages + 0.5) / (passages + 0.5))
