"""Ways of chunking compared: each fills a library and answers the same questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
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
from rag.settings import ChunkSettings, Settings
from rag.types import Chunk, Document

if TYPE_CHECKING:
    from rag.embedding.embedder import Embedder
    from rag.search.searcher import Searcher

PASSAGES = 60
OURS = "ours"
HYBRID, DENSE, EXPANDED = "ours", "dense", "ours+neighbours"
Span = tuple[str, int, int]
Bar = Callable[[str, int], Any]


def compare_chunkers(
    folder: Path,
    settings: Settings,
    budgets_tokens: Sequence[int],
    bar: Bar,
    on_row: Callable[[dict[str, Any]], None] = lambda row: None,
    sizes_tokens: Sequence[int] = (),
) -> dict[str, Any]:
    """Return recall, precision and IoU of our chunks, and rows for all chunkers.

    `metrics` are of our chunks under our search at the first budget. A row of `chunkers` is one way of
    chunking under one search at one budget: `dense` is nearest vectors alone, `ours` the whole search,
    `ours+neighbours` each passage of the whole search with those before and after it, of our chunks alone.
    `on_row` is called with each row as it comes. `sizes_tokens` adds our chunks at other target lengths.

    Raises:
        DatasetError: `folder` does not have the benchmark.
        ModelMissing: langchain-text-splitters, which the usual splitters come from, is not installed.
    """
    from rag.embedding.engine import open_embedder

    benchmark = read_chunking(folder)
    embedder = open_embedder(settings.embedding)
    starts = {name: token_starts(embedder, text) for name, text in benchmark.corpora.items()}
    rulers = {name: TokenRuler(places) for name, places in starts.items()}
    rows: list[dict[str, Any]] = []
    began = perf_counter()
    cutters = _cutters(
        embedder, {benchmark.corpora[n]: places for n, places in starts.items()}, settings.chunk, sizes_tokens
    )
    for name, cutter in cutters:
        with TemporaryDirectory(prefix="lectern-") as temporary:
            searcher = _searcher(Path(temporary), benchmark, settings, embedder, cutter, bar, name)
            for search, found in _searches(searcher, expanded=name == OURS).items():
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
    """Return the scores of every question by budget."""
    scores: dict[int, list[SpanScores]] = {budget: [] for budget in budgets_tokens}
    with bar(f"Searching {name}", len(benchmark.questions)) as advance:
        for question in benchmark.questions:
            passages = found(question.question)
            for budget, kept in scores.items():
                kept.append(span_scores(shown_spans(passages, rulers, budget), question))
            advance()
    return scores


def token_starts(embedder: Embedder, text: str) -> list[int]:
    """Return the offsets of the tokens of a text.

    The embedder only counts tokens, so that each token of a word has the word's offset.
    """
    import re

    words = [(match.start(), match.group()) for match in re.finditer(r"\w+|[^\w\s]", text)]
    counts = embedder.count_tokens([word for _, word in words])
    return [start for (start, _), count in zip(words, counts, strict=True) for _ in range(count)]


def _cutters(
    embedder: Embedder, starts: dict[str, list[int]], chunk: ChunkSettings, sizes_tokens: Sequence[int]
) -> Iterator[tuple[str, Cutter | None]]:
    """Yield our cutter (None), ours at other sizes and the usual ones, by name."""
    yield OURS, None
    for tokens in sizes_tokens:
        yield f"{OURS} at {tokens} tokens", sized_cutter(tokens, chunk, embedder)
    for tokens in RECURSIVE_TOKENS:
        yield f"recursive {tokens}", recursive_cutter(tokens, embedder.count_tokens)
    yield f"token windows {embedder.max_tokens}", window_cutter(embedder.max_tokens, starts.__getitem__)


def sized_cutter(tokens: int, settings: ChunkSettings, embedder: Embedder) -> Cutter:
    """Return our chunker at a target length of `tokens`.

    The maximum is twice that, as the default's 100 and 200 are, or the longest text that is embedded whole.
    """
    from ingest.chunker import chunk_document

    sizes = {"target_tokens": tokens, "max_tokens": max(tokens, min(2 * tokens, embedder.max_tokens))}
    sized = ChunkSettings.model_validate(settings.model_dump() | sizes)

    def cut(document: Document) -> list[Chunk]:
        return chunk_document(document, sized, embedder.count_tokens)

    return cut


def _searcher(
    folder: Path,
    benchmark: ChunkingSet,
    settings: Settings,
    embedder: Embedder,
    cutter: Cutter | None,
    bar: Bar,
    name: str,
) -> Searcher:
    from rag.library.library import Library
    from rag.search.searcher import Searcher
    from ui.measure.corpus_library import fill_library

    library = Library.create(folder)
    corpus = [CorpusDocument(f"{key}.md", "", text) for key, text in benchmark.corpora.items()]
    with bar(f"Ingesting {name}", len(corpus)) as advance:
        fill_library(library, corpus, embedder, settings.chunk, advance, cutter)
    return Searcher(library, embedder, settings.retrieval)


def _searches(searcher: Searcher, *, expanded: bool) -> dict[str, Callable[[str], Sequence[Span]]]:
    """Return the ways of searching by name; the whole search runs once per question."""

    def dense(question: str) -> list[Span]:
        rowids, _ = searcher.vectors.search(searcher.embedder.embed_query(question), PASSAGES)
        return [_span(chunk) for chunk in searcher.library.chunks(rowids)]

    @cache
    def hybrid(question: str) -> list[Chunk]:
        return [hit.chunk for hit in searcher.search(question, PASSAGES)]

    searches: dict[str, Callable[[str], Sequence[Span]]] = {
        DENSE: dense,
        HYBRID: lambda question: [_span(chunk) for chunk in hybrid(question)],
    }
    if expanded:
        passages = {name: searcher.library.chunks_of(name) for name in _names(searcher)}
        searches[EXPANDED] = lambda question: with_neighbours(hybrid(question), passages)
    return searches


def with_neighbours(found: Sequence[Chunk], passages: Mapping[str, Sequence[Chunk]]) -> list[Span]:
    """Return the spans of passages, each with its neighbours; no passage twice.

    `passages` are those of every document in reading order.
    """
    spans: dict[Span, None] = {}
    for chunk in found:
        near = passages[chunk.document][max(0, chunk.ordinal - 1) : chunk.ordinal + 2]
        spans |= dict.fromkeys(map(_span, (chunk, *near)))
    return list(spans)


def _names(searcher: Searcher) -> list[str]:
    return [record.path for record in searcher.library.documents()]


def _span(chunk: Chunk) -> Span:
    return chunk.document.removesuffix(".md"), chunk.start, chunk.end
