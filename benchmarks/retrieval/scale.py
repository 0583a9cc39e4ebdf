"""Latency, memory and recall of the search at one size, as one JSON object.

The library is made by one process and measured by another (`--folder`), whose memory then is that of a search
alone.

    python -m benchmarks.retrieval.scale CHUNKS [--queries 100] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import psutil

from benchmarks.retrieval.signals import token_embedder
from benchmarks.retrieval.synthetic_library import (
    fill,
    make_topics,
    question,
    topic_vectors,
    vocabulary,
    zipf_weights,
)
from rag.embedding.engine import open_embedder
from rag.embedding.late_interaction import best_matches
from rag.library.library import Library
from rag.search.dense import VectorIndex
from rag.search.index import LEXICAL_DEPTH
from rag.search.searcher import MATCH_DEPTH, Searcher
from rag.settings import EmbeddingSettings, RetrievalSettings

_TRUTH_QUERIES = 40
_BATCH = 65_536


def make(chunks: int, folder: Path) -> dict[str, float]:
    """Fill a library with passages and build its index; return the seconds."""
    embedder = open_embedder(EmbeddingSettings())
    started = perf_counter()
    with fill(folder, chunks, embedder.fingerprint, embedder.dim) as library:
        filled = perf_counter()
        VectorIndex(library).refresh()
    return {"fill_seconds": filled - started, "index_seconds": perf_counter() - filled}


def measure(chunks: int, queries: int, folder: Path) -> dict[str, Any]:
    """Measure every figure of the library in `folder`.

    This process must not have worked on it before.
    """
    embedder = open_embedder(EmbeddingSettings())
    embedder.embed_query("warm")
    before = psutil.Process().memory_info().rss
    started = perf_counter()
    library = Library.open(folder)
    searcher = Searcher(library, embedder, RetrievalSettings())
    searcher.vectors.refresh()
    opened = perf_counter() - started

    generator = np.random.default_rng(1)
    words, weights = vocabulary(), zipf_weights()
    asked = [question(generator, words, weights) for _ in range(queries + 20)]
    for text in asked[:20]:
        searcher.search(text)
    walls, cpu = [], process_time()
    for text in asked[20:]:
        started = perf_counter()
        searcher.search(text)
        walls.append(perf_counter() - started)
    cpu_each = (process_time() - cpu) / queries
    figures = searcher.vectors.figures()
    memory = psutil.Process().memory_info().rss - before
    p50, p95 = np.percentile(walls, [50, 95])
    return {
        "chunks": chunks,
        "index": figures.kind,
        "open_seconds": opened,
        "p50_ms": 1e3 * p50,
        "p95_ms": 1e3 * p95,
        "cpu_ms": 1e3 * cpu_each,
        "steps_ms": steps(searcher, asked[20:40]),
        "recall@10": recall(library, searcher.vectors, embedder.dim),
        "memory_bytes_per_chunk": memory / chunks,
        "disk_bytes_per_chunk": sum(file.stat().st_size for file in folder.iterdir()) / chunks,
        "usual": usual_recipe(library, searcher, asked[20:60]),
    }


def steps(searcher: Searcher, asked: list[str]) -> dict[str, float]:
    """Return the mean wall milliseconds of each step of the search.

    The steps are embedding, the nearest vectors, the search by words, and matching tokens.
    """
    walls: dict[str, list[float]] = {"embed": [], "dense": [], "words": [], "tokens": []}
    embedder = token_embedder(searcher.embedder)
    for text in asked:
        marks = [perf_counter()]
        vector, tokens = embedder.embed_query_tokens(text)
        marks.append(perf_counter())
        near, _ = searcher.vectors.search(vector, MATCH_DEPTH)
        marks.append(perf_counter())
        searcher.lexical.search(text, LEXICAL_DEPTH)
        marks.append(perf_counter())
        sketches = searcher.library.sketches(near)
        best_matches(tokens, list(sketches.values()))
        marks.append(perf_counter())
        for name, start, end in zip(walls, marks, marks[1:], strict=False):
            walls[name].append(end - start)
    return {name: 1e3 * float(np.mean(values)) for name, values in walls.items()}


def recall(library: Library, index: VectorIndex, dim: int) -> float:
    """Return the share of the ten nearest by brute force that the index finds.

    The questions are unnormalised vectors near the topics.
    """
    generator = np.random.default_rng(2)
    asked = topic_vectors(generator, _TRUTH_QUERIES, make_topics(dim)) * np.float32(3.0)
    best = [(np.empty(0, np.float32), np.empty(0, np.int64))] * len(asked)
    for rowids, vectors in library.iter_vectors(_BATCH):
        scores = asked @ vectors.T
        for place, row in enumerate(scores):
            top = np.argpartition(-row, min(10, len(row) - 1))[:10]
            values = np.concatenate((best[place][0], row[top]))
            keys = np.concatenate((best[place][1], rowids[top]))
            order = np.argsort(-values, kind="stable")[:10]
            best[place] = (values[order], keys[order])
    shares = [
        len(set(index.search(query, 10)[0].tolist()) & set(truth.tolist())) / len(truth)
        for query, (_, truth) in zip(asked, best, strict=True)
    ]
    return float(np.mean(shares))


def usual_recipe(library: Library, searcher: Searcher, asked: list[str]) -> dict[str, float]:
    """Measure the same questions with the usual recipe.

    It is a flat float32 index in memory, no words, and texts fetched by key.
    """
    import faiss

    before = psutil.Process().memory_info().rss
    started = perf_counter()
    index = faiss.IndexFlatIP(searcher.embedder.dim)
    keys = []
    for rowids, vectors in library.iter_vectors():
        index.add(vectors)
        keys.append(rowids)
    rows = np.concatenate(keys)
    opened = perf_counter() - started
    walls = []
    for text in asked:
        started = perf_counter()
        _, found = index.search(searcher.embedder.embed_query(text)[None], 10)
        library.chunks(rows[found[0]])
        walls.append(perf_counter() - started)
    p50, p95 = np.percentile(walls, [50, 95])
    memory = psutil.Process().memory_info().rss - before
    return {
        "open_seconds": opened,
        "p50_ms": 1e3 * float(p50),
        "p95_ms": 1e3 * float(p95),
        "memory_bytes_per_chunk": memory / len(rows),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chunks", type=int)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder is not None:
        print(json.dumps(measure(given.chunks, given.queries, given.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="lectern-bench-") as name:
        made = make(given.chunks, Path(name))
        command = [sys.executable, "-m", "benchmarks.retrieval.scale", str(given.chunks)]
        command += ["--queries", str(given.queries), "--folder", name]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(json.dumps(made | json.loads(done.stdout.strip().splitlines()[-1])))


if __name__ == "__main__":
    main()
