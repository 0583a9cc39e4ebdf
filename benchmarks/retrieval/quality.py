"""The gain of each step of the search, on every benchmark in BEIR's form.

The usual recipe is measured in the same run: RecursiveCharacterTextSplitter at 1000 characters with 200
repeated, all-MiniLM-L6-v2, a flat index; BM25 over the same passages; reciprocal rank fusion of the two. A
text that two recipes share is embedded once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.signals import RankingSignals, Scores, cluster_recall, collect, token_embedder
from benchmarks.retrieval.ways import ALL_THREE, DEPTH, PLAIN, WAYS
from eval.beir import PASSAGES, BeirSet, beir_object, query_scores, rank_documents, read_beir, run_beir
from eval.splitters import Cutter, spans_to_chunks
from ingest.chunker import chunk_document
from rag.embedding.embedder import Embedder, TokenEmbedder
from rag.embedding.engine import open_embedder
from rag.library.library import Library
from rag.search.searcher import Searcher
from rag.settings import ChunkSettings, EmbeddingSettings, RetrievalSettings
from rag.types import Chunk, Document
from ui.measure.corpus_library import fill_library

USUAL_CHARS, USUAL_OVERLAP_CHARS = 1000, 200
DEFAULT = "as the product searches"
_PROBED = (8, 16, 32, 64)
_BARE_WAYS = ("dense", "BM25", ALL_THREE)


class RememberingEmbedder:
    """An embedder that embeds no passage twice."""

    def __init__(self, embedder: TokenEmbedder) -> None:
        self._embedder = embedder
        self._known: dict[str, tuple[NDArray[np.float32], bytes]] = {}
        self.fingerprint, self.dim, self.max_tokens = embedder.fingerprint, embedder.dim, embedder.max_tokens
        self.embed_query, self.embed_query_tokens = embedder.embed_query, embedder.embed_query_tokens
        self.count_tokens = embedder.count_tokens

    def sketch_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        """The vectors and sketches of texts."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known |= zip(new, zip(*self._embedder.sketch_passages(new), strict=True), strict=True)
        found = [self._known[text] for text in texts]
        return np.array([vector for vector, _ in found]).reshape(-1, self.dim), [kept for _, kept in found]

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts."""
        return self.sketch_passages(texts)[0]


@contextmanager
def searcher_over(corpus: Any, embedder: Embedder, cut: Cutter | None) -> Any:
    """Give a searcher over a corpus, in a library that is removed afterwards.

    `cut` makes the chunks; None is the product's chunker.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lectern-bench-") as name,
        Library.create(Path(name)) as library,
    ):
        fill_library(library, corpus, embedder, ChunkSettings(), cut=cut)
        yield Searcher(library, embedder, RetrievalSettings())


def open_remembering() -> RememberingEmbedder:
    """The embedded model, no text embedded twice."""
    return RememberingEmbedder(token_embedder(open_embedder(EmbeddingSettings())))


def measure(folder: Path, queries: int) -> dict[str, Any]:
    """Measure nDCG@10 of every way on one benchmark, and the product's whole result.

    `queries` are taken evenly from it; 0 takes all.
    """
    benchmark = _thinned(read_beir(folder), queries)
    embedder = open_remembering()
    table: dict[str, float] = {}
    seconds = {}
    result: dict[str, Any] = {}
    clusters: list[dict[str, float]] = []
    asked = list(benchmark.queries.values())
    for passages, cut, ways in (
        ("usual", usual_cut(), PLAIN),
        ("bare", bare_cut(embedder), _BARE_WAYS),
        ("ours", None, tuple(WAYS)),
    ):
        began = perf_counter()
        with searcher_over(benchmark.documents, embedder, cut) as searcher:
            seconds[f"{passages}: ingest"] = perf_counter() - began
            signals = collect(searcher, asked, exact=passages == "ours")
            for way in ways:
                table[f"{passages}: {way}"] = _ndcg(benchmark, _documents(signals, WAYS[way](signals)))
            if passages == "ours":
                clusters = [cluster_recall(signals, probes) for probes in _PROBED]
                result = beir_object(benchmark, run_beir(benchmark, _product(searcher)))
                table[f"ours: {DEFAULT}"] = result["metrics"]["ndcg@10"]["mean"]
        seconds[passages] = perf_counter() - began
    return {
        "ndcg@10": table,
        "product": result,
        "clusters": clusters,
        "queries": len(asked),
        "seconds": seconds,
    }


def _product(searcher: Searcher) -> Callable[[Sequence[str]], Iterable[list[tuple[str, float]]]]:
    return lambda queries: (
        [(hit.chunk.document, hit.score) for hit in hits] for hits in searcher.search_many(queries, PASSAGES)
    )


def _documents(signals: RankingSignals, scores: Scores) -> Iterable[list[tuple[str, float]]]:
    """For each question the best passages that have a score, as (document, score)."""
    for row in scores:
        best = np.argsort(-row, kind="stable")[:DEPTH]
        yield [(str(signals.documents[place]), float(row[place])) for place in best if row[place] != 0.0]


def _ndcg(benchmark: BeirSet, found: Iterable[Sequence[tuple[str, float]]]) -> float:
    return float(
        np.mean(
            [
                query_scores(rank_documents(passages), benchmark.judgements[query])["ndcg@10"]
                for query, passages in zip(benchmark.queries, found, strict=True)
            ]
        )
    )


def _thinned(benchmark: BeirSet, queries: int) -> BeirSet:
    names = list(benchmark.queries)
    count = min(queries, len(names)) if queries else len(names)
    kept = [names[place] for place in np.linspace(0, len(names) - 1, count).astype(int)]
    return replace(
        benchmark,
        queries={name: benchmark.queries[name] for name in kept},
        judgements={name: benchmark.judgements[name] for name in kept},
    )


def usual_cut() -> Cutter:
    """RecursiveCharacterTextSplitter as most tutorials set it."""
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


def bare_cut(embedder: Embedder) -> Cutter:
    """Return a chunker that makes the product's passages without their context.

    Neither title nor headings are embedded or indexed.
    """

    def cut(document: Document) -> list[Chunk]:
        chunks = chunk_document(document, ChunkSettings(), embedder.count_tokens)
        return [replace(chunk, title="", headings=()) for chunk in chunks]

    return cut


def show(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the table of every way on every benchmark, with the mean.

    The last line is the product's gain over the best plain way.
    """
    tables = {name: entry["ndcg@10"] for name, entry in found.items()}
    lines = [
        f"{'nDCG@10':38s}"
        + "".join(f"{name[:16] + ' (' + str(found[name]['queries']) + ')':>24s}" for name in tables)
        + f"{'mean':>9s}"
    ]
    for way in next(iter(tables.values())):
        values = [table[way] for table in tables.values()]
        lines.append(f"{way:38s}" + "".join(f"{v:24.4f}" for v in values) + f"{np.mean(values):9.4f}")
    gains = [
        table[f"ours: {DEFAULT}"]
        - max(table[f"{passages}: {way}"] for passages in ("usual", "ours") for way in PLAIN)
        for table in tables.values()
    ]
    lines.append(f"{'product - best of dense, BM25, RRF':38s}" + "".join(f"{gain:+24.4f}" for gain in gains))
    for place, probes in enumerate(_PROBED):
        shares = [entry["clusters"][place] for entry in found.values()]
        shown = "".join(f"{share['recall@10']:18.3f} of {share['clusters']:3.0f}" for share in shares)
        lines.append(f"{f'recall@10 of the nearest, {probes} clusters':38s}{shown}")
    return lines
