"""An index as its file has it, with later changes in memory.

A small change so costs only what it changes. `rag.search.dense` decides when the layers become one index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rag.aliases import Rowids, Vectors
from rag.search import faiss_index

VectorsOf = Callable[[Rowids], tuple[Rowids, Vectors]]
_BATCH = 8192
"""Vectors added at a time, which bounds the memory: 12 MB at 384 dimensions."""


class LayeredIndex:
    """A FAISS index that is never changed, and the changes since.

    The base may be mapped from disk. The changes are a flat index of newer vectors and the rowids that are
    gone.
    """

    def __init__(self, base: Any) -> None:
        self._base = base
        self._base_rowids = faiss_index.rowids_of(base)
        self._newer = faiss_index.flat_index(base.d)
        self._newer_rowids = np.empty(0, np.int64)
        self._gone = np.empty(0, np.int64)

    @property
    def base(self) -> Any:
        """The FAISS index below, without the changes."""
        return self._base

    @property
    def last_rowid(self) -> int:
        """The greatest rowid in the base, 0 for an empty one."""
        return int(self._base_rowids[-1]) if len(self._base_rowids) else 0

    @property
    def pending(self) -> int:
        """Number of changes over the base."""
        return len(self._newer_rowids) + len(self._gone)

    @property
    def size(self) -> int:
        """Number of vectors that can be found."""
        return len(self._base_rowids) - len(self._gone) + len(self._newer_rowids)

    def follow(self, wanted: Rowids, vectors_of: VectorsOf) -> None:
        """Make the vectors of exactly `wanted` (ascending) findable.

        `vectors_of` returns those that are new.
        """
        self._gone = np.setdiff1d(self._base_rowids, wanted, assume_unique=True)
        newer = np.setdiff1d(wanted, self._base_rowids, assume_unique=True)
        dropped = np.setdiff1d(self._newer_rowids, newer, assume_unique=True)
        if len(dropped):
            faiss_index.remove(self._newer, dropped)
        _fill(self._newer, np.setdiff1d(newer, self._newer_rowids, assume_unique=True), vectors_of)
        self._newer_rowids = faiss_index.rowids_of(self._newer)

    def nearest(self, unit: Vectors, k: int, allowed: Rowids | None) -> Rowids:
        """Return rowids of the nearest `k` (of `allowed`, if given) and some more.

        They are in no order.
        """
        found = self._nearest_in_base(unit, k, allowed)
        if not len(self._newer_rowids):
            return found
        return np.concatenate([found, faiss_index.nearest(self._newer, unit, k, allowed)])

    def folded(self, vectors_of: VectorsOf) -> Any:
        """Return one FAISS index in memory with the vectors of all layers."""
        index = faiss_index.in_memory(self._base)
        if len(self._gone):
            faiss_index.remove(index, self._gone)
        _fill(index, self._newer_rowids, vectors_of)
        return index

    def _nearest_in_base(self, unit: Vectors, k: int, allowed: Rowids | None) -> Rowids:
        """Return the nearest in the base, without those that are gone.

        Asks the base for more where those that are gone took the places of others.
        """
        wanted = k
        while True:
            found = faiss_index.nearest(self._base, unit, wanted, allowed)
            left = found[~np.isin(found, self._gone)] if len(self._gone) else found
            if len(left) >= k or len(found) < wanted:
                return left
            wanted *= 2


def _fill(index: Any, rowids: Rowids, vectors_of: VectorsOf) -> None:
    for start in range(0, len(rowids), _BATCH):
        faiss_index.add(index, *vectors_of(rowids[start : start + _BATCH]))
