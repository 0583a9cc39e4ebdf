"""A small course written for the attacks, and all that its library shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ingest.pipeline import ingest_paths
from rag.embedding.late_interaction import sketch
from rag.library.library import Library
from rag.search.searcher import Searcher
from rag.settings import Settings
from rag.study.items import Item, ItemKind, Source, Topic
from rag.study.store import FILE_NAME, StudyStore

QUESTIONS = ("When does the owl hunt?", "river number 3", "Which bird sleeps by day?", "table of weights")
DIM = 64


class WordEmbedder:
    """Vectors of hashed words, with sketches: a library of real form without a model."""

    fingerprint = "attack words"
    dim = DIM
    max_tokens = 10_000

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors (n, dim) of texts."""
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, DIM)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector (dim,) of a text."""
        tokens = self._tokens(text)
        total = tokens.sum(axis=0) if len(tokens) else np.ones(DIM, np.float32)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of words of each text."""
        return [len(text.split()) for text in texts]

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        """Return the vectors of texts and the sketches of their words."""
        return self.embed_passages(texts), [sketch(self._tokens(text)) for text in texts]

    def embed_query_tokens(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the vector of a question and those of its words (m, dim)."""
        return self.embed_query(text), self._tokens(text)

    def _tokens(self, text: str) -> NDArray[np.float32]:
        rows = []
        for word in text.lower().split():
            generator = np.random.default_rng(crc32(word.encode()))
            row = generator.standard_normal(DIM).astype(np.float32)
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, np.float32).reshape(-1, DIM)


def write_notes(folder: Path, documents: int = 10) -> None:
    """Write the notes of the course: prose, a table, code."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(documents):
        parts = [f"# Lesson {number}", f"The owl of river number {number} hunts at night and sleeps by day."]
        parts += [
            f"## Part {part}\n\nPart {part} of lesson {number} is about water, stones and the {part}th bird. "
            * 3
            for part in range(4)
        ]
        parts.append(
            "| bird | weight |\n|---|---|\n" + "".join(f"| bird {n} | {n * number} g |\n" for n in range(6))
        )
        parts.append(f"```python\ndef weight(n):\n    return n * {number}\n```")
        (folder / f"lesson-{number}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def make_library(folder: Path, notes: Path) -> None:
    """Ingest the notes into a library, give it tags and a verdict, and close it."""
    with Library.create(folder) as library:
        ingest_paths(library, [notes], WordEmbedder(), Settings())
        library.tag_document("lesson-1.md", ["exam"])
        library.add_feedback("When does the owl hunt?", "{}", "right", "yes")


def make_deck(folder: Path) -> None:
    """Give a library study items with cards, answers and a snapshot."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    items = [
        Item(
            id=f"{number:016x}", kind=ItemKind.SHORT, question=f"How heavy is bird {number}?", choices=(),
            answer=f"{number} g", answers=(f"{number} g",), explanation="The table of weights has it.",
            citation=Source(f"lesson-{number}.md", f"lesson-{number}.md", 0, 8, f"# Lesson {number}"),
            topic=Topic.NUMBER, section=(f"Lesson {number}",), unit="g",
        )
        for number in range(10)
    ]  # fmt: skip
    store = StudyStore(folder)
    store.keep(items, now)
    store.add_cards(items, "{}", now)
    for number, item in enumerate(items):
        store.record(item.id, f"{number} g", number % 2 == 0, now, None)
    store.snapshot([(f"lesson-{number}.md", "Lesson", f"digest {number}") for number in range(10)], now)


def everything(folder: Path) -> dict[str, Any]:
    """Return all that a person can read from a library and its conversations.

    Raises:
        LecternError: it says that something is damaged.
    """
    from ui.web.conversation_store import ConversationStore

    with Library.open(folder) as library:
        records = library.documents()
        found: dict[str, Any] = {
            "documents": records,
            "texts": [library.document(record.path) for record in records],
            "passages": [library.chunks_of(record.path) for record in records],
            "tags": [library.given_tags(record.path) for record in records],
            "feedback": library.feedback(),
            "failures": library.failures(),
            "manifest": library.manifest,
        }
        searcher = Searcher(library, WordEmbedder(), Settings().retrieval)
        found["hits"] = [
            [(hit.chunk, round(hit.score, 5)) for hit in searcher.search(question)] for question in QUESTIONS
        ]
    store = ConversationStore(folder)
    if (folder / FILE_NAME).is_file():
        deck = StudyStore(folder)
        found["study items"], found["study cards"] = deck.kept(), deck.cards()
        found["study answers"] = deck.answers()
        found["study snapshot"] = list(deck.last_snapshot(datetime.now(UTC))[1].items())
    found["conversations"] = [(c, store.exchanges(c.id)) for c in store.conversations()]
    return found
