"""The nearest vectors: a FAISS index that follows the library.

Up to `FLAT_LIMIT` every passage is compared; beyond it, vectors are in clusters (IVF) at one byte a dimension
and only the clusters nearest the question are searched. Scores are always exact cosines: what the index finds
is measured again with the library's own vectors.

The index is rebuilt whenever its file cannot be trusted. A file that is only a little behind is left as it
is, and whoever opens it adds the few newer vectors in memory, so that a note added to a large library does
not cost a copy of its index.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.aliases import Rowids, Scores
from rag.errors import LibraryError
from rag.library.library import Library
from rag.library.store import Allowed
from rag.search import faiss_index
from rag.search.faiss_delta import LayeredIndex
from rag.search.faiss_file import VectorFile, VectorHeader

FLAT_LIMIT = 100_000
"""Most passages that are all compared with a question.

At this size comparing all takes 7 ms and finds every neighbour, clusters 0.4 ms and 99.5 % of them; at 20,000
it takes 1.1 ms and clusters lose every tenth. Beyond it the time grows with the size. Source: `make
bench-retrieval`, limits.
"""
EXACT_LIMIT = 5_000
"""Most passages of a scope that are compared one by one.

Their vectors come from the library, not from the index. Chosen, not measured.
"""
_TRAINING_ROWS_PER_CLUSTER = 48
"""Sampled vectors a cluster. FAISS warns below 39 (`min_points_per_centroid`)."""
_REBUILD_GROWTH = 2.0
"""Growth of the library after which clusters are found anew. Chosen, not measured."""
PENDING_SHARE = 0.02
"""Share of the library that may be missing in the file before it is written again.

At 100,000 passages writing takes 0.4 s and adding 2,000 vectors in memory 0.03 s (`make bench-ingest` prints
the cost of one more file).
"""


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """The kind of an index (`flat` or `ivf`), its number of vectors and its bytes."""

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
        self._layers: LayeredIndex | None = None
        self._generation = -1
        self._trained_on = 0

    def search(
        self, query: NDArray[np.float32], k: int, allowed: Allowed | None = None
    ) -> tuple[Rowids, Scores]:
        """Return the rowids and cosines of the `k` passages nearest to `query`.

        They are best first, ties by rowid. `query` (dim,) may have any length but 0; cosines do not depend on
        it. Fewer than `k` where there are fewer; none for an empty library or a zero vector. With `allowed`,
        the k nearest of those passages.
        """
        length = float(np.linalg.norm(query))
        if k < 1 or length == 0.0:
            return _nothing()
        unit = np.asarray(query / length, np.float32)
        if allowed is not None and len(allowed.rowids) <= EXACT_LIMIT:
            return self._ranked(unit, allowed.rowids, k)
        with self._lock:
            self.refresh()
            if self._layers is None:
                return _nothing()
            found = self._layers.nearest(unit, k, None if allowed is None else allowed.rowids)
        return self._ranked(unit, found, k)

    def cosines(self, query: NDArray[np.float32], rowids: Rowids) -> Scores:
        """Return the exact cosines of passages with `query`, in the order given.

        The cosine of a passage that no longer exists is 0.
        """
        unit = np.asarray(query / max(float(np.linalg.norm(query)), 1e-12), np.float32)
        kept, vectors = self._library.vectors(rowids)
        scores = dict(zip(kept.tolist(), (vectors @ unit).tolist(), strict=True)) if len(kept) else {}
        return np.array([scores.get(rowid, 0.0) for rowid in rowids.tolist()], np.float32)

    def refresh(self) -> None:
        """Bring the index to the library's generation, and the file if it is far behind.

        If the file cannot be written (the disk is full, the folder is read-only), the search goes on with the
        index in memory: the file only saves the next process time. `keep_file` raises then, and `lectern
        doctor` names the file.
        """
        with self._lock:
            if self._follow():
                with suppress(LibraryError):
                    self._write()

    def keep_file(self) -> None:
        """Write the file if it is missing, of another library or far behind.

        That is all that is due at the end of an ingest. Where nothing is due it costs a look at the file's
        header; whoever reads the rest checks it.

        Raises:
            LibraryDamaged: the file cannot be written.
        """
        pending = pending_changes(self._library)
        if pending is None or far_behind(pending, self._library.chunk_count()):
            with self._lock:
                self._follow(fold=True)
                self._write()

    def figures(self) -> IndexFigures:
        """Return the kind and the sizes of the index at present."""
        self.refresh()
        if self._layers is None:
            return IndexFigures("flat", 0, 0)
        size = self._file.path.stat().st_size if self._file.path.is_file() else 0
        return IndexFigures("ivf" if self._trained_on else "flat", self._layers.size, size)

    def _ranked(self, unit: Scores, rowids: Rowids, k: int) -> tuple[Rowids, Scores]:
        """Return the `k` best of `rowids` by exact cosine."""
        if not len(rowids):
            return _nothing()
        kept, vectors = self._library.vectors(rowids)
        scores = vectors @ unit
        order = np.lexsort((kept, -scores))[:k]
        return kept[order], np.asarray(scores[order], np.float32)

    def _load(self) -> None:
        """Take the file if it is sound and of this library."""
        header = _header_of(self._library)
        base = None if header is None else self._file.read(header)
        if header is not None and base is not None:
            self._layers, self._trained_on = LayeredIndex(base), header.trained_on

    def _follow(self, *, fold: bool = False) -> bool:
        """Bring the index in memory to the library's generation.

        Returns whether it was made as one layer, which the file does not have: done where there is no index
        or it is far behind, and with `fold` wherever there are changes in memory.
        """
        generation = self._library.generation
        if generation == self._generation and not fold:
            return False
        wanted = self._library.chunk_rowids()
        if self._layers is None:
            self._load()
        if self._layers is not None:
            self._layers.follow(wanted, self._library.vectors)
        pending = None if self._layers is None else self._layers.pending
        renewed = pending is None or far_behind(pending, len(wanted)) or (fold and pending > 0)
        if renewed:
            self._renew(wanted)
        self._generation = generation
        return renewed

    def _renew(self, wanted: Rowids) -> None:
        """One index of everything; none for an empty library."""
        if not len(wanted):
            self._layers, self._trained_on = None, 0
        elif self._layers is None or self._must_rebuild(len(wanted), self._layers.pending):
            self._layers = LayeredIndex(self._built(wanted))
        else:
            self._layers = LayeredIndex(self._layers.folded(self._library.vectors))

    def _write(self) -> None:
        """Write the index to the file; remove the file of an empty library.

        The library has the file's epoch, and is on the disk up to it, before the file is in its place.
        """
        if self._layers is None:
            self._file.remove()
            return
        base, dim = self._layers.base, self._library.manifest.dim
        place = (self._generation, dim, int(base.ntotal), self._layers.last_rowid, self._trained_on)
        self._file.write(base, VectorHeader(_identity(self._library), *place), self._library.set_epoch)

    def _must_rebuild(self, count: int, changes: int) -> bool:
        """Return whether the kind of index or its clusters no longer fit the library.

        They do not if its size went past a limit or most of it changed.
        """
        if changes > count // 2:
            return True
        if not self._trained_on:
            return count > self._flat_limit
        return not self._trained_on / _REBUILD_GROWTH < count < self._trained_on * _REBUILD_GROWTH

    def _built(self, rowids: Rowids) -> Any:
        """Return a new index of all the library's vectors."""
        self._trained_on = 0
        if len(rowids) > self._flat_limit:
            index, self._trained_on = self._trained(rowids), len(rowids)
        else:
            index = faiss_index.flat_index(self._library.manifest.dim)
        for kept, vectors in self._library.iter_vectors():
            faiss_index.add(index, kept, vectors)
        return index

    def _trained(self, rowids: Rowids) -> Any:
        """Return an empty clustered index, its clusters found on a sample of the vectors."""
        clusters = int(2 * sqrt(len(rowids)))
        count = min(len(rowids), clusters * _TRAINING_ROWS_PER_CLUSTER)
        sample = np.random.default_rng(0).choice(rowids, count, replace=False)
        _, vectors = self._library.vectors(np.sort(sample))
        return faiss_index.clustered_index(vectors, clusters)


def pending_changes(library: Library) -> int | None:
    """Return how many passages came or went since `vectors.faiss` was written.

    None if there is no file of this library. Needs only the file's header and two counts, because rowids only
    grow.
    """
    header = _header_of(library)
    if header is None:
        return None
    newer = library.chunks_after(header.last_rowid)
    return newer + header.count - (library.chunk_count() - newer)


def far_behind(pending: int, count: int) -> bool:
    """Return whether a file that lacks `pending` changes should be written again."""
    return pending > PENDING_SHARE * count


def _header_of(library: Library) -> VectorHeader | None:
    """Return the header of the library's file, if it is of this or an earlier state."""
    header = VectorFile(library.folder).header()
    if header is None or not header.epoch or header.generation > library.generation:
        return None
    made = (_identity(library), library.manifest.dim, library.epoch)
    return header if (header.identity, header.dim, header.epoch) == made else None


def _identity(library: Library) -> str:
    """Return a text that differs between libraries with other vectors."""
    made = library.manifest
    return f"{made.created_at} {made.embedder}"


def _nothing() -> tuple[Rowids, Scores]:
    return np.empty(0, np.int64), np.empty(0, np.float32)
