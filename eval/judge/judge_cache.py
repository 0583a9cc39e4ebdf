"""Judgements on disk, so that a repeated run asks nothing twice.

The key is the content that a judgement depends on.
"""

from __future__ import annotations

import sqlite3
import threading
from hashlib import blake2b
from pathlib import Path

from rag.errors import DatasetError


def judgement_key(model: str, prompt: str, schema: str) -> str:
    """Return the hash of the model's fingerprint, the prompt and the answer's schema."""
    digest = blake2b(digest_size=16)
    for part in (model, prompt, schema):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


class JudgementCache:
    """A file of judgements that threads share; each is committed at once."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            DatasetError: it is something else, or cannot be written.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS judgements (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
            )
        except (OSError, sqlite3.Error) as exc:
            raise DatasetError(
                f"The judgements in {path} cannot be used ({exc}). Delete the file or choose another."
            ) from exc

    def get(self, key: str) -> str | None:
        """Return the judgement under `key`, None when it was never made."""
        with self._lock:
            row = self._connection.execute("SELECT answer FROM judgements WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, key: str, answer: str) -> None:
        """Keep a judgement."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?)", (key, answer))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
