"""Code chunks that say little alone: the misses of the golden chunk among 20.

Nearest vectors alone are measured beside. The chunks are the set's own; the files have no names here, so only
the chunk itself is embedded and indexed.

Source:
    the set and the measure (1 - recall@20, mean over questions): Anthropic, Introducing Contextual Retrieval, 2024.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval.quality import DEFAULT, open_remembering, searcher_over
from benchmarks.retrieval.signals import Scores, collect
from benchmarks.retrieval.ways import ALL_THREE, PLAIN, WAYS
from eval.beir import CorpusDocument
from eval.splitters import spans_to_chunks
from rag.types import Chunk, Document

FIRST = 20
_WAYS = (*PLAIN, "cosine + BM25", "cosine + token matches", ALL_THREE)
Golden = set[tuple[str, int]]


def measure(folder: Path) -> dict[str, Any]:
    """The share of golden chunks missed among the first 20 by every way."""
    files = json.loads((folder / "codebase_chunks.json").read_text(encoding="utf-8"))
    lines = (folder / "evaluation_set.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    golden: list[Golden] = [{(name, place) for name, place in row["golden_chunk_uuids"]} for row in asked]
    questions = [row["query"] for row in asked]
    spans = {entry["original_uuid"]: _laid_out(entry["chunks"]) for entry in files}
    corpus = [CorpusDocument(name, "", text) for name, (text, _) in spans.items()]

    def cut(document: Document) -> list[Chunk]:
        return spans_to_chunks(document, spans[document.path][1])

    with searcher_over(corpus, open_remembering(), cut) as searcher:
        rowids = searcher.library.chunk_rowids()
        chunks = searcher.library.chunks(rowids)
        signals = collect(searcher, questions)
        table = {way: _missed(WAYS[way](signals), chunks, golden) for way in _WAYS}
        found = list(searcher.search_many(questions, FIRST))
        shown = [[(hit.chunk.document, hit.chunk.ordinal) for hit in hits] for hits in found]
        table[DEFAULT] = _share(shown, golden)
    return {"missed@20": table, "questions": len(questions), "chunks": len(chunks)}


def _laid_out(chunks: list[dict[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
    """The chunks of a file one after the other as one text, and their spans."""
    text, spans = "", []
    for chunk in sorted(chunks, key=lambda chunk: int(chunk["original_index"])):
        spans.append((len(text), len(text) + len(chunk["content"])))
        text += chunk["content"]
    return text, spans


def _missed(scores: Scores, chunks: list[Chunk], golden: list[Golden]) -> float:
    best = np.argsort(-scores, axis=1, kind="stable")[:, :FIRST]
    return _share([[(chunks[at].document, chunks[at].ordinal) for at in row] for row in best], golden)


def _share(shown: list[list[tuple[str, int]]], golden: list[Golden]) -> float:
    return float(
        np.mean([1 - len(gold & set(row)) / len(gold) for row, gold in zip(shown, golden, strict=True)])
    )


def show(found: dict[str, Any]) -> list[str]:
    """The table, with each way's failures relative to nearest vectors alone."""
    table = found["missed@20"]
    head = f"{'golden chunk missed among 20':38s}{'share':>9s}{'of dense':>10s}   {found['questions']} questions, {found['chunks']} chunks"
    return [head, *(f"{way:38s}{share:9.3f}{share / table['dense']:10.2f}" for way, share in table.items())]
