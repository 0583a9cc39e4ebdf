"""pgvector's type `vector` on the wire: float32, in the order of the network."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types import TypeInfo

from rag.aliases import Vectors

_HEAD = struct.Struct(">HH")
"""Number of dimensions, and an unused field. Source: `vector_recv` in pgvector's src/vector.c."""


class Vector:
    """A vector (dim,) as a value of a statement."""

    __slots__ = ("wire",)

    def __init__(self, values: Vectors) -> None:
        self.wire = _HEAD.pack(len(values), 0) + np.asarray(values, ">f4").tobytes()


def register_vectors(connection: psycopg.Connection[Any]) -> bool:
    """Let a connection send vectors; return False if the database has no pgvector."""
    info = TypeInfo.fetch(connection, "vector")
    if info is None:
        return False
    info.register(connection)
    number = info.oid

    class VectorDumper(Dumper):
        format = Format.BINARY
        oid = number

        def dump(self, obj: Vector) -> bytes:
            return obj.wire

    connection.adapters.register_dumper(Vector, VectorDumper)
    return True


def read_vectors(sent: Sequence[bytes], dim: int) -> Vectors:
    """Return values of `vector_send(...)` as one array (n, dim)."""
    body = b"".join(value[_HEAD.size :] for value in sent)
    return np.frombuffer(body, ">f4").astype(np.float32).reshape(len(sent), dim)
