"""The few operations on FAISS indexes that Lectern needs, as plain functions.

This is the only module that knows FAISS's classes.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from rag.aliases import Rowids, Vectors

_PROBED_SHARE = 0.04
"""Share of the clusters that are searched; counts only beyond 1,600 clusters. Chosen, not measured."""
_MINIMUM_PROBES = 64
"""Least number of clusters that are searched.

Real questions are further from the passages than synthetic ones from their topics and need as many to find
their neighbours: of 3,944 passages in 125 clusters 10 find 97.5 % of the ten nearest, 16 find 98.8 %, 32 find
99.7 %. 64 take 0.6 ms at 100,000 vectors, a tenth of comparing all. Source: `make bench-retrieval`, quality
and limits.
"""
_OVERSAMPLING = 2
"""Factor of neighbours asked for, so that ties and rounding lose none."""
_TIE = 1e-6
"""Cosines this near are equal: an index's arithmetic differs in the last digits."""


def flat_index(dim: int) -> Any:
    """Return an empty index that compares every vector, by inner product."""
    import faiss

    return faiss.IndexIDMap2(faiss.IndexFlatIP(dim))


def clustered_index(sample: Vectors, clusters: int) -> Any:
    """Return an empty index of clusters that are found on a sample.

    It compares by inner product and keeps one byte a dimension.
    """
    import faiss

    _use_all_cores()
    dim = sample.shape[1]
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim), dim, clusters, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, True
    )
    index.cp.seed = 0
    index.train(sample)
    return index


def is_clustered(index: Any) -> bool:
    """Return whether the index has clusters."""
    return not hasattr(index, "id_map")


def add(index: Any, rowids: Rowids, vectors: Vectors) -> None:
    """Add vectors under their rowids."""
    _use_all_cores()
    index.add_with_ids(vectors, rowids)


def remove(index: Any, rowids: Rowids) -> None:
    """Remove vectors by their rowids."""
    import faiss

    index.remove_ids(faiss.IDSelectorBatch(rowids))


def probes_for(clusters: int) -> int:
    """Return how many of so many clusters a question is compared with."""
    return min(clusters, max(_MINIMUM_PROBES, int(clusters * _PROBED_SHARE)))


def nearest(index: Any, unit: Vectors, k: int, allowed: Rowids | None, probes: int | None = None) -> Rowids:
    """Return rowids of the nearest `k` (of `allowed`, if given), and some more.

    The index's own arithmetic decides. All that tie with the k-th are among them, so that the caller chooses
    the order among equals. Of an index of clusters `probes` are searched (`probes_for` if None), and all
    where only some passages are allowed.
    """
    import faiss

    selector = None if allowed is None else faiss.IDSelectorBatch(allowed)
    wanted = k * _OVERSAMPLING
    if is_clustered(index):
        searched = index.nlist if selector else probes or probes_for(index.nlist)
        parameters = _parameters(faiss.SearchParametersIVF, sel=selector, nprobe=searched)
    else:
        parameters = _parameters(faiss.SearchParameters, sel=selector)
    # One question has no work for two, and a waiting thread takes a core from others.
    faiss.omp_set_num_threads(1)
    while True:
        scores, rowids = index.search(unit[None], min(wanted, index.ntotal), params=parameters)
        found = rowids[0] >= 0
        if wanted >= index.ntotal or not found.all() or scores[0][-1] < scores[0][k - 1] - _TIE:
            return np.asarray(rowids[0][found], np.int64)
        wanted *= _OVERSAMPLING


def in_memory(index: Any) -> Any:
    """Return a copy of the index in memory of its own, where it may be changed.

    FAISS's own clone of a mapped index crashes when it is changed.
    """
    import faiss

    return faiss.deserialize_index(faiss.serialize_index(index))


def rowids_of(index: Any) -> Rowids:
    """Return the rowids in an index, ascending."""
    import faiss

    if not is_clustered(index):
        return np.sort(faiss.vector_to_array(index.id_map))
    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
        for number in range(index.nlist)
        if lists.list_size(number)
    ]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _parameters(kind: Any, **values: Any) -> Any:
    """FAISS's search parameters (its stubs do not know that they take keywords)."""
    return kind(**values)


def _use_all_cores() -> None:
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
