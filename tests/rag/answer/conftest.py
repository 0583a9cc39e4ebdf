"""Small libraries of written notes, with an embedder that counts words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.pipeline import ingest_paths
from rag.answer.asked import Asked
from rag.answer.found import Draft
from rag.answer.kinds import kind_draft
from rag.answer.notes import Notes
from rag.answer.route import Route
from rag.answer.scope_in_words import named_by_number
from rag.library.library import Library
from rag.search.searcher import Searcher
from rag.settings import Settings
from rag.text.words import content_words
from rag.types import Decision, Document, Tier, Turn

SYLLABUS = """# BIO-1 Cells: plan

## Marks

| Part | Weight | Due |
|---|---|---|
| Sheet 1 | 10 % | 3 May |
| Sheet 2 | 15 % | 17 May |
| Oral exam | 75 % | 1 July |
| **All** | **100 %** | |

Sheets are accepted until noon.
"""
FIRST = """# Lecture 1: Membranes

A membrane has four parts: lipids, proteins, sugars and sterols.

## Transport

Diffusion needs no energy and follows the gradient. Active transport needs ATP and works against the gradient.

1. Measure the gradient.
2. Add the blocker.
3. Measure again.

```python
def flux(inside, outside):
    gradient = outside - inside
    return 0.5 * gradient


print(flux(1, 3))
```
"""
SECOND = """# Lecture 2: Energy

## Glycolysis

Glycolysis splits glucose and yields two ATP. It happens in the cytosol and needs no oxygen.

## Respiration

Respiration happens in the mitochondria. It needs oxygen and yields about thirty ATP for one glucose molecule.
"""


class WordCounts:
    """A text's vector counts its stems, hashed into 64 places, scaled to length 1."""

    fingerprint = "word counts"
    dim = 64
    max_tokens = 10_000

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, self.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        counts = np.zeros(self.dim, np.float32)
        for word in content_words(text):
            counts[crc32(word.encode()) % self.dim] += 1
        return counts / max(float(np.linalg.norm(counts)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


@pytest.fixture
def make_notes(tmp_path: Path, word_scorer: Any) -> Iterator[Callable[[dict[str, str]], Notes]]:
    """Return a maker of libraries of files, path to text."""
    with ExitStack() as stack:

        def make(files: dict[str, str]) -> Notes:
            folder = tmp_path / f"notes-{len(files)}-{len(list(tmp_path.iterdir()))}"
            for path, text in files.items():
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            library = stack.enter_context(Library.create(folder.with_name(f"{folder.name}-library")))
            embedder = WordCounts()
            settings = Settings()
            ingest_paths(library, [folder], embedder, settings)
            return Notes(Searcher(library, embedder, settings.retrieval), word_scorer)

        yield make


@pytest.fixture
def read_note(make_notes: Callable[[dict[str, str]], Notes]) -> Callable[[str, str], Document]:
    """Reads one note into a document with its blocks."""
    return lambda path, text: make_notes({path: text}).document(path)


@pytest.fixture
def draft_of() -> Callable[..., Draft | None]:
    """Returns the draft of a question on a route that is sure; `answers` is the probability of every passage."""

    def drafted(
        notes: Notes,
        question: str,
        route: Route,
        history: Sequence[Turn] = (),
        tier: Tier = Tier.ANSWER,
        answers: float | None = None,
    ) -> Draft | None:
        named = named_by_number(question, notes)
        hits = tuple(notes.search(question, 12, named.scope() if named else None))
        scores = notes.scorer.score(question, [hit.chunk for hit in hits])
        if answers is not None:
            scores = tuple(replace(score, answers=answers) for score in scores)
        decision = Decision(tier, 1.0, 1.0, "")
        return kind_draft(
            Asked(question, route, notes, hits, scores, None, named, True, lambda _: None, decision, history)
        )

    return drafted


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"plan.md": SYLLABUS, "lecture-01-membranes.md": FIRST, "lecture-02-energy.md": SECOND})


@pytest.fixture
def ask(notes: Notes, draft_of: Callable[..., Draft | None]) -> Callable[..., Draft | None]:
    return partial(draft_of, notes)


@pytest.fixture
def likely(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Gives every list near a question the same probability, instead of the network's."""

    def set_to(chance: float) -> None:
        network = SimpleNamespace(probabilities=lambda rows: np.full(len(rows), chance, np.float32))
        monkeypatch.setattr("rag.answer.likely_list.shipped_model", lambda: network)

    return set_to
