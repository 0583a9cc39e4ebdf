"""The nearest vectors: a FAISS index derived from the library, kept in step with it and rebuilt whenever it cannot be trusted.

It knows which kind of index a size asks for. Every passage is compared up to `FLAT_LIMIT`; beyond it, vectors lie in clusters
(IVF) at one byte a dimension and the clusters nearest the question are searched. Scores are always exact cosines: what the
index finds is measured again with the library's own vectors.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import faiss_index
from rag.library import Library
from rag.scope import Allowed
from rag.vector_file import VectorFile, VectorHeader

FLAT_LIMIT = 100_000
"""Most passages that are all compared with a question. Reasoned from published FAISS figures, not yet
measured here on a quiet machine."""
EXACT_LIMIT = 5_000
"""Scopes up to this many passages are compared one by one with the library's vectors."""
_TRAINING_ROWS_PER_CLUSTER = 48
_REBUILD_GROWTH = 2.0

Rowids = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """What the index is: its kind (`flat` or `ivf`), how many vectors it holds and the bytes they take."""

    kind: str
    vectors: int
    size_bytes: int


class VectorIndex:
    """Dense search over a library; safe to use from several threads. Opening it reads or builds `vectors.faiss`."""

    def __init__(self, library: Library, flat_limit: int = FLAT_LIMIT) -> None:
        self._library = library
        self._flat_limit = flat_limit
        self._file = VectorFile(library.folder)
        self._lock = threading.RLock()
        self._index: Any = None
        self._generation = -1
        self._trained_on = 0

    def search(
        self, query: NDArray[np.float32], k: int, allowed: Allowed | None = None
    ) -> tuple[Rowids, Scores]:
        """The rowids and cosines of the `k` passages nearest to `query`, best first, ties by rowid.

        `query` (dim,) may have any length but 0; cosines do not depend on it. Fewer than `k` where there are fewer; none for
        an empty library or a zero vector. With `allowed`, the k nearest of those passages.
        """
        length = float(np.linalg.norm(query))
        if k < 1 or length == 0.0:
            return _nothing()
        unit = np.asarray(query / length, np.float32)
        if allowed is not None and len(allowed.rowids) <= EXACT_LIMIT:
            return self._ranked(unit, allowed.rowids, k)
        with self._lock:
            self.refresh()
            if self._index is None:
                return _nothing()
            found = faiss_index.nearest(self._index, unit, k, None if allowed is None else allowed.rowids)
        return self._ranked(unit, found, k)

    def cosines(self, query: NDArray[np.float32], rowids: Rowids) -> Scores:
        """The exact cosines of passages with `query`, in the order given; 0 for a passage that is gone."""
        unit = np.asarray(query / max(float(np.linalg.norm(query)), 1e-12), np.float32)
        kept, vectors = self._library.vectors(rowids)
        scores = dict(zip(kept.tolist(), (vectors @ unit).tolist(), strict=True)) if len(kept) else {}
        return np.array([scores.get(rowid, 0.0) for rowid in rowids.tolist()], np.float32)

    def refresh(self) -> None:
        """Brings the index to the library's present generation and saves it if that took any work."""
        with self._lock:
            generation = self._library.generation
            if generation == self._generation:
                return
            changed = self._load(generation) if self._index is None else self._catch_up()
            self._generation = generation
            if changed:
                self._save()

    def figures(self) -> IndexFigures:
        """What the index is at present."""
        self.refresh()
        if self._index is None:
            return IndexFigures("flat", 0, 0)
        size = self._file.path.stat().st_size if self._file.path.is_file() else 0
        return IndexFigures("ivf" if self._trained_on else "flat", int(self._index.ntotal), size)

    def _ranked(self, unit: Scores, rowids: Rowids, k: int) -> tuple[Rowids, Scores]:
        """The `k` best of `rowids` by exact cosine."""
        if not len(rowids):
            return _nothing()
        kept, vectors = self._library.vectors(rowids)
        scores = vectors @ unit
        order = np.lexsort((kept, -scores))[:k]
        return kept[order], np.asarray(scores[order], np.float32)

    def _load(self, generation: int) -> bool:
        """Takes the file if it is sound, or builds anew; whether the file must be written."""
        identity = self._identity()
        header = self._file.header()
        if header is None or header.identity != identity or header.dim != self._library.manifest.dim:
            self._build()
            return self._index is not None
        in_step = header.generation == generation
        index = self._file.read(header, mapped=in_step)
        if index is None:
            self._build()
            return True
        self._index, self._trained_on = index, header.trained_on
        return not in_step and self._catch_up(reread=False) is not None

    def _catch_up(self, *, reread: bool = True) -> bool:
        """Adds the passages that are new and takes out those that are gone; whether there were any."""
        wanted = self._library.chunk_rowids()
        held = np.empty(0, np.int64) if self._index is None else faiss_index.rowids_of(self._index)
        new = np.setdiff1d(wanted, held, assume_unique=True)
        gone = np.setdiff1d(held, wanted, assume_unique=True)
        if not len(new) and not len(gone):
            return False
        if self._must_rebuild(len(wanted), len(new) + len(gone)):
            self._build()
            return True
        if reread:
            self._index = faiss_index.in_memory(self._index)
        if len(gone):
            faiss_index.remove(self._index, gone)
        for start in range(0, len(new), 8192):
            kept, vectors = self._library.vectors(new[start : start + 8192])
            faiss_index.add(self._index, kept, vectors)
        return True

    def _must_rebuild(self, count: int, changes: int) -> bool:
        """Whether the kind of index or its clusters no longer fit the library's size, or most of it changed."""
        if self._index is None or changes > count // 2:
            return True
        if not self._trained_on:
            return count > self._flat_limit
        return not self._trained_on / _REBUILD_GROWTH < count < self._trained_on * _REBUILD_GROWTH

    def _build(self) -> None:
        """A new index of all the library's vectors; none for an empty library."""
        rowids = self._library.chunk_rowids()
        self._trained_on = 0
        if not len(rowids):
            self._index = None
            return
        if len(rowids) > self._flat_limit:
            index, self._trained_on = self._trained(rowids), len(rowids)
        else:
            index = faiss_index.flat_index(self._library.manifest.dim)
        for kept, vectors in self._library.iter_vectors():
            faiss_index.add(index, kept, vectors)
        self._index = index

    def _trained(self, rowids: Rowids) -> Any:
        """An empty clustered index whose clusters were found on a sample of the library's vectors."""
        clusters = int(2 * sqrt(len(rowids)))
        count = min(len(rowids), clusters * _TRAINING_ROWS_PER_CLUSTER)
        sample = np.random.default_rng(0).choice(rowids, count, replace=False)
        _, vectors = self._library.vectors(np.sort(sample))
        return faiss_index.clustered_index(vectors, clusters)

    def _save(self) -> None:
        if self._index is None:
            self._file.remove()
            return
        header = VectorHeader(
            self._identity(),
            self._generation,
            self._library.manifest.dim,
            int(self._index.ntotal),
            self._trained_on,
        )
        self._file.write(self._index, header)

    def _identity(self) -> str:
        """What tells this library's vectors from those of any other."""
        made = self._library.manifest
        return f"{made.created_at} {made.embedder}"


def _nothing() -> tuple[Rowids, Scores]:
    return np.empty(0, np.int64), np.empty(0, np.float32)
