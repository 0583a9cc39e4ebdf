"""The postings of a document: its terms with the passages that have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import accumulate, chain

from rag.library.postgres.connections import Connection
from rag.library.postgres.words import stored
from rag.library.schema import HEADING_SEPARATOR
from rag.text.index_terms import term_counts
from rag.types import Chunk

_INSERT = """
INSERT INTO lectern.postings (course, document, term, chunks, counts, lengths)
SELECT %s, %s, t.term, f.chunks[t.first : t.last], f.counts[t.first : t.last], f.lengths[t.first : t.last]
FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS t (term, first, last),
    (SELECT %s::bigint[] AS chunks, %s::integer[] AS counts, %s::integer[] AS lengths) AS f
"""
"""All postings of a document as three flat arrays, and each term's part of them."""


def write_postings(connection: Connection, course: int, number: int, chunks: Mapping[int, Chunk]) -> None:
    """Write the index of words of a document anew.

    `chunks` are all its passages by rowid.
    """
    connection.execute("DELETE FROM lectern.postings WHERE course = %s AND document = %s", (course, number))
    passages = sorted(chunks.items())
    found = term_counts(
        (chunk.title, HEADING_SEPARATOR.join(chunk.headings), chunk.text) for _, chunk in passages
    )
    total = 0
    postings: dict[str, tuple[list[int], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
    for (rowid, _), counts in zip(passages, found, strict=True):
        length = sum(counts.values())
        total += length
        for term, count in counts.items():
            rowids, numbers, lengths = postings[term]
            rowids.append(rowid)
            numbers.append(count)
            lengths.append(length)
    if postings:
        ends = list(accumulate(len(columns[0]) for columns in postings.values()))
        flat = (_array(chain.from_iterable(part)) for part in zip(*postings.values(), strict=True))
        connection.execute(
            _INSERT,
            (
                course,
                number,
                [stored(term) for term in postings],
                _array(end + 1 for end in [0, *ends[:-1]]),
                _array(ends),
                *flat,
            ),
        )
    connection.execute(
        "UPDATE lectern.documents SET terms = %s WHERE course = %s AND id = %s", (total, course, number)
    )


def _array(numbers: Iterable[int]) -> str:
    """Return numbers as PostgreSQL writes an array.

    psycopg takes several times as long.
    """
    return f"{{{','.join(map(str, numbers))}}}"
