"""The nearest vectors of a course: all compared, or an HNSW index of a large one.

Vectors are kept in float32 and every cosine is computed from them, so scores are those of a library in a folder. The index has
them in half precision and only proposes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from psycopg import sql

from rag.aliases import Rowids, Scores, Vectors
from rag.library.postgres.connections import Connection, ServerConnections
from rag.library.postgres.schema import PARTITIONED, partition
from rag.library.postgres.vector_type import Vector
from rag.library.rows import Manifest
from rag.library.store import Allowed

EXACT_LIMIT = 20_000
"""Most passages of a course that are all compared with a question.

At this size that takes 27 ms for 100 neighbours and finds all of them, the index 33 ms and finds 98 %. Source: one run of 40
questions on synthetic vectors of 384 dimensions, two shared cores; `make bench-scale` prints both figures for any size.
"""
_OVERSAMPLING = 2
"""Factor of neighbours asked for, so that half precision and ties lose none."""
_EFFORT = 5
"""Candidates of the index (`hnsw.ef_search`) for each neighbour asked for.

Of 100 neighbours 2 find 91 %, 4 find 98 % in 33 ms, 5 find 99 % in 39 ms. Source: the same run.
"""
_LEAST_EFFORT = 400
"""The same where few neighbours are asked for."""
_MOST_EFFORT = 1000
"""The most that pgvector allows."""
_LARGEST_INDEXED = 4000
"""Most dimensions of an HNSW index of half precision. Source: pgvector's README."""
_WHOLE = """
WITH near AS MATERIALIZED (
    SELECT id, vector <#> %(query)s AS distance FROM lectern.embeddings WHERE course = %(course)s
    ORDER BY distance FETCH FIRST %(k)s ROWS WITH TIES
)
SELECT c.id, -n.distance AS cosine FROM near n JOIN lectern.chunks c ON c.embedding = n.id
WHERE c.course = %(course)s ORDER BY cosine DESC, c.id LIMIT %(k)s
"""
_INSIDE = """
SELECT c.id, -(e.vector <#> %(query)s) AS cosine FROM lectern.chunks c JOIN lectern.embeddings e ON e.id = c.embedding
WHERE c.course = %(course)s AND e.course = %(course)s
    AND c.document IN (SELECT d.id FROM lectern.documents d WHERE d.course = %(course)s AND d.path = ANY(%(paths)s))
ORDER BY cosine DESC, c.id LIMIT %(k)s
"""
_INDEXED = """
WITH near AS MATERIALIZED (
    SELECT id, vector FROM lectern.embeddings WHERE course = %(course)s
    ORDER BY vector::halfvec({dim}) <#> %(query)s::halfvec({dim}) LIMIT %(wanted)s
)
SELECT c.id, -(n.vector <#> %(query)s) AS cosine FROM near n JOIN lectern.chunks c ON c.embedding = n.id
WHERE c.course = %(course)s ORDER BY cosine DESC, c.id LIMIT %(k)s
"""


class Course(Protocol):
    """The part of a course that is used here."""

    @property
    def connections(self) -> ServerConnections: ...

    @property
    def generation(self) -> int: ...

    @property
    def manifest(self) -> Manifest: ...

    def chunk_count(self) -> int: ...


class ServerVectors:
    """Dense search over a course; safe to use from several threads."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._known = (-1, 0, 0)

    def search(self, query: Vectors, k: int, allowed: Allowed | None = None) -> tuple[Rowids, Scores]:
        """Return the rowids and cosines of the `k` passages nearest to `query` (dim,).

        They are best first, ties by rowid. Inside a scope and in a course of at most `EXACT_LIMIT` passages
        all are compared.
        """
        length = float(np.linalg.norm(query))
        if k < 1 or length == 0.0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        values = {
            "query": Vector(np.asarray(query / length, np.float32)),
            "course": self._course.connections.course,
            "k": k,
            "wanted": k * _OVERSAMPLING,
            "paths": list(allowed.documents) if allowed else [],
        }
        with self._course.connections.snapshot() as connection:
            count, dim = self._size()
            if not count:
                return np.empty(0, np.int64), np.empty(0, np.float32)
            if allowed is not None:
                statement = _INSIDE
            elif count <= EXACT_LIMIT or dim > _LARGEST_INDEXED:
                statement = _WHOLE
            else:
                _set_effort(connection, k * _OVERSAMPLING)
                statement = _INDEXED.format(dim=dim)
            rows = connection.execute(statement, values, binary=True).fetchall()
        found = np.array(rows, np.float64).reshape(-1, 2)
        return found[:, 0].astype(np.int64), found[:, 1].astype(np.float32)

    def cosines(self, query: Vectors, rowids: Rowids) -> Scores:
        """Return the exact cosines of passages with `query`, in the order given.

        The cosine of a passage that no longer exists is 0.
        """
        unit = np.asarray(query / max(float(np.linalg.norm(query)), 1e-12), np.float32)
        statement = (
            "SELECT c.id, -(e.vector <#> %s) FROM lectern.chunks c JOIN lectern.embeddings e ON e.id = c.embedding "
            "WHERE c.course = %s AND e.course = %s AND c.id = ANY(%s)"
        )
        course = self._course.connections.course
        rows = self._course.connections.rows(statement, (Vector(unit), course, course, rowids.tolist()))
        scores = dict(rows)
        return np.array([scores.get(rowid, 0.0) for rowid in rowids.tolist()], np.float32)

    def keep_file(self) -> None:
        """Make the index of a course that has grown large.

        Its rows are counted for the planner. Only the owner of the tables can: for others all passages are compared until the owner ingests.
        """
        connections = self._course.connections
        count, dim = self._size()
        number = connections.course
        with connections.transaction(locked=True, counts=False) as connection:
            owner = (
                "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'lectern.chunks'::regclass"
            )
            row = connection.execute(owner).fetchone()
            if row is None or not row[0]:
                return
            if count > EXACT_LIMIT and dim <= _LARGEST_INDEXED:
                make_index(connection, number, dim)
            for table in PARTITIONED:
                connection.execute(sql.SQL("ANALYZE {}").format(partition(table, number)))

    def has_index(self) -> bool:
        """Return whether the course has an HNSW index."""
        query = "SELECT to_regclass(%s) IS NOT NULL"
        return bool(
            self._course.connections.rows(
                query, (f"lectern.{_index_name(self._course.connections.course)}",)
            )[0][0]
        )

    def needs_index(self) -> bool:
        """Return whether the course is so large that it should have one, and has none."""
        count, dim = self._size()
        return count > EXACT_LIMIT and dim <= _LARGEST_INDEXED and not self.has_index()

    def _size(self) -> tuple[int, int]:
        """Return the number of passages and of dimensions, read once for each generation."""
        generation = self._course.generation
        known = self._known
        if known[0] != generation:
            known = self._known = (generation, self._course.chunk_count(), self._course.manifest.dim)
        return known[1:]


def make_index(connection: Connection, course: int, dim: int) -> None:
    """Make the HNSW index of a course if it has none."""
    with connection.transaction():
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")  # 100,000 passages of 384 dimensions
        connection.execute(
            sql.SQL(
                "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw ((vector::halfvec({})) halfvec_ip_ops)"
            ).format(sql.Identifier(_index_name(course)), partition("embeddings", course), sql.Literal(dim))
        )


def _index_name(course: int) -> str:
    return f"embeddings_{course}_hnsw"


def _set_effort(connection: Connection, wanted: int) -> None:
    effort = str(min(_MOST_EFFORT, max(_LEAST_EFFORT, wanted * _EFFORT)))
    connection.execute(
        "SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)",
        (effort,),
    )
