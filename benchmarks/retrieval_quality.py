"""What each step of the search earns, on every benchmark in BEIR's form, with the usual recipe beside it in the same run.

The usual recipe: RecursiveCharacterTextSplitter at 1000 characters with 200 repeated, all-MiniLM-L6-v2, a flat index; BM25 over
the same passages; reciprocal rank fusion of the two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.beir import PASSAGES, BeirSet, query_scores, rank_documents, read_beir
from eval.splitters import spans_to_chunks
from rag.embedder import open_embedder
from rag.fusion import fused_scores, reciprocal_rank_scores
from rag.library import Library
from rag.search import LEXICAL_DEPTH, Searcher
from rag.settings import ChunkSettings, EmbeddingSettings, RetrievalSettings
from rag.types import Chunk, Document
from ui.corpus_library import fill_library

USUAL_CHARS, USUAL_OVERLAP_CHARS = 1000, 200
Passages = list[tuple[str, float]]
Way = Callable[[Searcher, str], dict[int, float]]


def dense(searcher: Searcher, question: str) -> dict[int, float]:
    """The nearest vectors alone."""
    rowids, scores = searcher.vectors.search(searcher.embedder.embed_query(question), PASSAGES)
    return dict(zip(rowids.tolist(), scores.tolist(), strict=True))


def bm25(searcher: Searcher, question: str) -> dict[int, float]:
    """Words alone."""
    found = searcher.lexical.search(question, PASSAGES)
    return dict(zip(found.rowids.tolist(), found.scores.tolist(), strict=True))


def rrf(searcher: Searcher, question: str) -> dict[int, float]:
    """Reciprocal rank fusion of the two."""
    near, words = dense(searcher, question), bm25(searcher, question)
    return reciprocal_rank_scores(np.array(list(near), np.int64), np.array(list(words), np.int64))


def min_max(searcher: Searcher, question: str) -> dict[int, float]:
    """The two scaled to [0, 1] per question and averaged: the usual convex combination."""
    near, words = dense(searcher, question), bm25(searcher, question)
    scaled = [_scaled(scores) for scores in (near, words) if scores]
    return {rowid: sum(part.get(rowid, 0.0) for part in scaled) / 2 for rowid in {*near, *words}}


def added(searcher: Searcher, question: str) -> dict[int, float]:
    """Cosine and BM25 added on their own scales, no token matches."""
    vector = searcher.embedder.embed_query(question)
    near, _ = searcher.vectors.search(vector, PASSAGES)
    words = searcher.lexical.search(question, LEXICAL_DEPTH)
    rowids: NDArray[np.int64] = np.union1d(near, words.rowids[:PASSAGES])
    known = dict(zip(words.rowids.tolist(), words.scores.tolist(), strict=True))
    scores = np.array([known.get(rowid, 0.0) for rowid in rowids.tolist()], np.float32)
    fused = fused_scores(searcher.vectors.cosines(vector, rowids), scores)
    return dict(zip(rowids.tolist(), fused.tolist(), strict=True))


STEPS: dict[str, Way] = {
    "dense": dense,
    "BM25": bm25,
    "RRF (k=60)": rrf,
    "min-max 0.5": min_max,
    "cosine + BM25": added,
}
USUAL_STEPS = ("dense", "BM25", "RRF (k=60)")


def measure(folder: Path, queries: int) -> dict[str, float]:
    """nDCG@10 of every way on one benchmark, on at most so many of its queries, evenly taken."""
    benchmark = _thinned(read_beir(folder), queries)
    embedder = open_embedder(EmbeddingSettings())
    table: dict[str, float] = {}
    for passages, cut in (("usual", _usual_cut()), ("ours", None)):
        with (
            tempfile.TemporaryDirectory(prefix="lectern-bench-") as name,
            Library.create(Path(name)) as library,
        ):
            fill_library(library, benchmark.documents, embedder, ChunkSettings(), cut=cut)
            searcher = Searcher(library, embedder, RetrievalSettings())
            for step in USUAL_STEPS if passages == "usual" else STEPS:
                table[f"{passages}: {step}"] = _ndcg(benchmark, partial(_named, searcher, STEPS[step]))
            if passages == "ours":
                table["ours: + token matches (default)"] = _ndcg(benchmark, partial(_searched, searcher))
    return table


def _searched(searcher: Searcher, question: str) -> Passages:
    return [(hit.chunk.document, hit.score) for hit in searcher.search(question, PASSAGES)]


def _named(searcher: Searcher, way: Way, question: str) -> Passages:
    scores = way(searcher, question)
    documents = searcher.library.document_of(list(scores))
    return [(documents[rowid], score) for rowid, score in scores.items()]


def _ndcg(benchmark: BeirSet, search: Callable[[str], Passages]) -> float:
    return float(
        np.mean(
            [
                query_scores(rank_documents(search(text)), benchmark.judgements[query])["ndcg@10"]
                for query, text in benchmark.queries.items()
            ]
        )
    )


def _thinned(benchmark: BeirSet, queries: int) -> BeirSet:
    names = list(benchmark.queries)
    kept = [names[place] for place in np.linspace(0, len(names) - 1, min(queries, len(names))).astype(int)]
    return replace(
        benchmark,
        queries={name: benchmark.queries[name] for name in kept},
        judgements={name: benchmark.judgements[name] for name in kept},
    )


def _usual_cut() -> Callable[[Document], list[Chunk]]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=USUAL_CHARS, chunk_overlap=USUAL_OVERLAP_CHARS, add_start_index=True
    )

    def cut(document: Document) -> list[Chunk]:
        pieces = splitter.create_documents([document.text])
        starts = [piece.metadata["start_index"] for piece in pieces]
        return spans_to_chunks(
            document, [(s, s + len(p.page_content)) for s, p in zip(starts, pieces, strict=True)]
        )

    return cut


def _scaled(scores: dict[int, float]) -> dict[int, float]:
    low, high = min(scores.values()), max(scores.values())
    return {rowid: (score - low) / max(high - low, 1e-9) for rowid, score in scores.items()}


def show(tables: dict[str, dict[str, float]]) -> list[str]:
    """The table of every way on every benchmark, with the mean, and what the default has over the best of its parts."""
    names = list(tables)
    lines = [f"{'nDCG@10':36s}" + "".join(f"{name[:22]:>24s}" for name in names) + f"{'mean':>9s}"]
    for way in next(iter(tables.values())):
        values = [tables[name][way] for name in names]
        lines.append(f"{way:36s}" + "".join(f"{v:24.4f}" for v in values) + f"{np.mean(values):9.4f}")
    default = [tables[name]["ours: + token matches (default)"] for name in names]
    best = [
        max(tables[name][f"{p}: {part}"] for p in ("usual", "ours") for part in USUAL_STEPS) for name in names
    ]
    gains = [d - b for d, b in zip(default, best, strict=True)]
    lines.append(f"{'default - best of dense, BM25, RRF':36s}" + "".join(f"{g:+24.4f}" for g in gains))
    return lines
