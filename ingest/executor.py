"""The executor of an ingest, which reads notes and embeds passages."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from ingest.embed_ahead import Embedded
from ingest.plan import Task
from ingest.read_ahead import NoteReader, Outcome
from rag.aliases import TokenCounter
from rag.embedding.embedder import Embedder, FolderEmbedder, embed_with_sketches
from rag.settings import Settings

NOTES_AHEAD = 8
"""Notes read ahead by each reader. Chosen, not measured."""


class IngestExecutor(Protocol):
    """Reads notes and embeds passages while the ingest saves what is done."""

    @property
    def notes_ahead(self) -> int:
        """Number of notes that are read ahead."""

    @property
    def batches_ahead(self) -> int:
        """Number of batches of passages that are embedded while an earlier one is saved."""

    def read(self, task: Task) -> Future[Outcome]:
        """Start to read a note and to cut it into passages."""

    def embed(self, texts: list[str]) -> Future[Embedded]:
        """Start to embed texts; their order is kept."""


class LocalExecutor:
    """One process that reads and one thread that embeds, on this machine.

    It is to be used in a `with`. Embedding keeps every core busy and saving one, so an ingest that does them in turn leaves cores idle. The end
    of the `with` gives up what was not fetched.
    """

    notes_ahead = NOTES_AHEAD
    batches_ahead = 1

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        self._embedder = embedder
        self._reader = NoteReader(settings, tokens_of(embedder))
        self._reading = ThreadPoolExecutor(1, "reading")
        self._embedding = ThreadPoolExecutor(1, "embedding")

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._reading.shutdown(wait=False, cancel_futures=True)
        self._reader.close()  # ends the read that is under way, if the run was broken off
        self._reading.shutdown(wait=True)
        self._reader.close()
        self._embedding.shutdown(cancel_futures=True)

    def read(self, task: Task) -> Future[Outcome]:
        """Start to read a note and to cut it into passages."""
        return self._reading.submit(self._reader.read, task)

    def embed(self, texts: list[str]) -> Future[Embedded]:
        """Start to embed texts; their order is kept."""
        return self._embedding.submit(embed_with_sketches, self._embedder, texts)


def tokens_of(embedder: Embedder) -> Path | TokenCounter:
    """Return how a `NoteReader` counts an embedder's tokens."""
    return embedder.tokenizer_folder if isinstance(embedder, FolderEmbedder) else embedder.count_tokens
