"""An ingest on Ray with one and two workers beside the ingest without it.

`python -m benchmarks.scale.ray_ingest [--notes 60]`. The notes are synthetic and the same for all. Both nodes are on this machine and
have one processor each, so that on two cores two of them can at best be as fast as the ingest without Ray, which uses both. Each line is the
JSON of one measure; `ratio` is its rate over that without Ray, `start_seconds` the time until its workers are ready.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.retrieval.synthetic_library import vocabulary, zipf_weights
from ingest.discover import discover
from ingest.pipeline import ingest_notes
from rag.embedding.embedder import Embedder
from rag.embedding.engine import open_embedder
from rag.library.library import Library
from rag.settings import Settings

_PARAGRAPHS, _WORDS = 40, 60
_STORE_BYTES = 100_000_000
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Print one line for each number of workers; 0 is the ingest without Ray."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=60, help="number of notes")
    given = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    settings, usual = Settings(), 0.0
    embedder = open_embedder(settings.embedding)
    embedder.embed_passages(["The model is loaded before."])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_notes(folder / "notes", given.notes)
        for workers in (0, 1, 2):
            with (
                _executor(workers, settings, embedder) as (executor, start_seconds),
                Library.open(folder / f"library {workers}", create=True) as library,
            ):
                started = perf_counter()
                found = discover([folder / "notes"])
                report = ingest_notes(library, found, embedder, settings, None, executor)
                seconds = perf_counter() - started
            rate = report.chunks / seconds
            usual = usual or rate
            line = {
                "measure": "ingest on Ray" if workers else "ingest",
                "workers": workers,
                "passages": report.chunks,
            }
            rates = {"passages_per_second": round(rate, 1), "ratio": round(rate / usual, 3)}
            print(json.dumps(line | rates | {"start_seconds": round(start_seconds, 1)}), flush=True)


@contextmanager
def _executor(workers: int, settings: Settings, embedder: Embedder) -> Iterator[tuple[Any, float]]:
    """Yield an executor on as many nodes, and the seconds until it was ready."""
    if not workers:
        with nullcontext() as nothing:
            yield nothing, 0.0
        return
    from ray.cluster_utils import Cluster

    from ingest.on_ray.executor import ray_executor

    node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        for _ in range(workers - 1):
            cluster.add_node(**node)
        started = perf_counter()
        with ray_executor(cluster.address, settings, embedder) as executor:
            yield executor, perf_counter() - started
    finally:
        cluster.shutdown()


def _write_notes(folder: Path, count: int) -> None:
    import numpy as np

    generator, words, weights = np.random.default_rng(1), vocabulary(), zipf_weights()
    folder.mkdir()
    for number in range(count):
        paragraphs = [" ".join(generator.choice(words, _WORDS, p=weights)) for _ in range(_PARAGRAPHS)]
        (folder / f"note {number}.md").write_text(
            f"# Note {number}\n\n" + ".\n\n".join(paragraphs), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
