"""The nearest vectors: a FAISS index derived from the library, kept in step with it and rebuilt whenever it cannot be trusted.

It knows which kind of index a size asks for. Every passage is compared up to `FLAT_LIMIT`; beyond it, vectors lie in clusters
(IVF) at one byte a dimension and the clusters nearest the question are searched. Scores are always exact cosines: what the
index finds is measured again with the library's own vectors.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.library import Library
from rag.scope import Allowed
from rag.vector_file import VectorFile, VectorHeader

FLAT_LIMIT = 100_000
"""Most passages that are all compared with a question. Source: `make bench-retrieval`."""
EXACT_LIMIT = 5_000
"""Scopes up to this many passages are compared one by one with the library's vectors."""
_PROBED_SHARE = 0.03
_MINIMUM_PROBES = 32
_TRAINING_ROWS_PER_CLUSTER = 48
_TIE_DEPTH, _TIE_MINIMUM = 16, 256
"""How far copies of the k-th passage are followed, so that ties are broken by rowid and not by the index."""
_OVERSAMPLING = 2
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
            found = self._nearest(unit, k, allowed)
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

    def _nearest(self, unit: Scores, k: int, allowed: Allowed | None) -> Rowids:
        """Rowids of about the nearest `k` (exactly, if flat), by the index's own arithmetic."""
        import faiss

        if self._index is None or self._index.ntotal == 0:
            return np.empty(0, np.int64)
        selector = None if allowed is None else faiss.IDSelectorBatch(allowed.rowids)
        wanted = k
        if self._trained_on:
            wanted = k * _OVERSAMPLING
            probes = max(_MINIMUM_PROBES, int(self._index.nlist * _PROBED_SHARE))
            probes = self._index.nlist if selector else min(probes, self._index.nlist)
            parameters = _parameters(faiss.SearchParametersIVF, sel=selector, nprobe=probes)
        else:
            parameters = _parameters(faiss.SearchParameters, sel=selector)
        faiss.omp_set_num_threads(
            1
        )  # one question has no work for two: a waiting thread takes a core from others
        wanted = min(wanted + 1, self._index.ntotal)
        while True:
            scores, rowids = self._index.search(unit[None], wanted, params=parameters)
            tied = wanted > k and scores[0][-1] == scores[0][k - 1] and rowids[0][-1] >= 0
            if not tied or wanted >= min(self._index.ntotal, max(k * _TIE_DEPTH, _TIE_MINIMUM)):
                return np.asarray(rowids[0][rowids[0] >= 0], np.int64)
            wanted = min(2 * wanted, self._index.ntotal)

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
        held = _rowids_of(self._index) if self._index is not None else np.empty(0, np.int64)
        new = np.setdiff1d(wanted, held, assume_unique=True)
        gone = np.setdiff1d(held, wanted, assume_unique=True)
        if not len(new) and not len(gone):
            return False
        if self._must_rebuild(len(wanted), len(new) + len(gone)):
            self._build()
            return True
        if reread:
            self._index = _in_memory(self._index)
        if len(gone):
            import faiss

            self._index.remove_ids(faiss.IDSelectorBatch(gone))
        for start in range(0, len(new), 8192):
            kept, vectors = self._library.vectors(new[start : start + 8192])
            self._index.add_with_ids(vectors, kept)
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
        _use_all_cores()
        index = _empty_flat(self._library.manifest.dim)
        if len(rowids) > self._flat_limit:
            index, self._trained_on = self._trained(rowids), len(rowids)
        for kept, vectors in self._library.iter_vectors():
            index.add_with_ids(vectors, kept)
        self._index = index

    def _trained(self, rowids: Rowids) -> Any:
        """An empty clustered index whose clusters were found on a sample of the library's vectors."""
        import faiss

        clusters = int(2 * sqrt(len(rowids)))
        dim = self._library.manifest.dim
        quantizer = faiss.IndexFlatIP(dim)
        index = faiss.IndexIVFScalarQuantizer(
            quantizer, dim, clusters, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, True
        )
        index.cp.seed = 0
        sample = np.random.default_rng(0).choice(
            rowids, min(len(rowids), clusters * _TRAINING_ROWS_PER_CLUSTER), replace=False
        )
        _, vectors = self._library.vectors(np.sort(sample))
        index.train(vectors)
        return index

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


def _use_all_cores() -> None:
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)


def _parameters(kind: Any, **values: Any) -> Any:
    """FAISS's search parameters (its stubs do not know that they take keywords)."""
    return kind(**values)


def _empty_flat(dim: int) -> Any:
    import faiss

    return faiss.IndexIDMap2(faiss.IndexFlatIP(dim))


def _in_memory(index: Any) -> Any:
    """The same index in memory of its own, where it may be changed."""
    import faiss

    return faiss.clone_index(index)


def _rowids_of(index: Any) -> Rowids:
    """The rowids that an index holds, ascending."""
    import faiss

    if hasattr(index, "id_map"):
        return np.sort(faiss.vector_to_array(index.id_map))
    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
        for number in range(index.nlist)
        if lists.list_size(number)
    ]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)
