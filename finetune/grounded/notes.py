"""Documents as passages, by way of the product itself.

They are written as notes, ingested by `lectern ingest`, and read from the library:

    python -m finetune.grounded.notes --data DATA --out build/grounded-notes
    lectern ingest build/grounded-notes --library build/grounded-library

So a note of a training example has the cuts, title and headings of a student's note, and its neighbours are
those that the product's search finds.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from finetune.exit_status import exit_status
from finetune.grounded import invented_courses, measured, sources, written
from finetune.grounded.types import Asked, Corpus, Part, Source, Support, TrainingQuestion
from rag.library.library import Library
from rag.types import Chunk

log = logging.getLogger(__name__)
MOST_SUPPORTS = 3
INVENTED = ((Part.TRAIN, 100), (Part.VALID, 4), (Part.TEST, 16))
"""The number of invented courses of each part."""


def all_sources(data: Path, seed: int = 0) -> list[Source]:
    """Return every source: public sets, invented courses and written pages.

    The public sets are under the data folder.
    """
    found = [*sources.load_all(data), *measured.load_all(data), *written.load_all()]
    for offset, (part, count) in enumerate(INVENTED):
        found += invented_courses.invented_courses(count, seed + offset, part)
    return found


def write_notes(found: Sequence[Source], folder: Path) -> int:
    """Write every document to its source's folder under `folder`; return their number."""
    count = 0
    for source in found:
        for name, text in source.documents.items():
            path = folder / source.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="")
            count += 1
    return count


def corpus_of(source: Source, library: Library) -> Corpus:
    """Return the passages of a source's documents in the library, and its questions.

    Each question has its supports among the passages. One whose support cannot be found in the passages is
    left out and counted.
    """
    passages: list[Chunk] = []
    by_document: dict[str, list[tuple[int, Chunk]]] = {}
    for name in source.documents:
        chunks = library.chunks_of(f"{source.folder}/{name}")
        by_document[name] = list(enumerate(chunks, len(passages)))
        passages += chunks
    corpus = Corpus(source.name, passages, [], source.part)
    lost = 0
    for asked in source.asked:
        supports = _supports(asked, source, by_document)
        if supports is None:
            lost += 1
        else:
            corpus.questions.append(TrainingQuestion(asked.text, supports, asked.answers, asked.origin))
    if lost:
        log.info("%s: %d of %d questions have no support as it was cut", source.name, lost, len(source.asked))
    return corpus


def _supports(
    asked: Asked, source: Source, by_document: dict[str, list[tuple[int, Chunk]]]
) -> tuple[Support, ...] | None:
    """Return the parts of passages that the spans cover.

    It is None if a span is not covered, or by too many passages.
    """
    found: list[Support] = []
    for document, start, end in asked.spans:
        text = source.documents[document]
        pieces = [
            Support(index, text[max(start, chunk.start) : min(end, chunk.end)].strip())
            for index, chunk in by_document[document]
            if chunk.start < end and start < chunk.end and text[chunk.start : chunk.end] == chunk.text
        ]
        pieces = [piece for piece in pieces if len(piece.text) > 2]
        if sum(len(piece.text) for piece in pieces) < 0.9 * len("".join(text[start:end].strip())):
            return None
        found += pieces
    return tuple(found) if len(found) <= MOST_SUPPORTS else None


def main() -> None:
    """Write the notes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with qa/, courses/ and retrieval/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the notes, to be ingested")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    log.info("%d notes in %s", write_notes(all_sources(args.data), args.out), args.out)


if __name__ == "__main__":
    sys.exit(exit_status(main))
