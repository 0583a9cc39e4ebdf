"""The terms that SQLite's FTS5 has for texts, for an index kept elsewhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

from rag.text.search_words import TOKENIZER, search_words


def term_counts(passages: Iterable[Sequence[str]]) -> list[dict[str, int]]:
    """Return each passage's terms with their number, in the order of the passages.

    A passage is its title, headings and text. The sum of its numbers is its length in FTS5's BM25.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(
            f"CREATE VIRTUAL TABLE words USING fts5(title, headings, text, tokenize='{TOKENIZER}')"
        )
        connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, instance)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO words(rowid, title, headings, text) VALUES (?, ?, ?, ?)",
            ((row, *map(search_words, passage)) for row, passage in enumerate(passages)),
        )
        (count,) = connection.execute("SELECT COUNT(*) FROM words").fetchone()
        found: list[dict[str, int]] = [{} for _ in range(count)]
        for row, term, number in connection.execute(
            "SELECT doc, term, COUNT(*) FROM terms GROUP BY doc, term"
        ):
            found[row][term] = number
    return found
