"""Rows about unreadable files and about people's verdicts on answers.

Both are written inside a given transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from rag.library.rows import FailureRecord, Feedback


def write_failures(
    connection: sqlite3.Connection, failures: Sequence[FailureRecord], forget: Sequence[str], now: str
) -> None:
    """Delete the failures of the sources in `forget`, then write `failures`.

    `now` is the time of those that have none.
    """
    connection.executemany("DELETE FROM failures WHERE source = ?", [(source,) for source in forget])
    connection.executemany(
        "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (f.source, f.path, f.reason, f.size_bytes, f.mtime_ns, f.parser, f.failed_at or now)
            for f in failures
        ],
    )


def insert_feedback(
    connection: sqlite3.Connection, question: str, answer_json: str, verdict: str, note: str, now: str
) -> int:
    """Write a verdict on an answer and return its number."""
    cursor = connection.execute(
        "INSERT INTO feedback (question, answer_json, verdict, note, given_at) VALUES (?, ?, ?, ?, ?)",
        (question, answer_json, verdict, note, now),
    )
    return int(cursor.lastrowid or 0)


def copy_feedback(connection: sqlite3.Connection, verdicts: Sequence[Feedback]) -> None:
    """Write verdicts with their numbers and times, but those of known numbers."""
    connection.executemany(
        "INSERT OR IGNORE INTO feedback (id, question, answer_json, verdict, note, given_at) VALUES (?, ?, ?, ?, ?, ?)",
        [(f.id, f.question, f.answer_json, f.verdict, f.note, f.given_at) for f in verdicts],
    )
