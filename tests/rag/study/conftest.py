"""Notes of a small course as a library, with fakes that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.answer.notes import Notes
from rag.library.library import Library
from rag.search.scope import Scope, records_inside
from rag.study.items import Item, ItemKind, Source, Topic
from rag.text.words import content_words
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Hit, Locator, Unit, chunk_id

BEES = """# Bees

A **drone** is a male bee without any sting.

A **queen** is the only bee of a hive that lays eggs.

A **worker** is a small female that builds the cells of a comb.

The brood nest of the queen is kept at 35 °C by the workers.

## Castes

| Caste | Days to hatch | Task |
|---|---|---|
| Queen | 16 | lays eggs |
| Worker | 21 | collects nectar |
| Drone | 24 | mates with a queen |
| Scout | 22 | finds the flowers |

## Growth

The weight of a colony follows from its births:

$$ W = b t $$
"""


class Hashed:
    """A text's vector counts its stems, each on an axis of its own, scaled to length 1."""

    fingerprint = "hashed"
    dim = 256
    max_tokens = 1000

    def __init__(self) -> None:
        self._axes: dict[str, int] = {}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, self.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        counts = np.zeros(self.dim, np.float32)
        for word in content_words(text):
            counts[self._axes.setdefault(word, len(self._axes)) % self.dim] += 1
        return counts / max(float(np.linalg.norm(counts)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class WordSearch:
    """Passages by the share of the question's stems that they have."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.embedder = Hashed()

    def search(self, query: str, k: int | None = None, scope: Scope | None = None) -> list[Hit]:
        asked = set(content_words(query))
        chunks = [
            c for record in records_inside(self.library, scope) for c in self.library.chunks_of(record.path)
        ]
        scored = [Hit(c, len(asked & set(content_words(c.text))) / max(1, len(asked))) for c in chunks]
        return sorted(scored, key=lambda hit: -hit.score)[:k]


@pytest.fixture
def put_markdown(tmp_path: Path) -> Callable[[str, str], None]:
    """Puts Markdown into the library: a chunk for each section, and the parser's blocks."""
    from ingest.parsers.markdown import markdown_blocks

    Library.create(tmp_path / "library").bind("hashed", 256, "by hand")

    def put(path: str, text: str, blocks: Sequence[Block] | None = None) -> None:
        with Library.open(tmp_path / "library") as library:
            found = tuple(markdown_blocks(text) if blocks is None else blocks)
            title = text.split("\n", 1)[0].lstrip("# ")
            heads = [block for block in found if block.kind is BlockKind.HEADING]
            starts = [block.start for block in heads] or [0]
            spans = zip(starts, [*starts[1:], len(text)], strict=True)
            chunks = [
                Chunk(
                    chunk_id(path, a, text[a:b]), path, n, a, b, text[a:b], Locator(Unit.LINE, n + 1, n + 1), title,
                    (heads[n].locator.heading,) if heads else (),
                )
                for n, (a, b) in enumerate(spans)
            ]  # fmt: skip
            vectors = Hashed().embed_passages([chunk.text for chunk in chunks])
            document = Document(path, title, DocumentKind.MARKDOWN, path, text, found)
            library.replace_document(document, chunks, vectors)

    return put


@pytest.fixture
def open_notes(tmp_path: Path, word_scorer: Any) -> Callable[[], Notes]:
    """Returns the notes of the library as it is now."""
    return lambda: Notes(WordSearch(Library.open(tmp_path / "library")), word_scorer)


@pytest.fixture
def bees(put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]) -> Notes:
    """The notes about bees."""
    put_markdown("bees.md", BEES)
    return open_notes()


@pytest.fixture
def make_item() -> Callable[..., Item]:
    """An item about drones; any field may be another."""

    def make(**fields: Any) -> Item:
        given: dict[str, Any] = {
            "id": "0123456789abcdef",
            "kind": ItemKind.CHOICE,
            "question": "Which term fits the gap? A(n) _____ is a male bee.",
            "choices": ("Queen", "Drone", "Worker"),
            "answer": "Drone",
            "answers": ("Drone",),
            "explanation": "A drone is a male bee.",
            "citation": Source("bees.md", 'bees.md › "Bees" › line 3', 8, 30, "A **drone** is a male bee."),
            "topic": Topic.DEFINITION,
            "section": ("Bees", "Castes"),
        }
        return Item(**(given | fields))

    return make


@pytest.fixture
def line_block() -> Callable[..., Block]:
    """A block of one kind over a span, in cell 1."""

    def make(kind: BlockKind, start: int, end: int, part: int = 1) -> Block:
        return Block(kind, start, end, Locator(Unit.CELL, part, part), part=part)

    return make
