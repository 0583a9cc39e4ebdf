"""The words of a library in a folder: the queries to SQLite's FTS5."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.errors import LibraryDamaged
from rag.library.connections import Connections
from rag.library.soundness import Soundness
from rag.library.store import Term

PASSAGES_IN = (
    "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id "
    "WHERE d.path IN (SELECT value FROM json_each(?)) ORDER BY c.id"
)
"""Query for the rowids of documents, whose names are one JSON list."""


class FtsWords:
    """The table of words of a library in a folder."""

    def __init__(self, folder: Path, connections: Connections, soundness: Soundness) -> None:
        self._folder = folder
        self._connections = connections
        self._soundness = soundness

    def check(self) -> None:
        """Check the table of words as it is after the library's last change.

        Raises:
            LibraryDamaged: it does not have its checksum.
        """
        if not self._soundness.words_are_sound():
            raise LibraryDamaged(
                f"The index of words in {self._folder} is damaged on the disk. Run lectern ingest with your notes, "
                "which makes it anew."
            )

    def passages_with(self, stems: Sequence[str]) -> dict[str, int]:
        """Return each stem's number of passages."""
        found = {}
        for stem in stems:
            rows = self._connections.rows("SELECT doc FROM chunks_vocab WHERE term = ?", (stem,))
            found[stem] = int(rows[0][0]) if rows else 0
        return found

    def matches(
        self, terms: Sequence[Term], limit: int, documents: Sequence[str] | None
    ) -> list[tuple[int, float]]:
        """Return at most `limit` rowids with their BM25 score, best first, ties by rowid."""
        query = " OR ".join(f'"{term.word}"' for term in terms)
        inside = "" if documents is None else f"AND +rowid IN ({PASSAGES_IN})"
        values = () if documents is None else (json.dumps(documents),)
        rows = self._connections.rows(
            f"SELECT rowid, -bm25(chunks_fts) AS score FROM chunks_fts WHERE chunks_fts MATCH ? {inside} "
            "ORDER BY score DESC, rowid LIMIT ?",
            (query, *values, limit),
        )
        return [(row[0], row[1]) for row in rows]

    def texts(self, limit: int) -> Iterator[str]:
        """Yield the text of the first `limit` passages, each with its title and headings."""
        rows = self._connections.rows("SELECT title, headings, text FROM chunks LIMIT ?", (limit,))
        return (" ".join(row) for row in rows)
