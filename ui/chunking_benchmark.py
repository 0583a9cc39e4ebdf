"""Ways of cutting passages beside each other: each fills a library of its own and answers the same questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eval.beir import CorpusDocument
from eval.chunking import (
    ChunkingSet,
    SpanScores,
    TokenRuler,
    chunking_metrics,
    read_chunking,
    shown_spans,
    span_scores,
)
from eval.splitters import RECURSIVE_TOKENS, Cutter, recursive_cutter, window_cutter
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.embedder import Embedder
    from rag.search import Searcher

PASSAGES = 60
OURS = "ours"
HYBRID, DENSE = "ours", "dense"
Span = tuple[str, int, int]
Bar = Callable[[str, int], Any]


def compare_chunkers(
    folder: Path,
    settings: Settings,
    budgets_tokens: Sequence[int],
    bar: Bar,
    on_row: Callable[[dict[str, Any]], None] = lambda row: None,
) -> dict[str, Any]:
    """Recall, precision and IoU of our passages under our search at the first budget (`metrics`), and all rows (`chunkers`).

    A row is one way of cutting under one search (`dense`: nearest vectors alone; `ours`: the whole search) at one budget;
    `on_row` hears of each as it comes.

    Raises:
        DatasetError: `folder` does not hold the benchmark.
        ModelMissing: langchain-text-splitters, which the usual splitters come from, is not installed.
    """
    from rag.embedder import open_embedder

    benchmark = read_chunking(folder)
    embedder = open_embedder(settings.embedding)
    starts = {name: token_starts(embedder, text) for name, text in benchmark.corpora.items()}
    rulers = {name: TokenRuler(places) for name, places in starts.items()}
    rows: list[dict[str, Any]] = []
    began = perf_counter()
    for name, cutter in _cutters(embedder, {benchmark.corpora[n]: places for n, places in starts.items()}):
        with TemporaryDirectory(prefix="lectern-") as temporary:
            searcher = _searcher(Path(temporary), benchmark, settings, embedder, cutter, bar, name)
            for search, found in ((DENSE, _dense(searcher)), (HYBRID, _hybrid(searcher))):
                scores = _scores(benchmark, found, rulers, budgets_tokens, bar, name)
                shared = {"chunker": name, "search": search, "chunks": searcher.library.chunk_count()}
                samples, seed = settings.eval.bootstrap_samples, settings.eval.seed
                for budget, of_questions in scores.items():
                    metrics = chunking_metrics(of_questions, samples=samples, seed=seed)
                    rows.append(shared | {"budget_tokens": budget, "metrics": metrics})
                    on_row(rows[-1])
            searcher.library.close()
    ours = next(row for row in rows if (row["chunker"], row["search"]) == (OURS, HYBRID))
    return {
        "n": len(benchmark.questions),
        "budget_tokens": budgets_tokens[0],
        "metrics": ours["metrics"],
        "seconds": perf_counter() - began,
        "chunkers": rows,
    }


def _scores(
    benchmark: ChunkingSet,
    found: Callable[[str], Sequence[Span]],
    rulers: dict[str, TokenRuler],
    budgets_tokens: Sequence[int],
    bar: Bar,
    name: str,
) -> dict[int, list[SpanScores]]:
    """Budget to the scores of every question."""
    scores: dict[int, list[SpanScores]] = {budget: [] for budget in budgets_tokens}
    with bar(f"Searching {name}", len(benchmark.questions)) as advance:
        for question in benchmark.questions:
            passages = found(question.question)
            for budget, kept in scores.items():
                kept.append(span_scores(shown_spans(passages, rulers, budget), question))
            advance()
    return scores


def token_starts(embedder: Embedder, text: str) -> list[int]:
    """Where each token of a text begins, told by an embedder that only counts: words, each as many places as tokens."""
    import re

    words = [(match.start(), match.group()) for match in re.finditer(r"\w+|[^\w\s]", text)]
    counts = embedder.count_tokens([word for _, word in words])
    return [start for (start, _), count in zip(words, counts, strict=True) for _ in range(count)]


def _cutters(embedder: Embedder, starts: dict[str, list[int]]) -> Iterator[tuple[str, Cutter | None]]:
    """Ours (None) and the usual ones, by name."""
    yield OURS, None
    for tokens in RECURSIVE_TOKENS:
        yield f"recursive {tokens}", recursive_cutter(tokens, embedder.count_tokens)
    yield f"token windows {embedder.max_tokens}", window_cutter(embedder.max_tokens, starts.__getitem__)


def _searcher(
    folder: Path,
    benchmark: ChunkingSet,
    settings: Settings,
    embedder: Embedder,
    cutter: Cutter | None,
    bar: Bar,
    name: str,
) -> Searcher:
    from rag.library import Library
    from rag.search import Searcher
    from ui.corpus_library import fill_library

    library = Library.create(folder)
    corpus = [CorpusDocument(f"{key}.md", "", text) for key, text in benchmark.corpora.items()]
    with bar(f"Ingesting {name}", len(corpus)) as advance:
        fill_library(library, corpus, embedder, settings.chunk, advance, cutter)
    return Searcher(library, embedder, settings.retrieval)


def _hybrid(searcher: Searcher) -> Callable[[str], Sequence[Span]]:
    def found(question: str) -> list[Span]:
        hits = searcher.search(question, PASSAGES)
        return [(hit.chunk.document.removesuffix(".md"), hit.chunk.start, hit.chunk.end) for hit in hits]

    return found


def _dense(searcher: Searcher) -> Callable[[str], Sequence[Span]]:
    def found(question: str) -> list[Span]:
        rowids, _ = searcher.vectors.search(searcher.embedder.embed_query(question), PASSAGES)
        chunks = searcher.library.chunks(rowids)
        return [(chunk.document.removesuffix(".md"), chunk.start, chunk.end) for chunk in chunks]

    return found
