"""The sweeps behind the constants of the index.

They show the size from which clusters are faster than comparing all vectors, the number of clusters to probe,
and the number of postings to read. Tables are printed and at last one line of JSON. Vectors and texts are
synthetic (`benchmarks.retrieval.synthetic_library`): sizes and times are real, and recall is that of vectors
in topics; `quality` prints the recall of the clusters on real vectors.

    python -m benchmarks.retrieval.limits [--vectors 20000,50000,100000,200000,1000000] [--library 200000 | --folder DIR]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.synthetic_library import (
    fill,
    make_topics,
    question,
    topic_vectors,
    vocabulary,
    zipf_weights,
)
from rag.library.library import Library
from rag.search import faiss_index
from rag.search.index import LEXICAL_DEPTH
from rag.search.lexical import LexicalIndex

DIM, QUERIES, NEAREST, WANTED = 384, 60, 10, 100
_TRAINING_ROWS_A_CLUSTER = 48
PROBED = (16, 32, 64, 96, 128)
BUDGETS = (5_000, 10_000, 25_000, 50_000, 100_000)
Vectors = NDArray[np.float32]


def clusters_against_flat(sizes: list[int]) -> list[dict[str, Any]]:
    """Measure the milliseconds of comparing all vectors, and of clusters.

    The recall of the clusters is at several numbers of probes.
    """
    topics = make_topics(DIM)
    rows = []
    print("passages   flat ms | clusters, ms and recall@10 at " + ", ".join(f"{n} probes" for n in PROBED))
    for size in sizes:
        vectors = topic_vectors(np.random.default_rng(0), size, topics)
        asked = topic_vectors(np.random.default_rng(2), QUERIES, topics)
        flat = faiss_index.flat_index(DIM)
        faiss_index.add(flat, np.arange(size), vectors)
        exact, flat_ms = _timed(flat, asked)
        del flat
        count = int(2 * sqrt(size))
        sample = vectors[np.random.default_rng(1).choice(size, min(size, count * _TRAINING_ROWS_A_CLUSTER))]
        clustered = faiss_index.clustered_index(sample, count)
        faiss_index.add(clustered, np.arange(size), vectors)
        row: dict[str, Any] = {"passages": size, "clusters": count, "flat_ms": flat_ms, "probes": {}}
        for probes in PROBED:
            found, ms = _timed(clustered, asked, probes)
            recall = np.mean([_recall(vectors, *three) for three in zip(asked, exact, found, strict=True)])
            row["probes"][probes] = {"ms": ms, "recall@10": float(recall)}
        rows.append(row)
        shown = "  ".join(f"{v['ms']:6.2f} {v['recall@10']:.3f}" for v in row["probes"].values())
        print(f"{size:<9d} {flat_ms:8.2f} | {shown}", flush=True)
    return rows


def postings(library: Library) -> list[dict[str, Any]]:
    """Measure the milliseconds of the lexical search at several budgets.

    The share of a question's words that take part is measured too.
    """
    generator = np.random.default_rng(1)
    words, weights = vocabulary(), zipf_weights()
    asked = [question(generator, words, weights) for _ in range(QUERIES)]
    rows = []
    print(f"\npostings read at most, of {library.chunk_count()} passages: ms p50, p95, words searched of 8")
    for budget in BUDGETS:
        index = LexicalIndex(library, budget)
        walls, searched = [], []
        for text in asked:
            index.terms(text)
            started = perf_counter()
            searched.append(index.search(text, LEXICAL_DEPTH).searched)
            walls.append(1e3 * (perf_counter() - started))
        p50, p95 = np.percentile(walls, [50, 95])
        rows.append({"budget": budget, "p50_ms": p50, "p95_ms": p95, "words": float(np.mean(searched))})
        print(f"{budget:<9d} {p50:6.1f} {p95:6.1f} {np.mean(searched):6.1f}", flush=True)
    return rows


def _timed(index: Any, asked: Vectors, probes: int | None = None) -> tuple[list[NDArray[np.int64]], float]:
    """Return the nearest vectors for each question, and the median milliseconds.

    There are at least `WANTED` for each question.
    """
    found, walls = [], []
    for query in asked:
        started = perf_counter()
        found.append(faiss_index.nearest(index, query, WANTED, None, probes))
        walls.append(1e3 * (perf_counter() - started))
    return found, float(np.median(walls))


def _recall(vectors: Vectors, query: Vectors, exact: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    """Return the share of the `NEAREST` best of `exact` that are in those of `found`.

    Both are measured exactly.
    """
    best = [
        set(rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:NEAREST]].tolist())
        for rows in (exact, found)
    ]
    return len(best[0] & best[1]) / NEAREST


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", default="20000,50000,100000,200000,1000000")
    parser.add_argument(
        "--library", type=int, default=200_000, help="passages of the library whose words are searched"
    )
    parser.add_argument("--folder", type=Path, help="that library, made before")
    given = parser.parse_args()
    found = {"clusters": clusters_against_flat([int(size) for size in given.vectors.split(",")])}
    if given.folder is not None:
        with Library.open(given.folder) as library:
            found["postings"] = postings(library)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="lectern-bench-") as name,
            fill(Path(name), given.library, "synthetic", DIM) as library,
        ):
            found["postings"] = postings(library)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
