"""Late interaction in little space: one bit a dimension for every token.

A passage's own token vectors (the states that its embedding is the mean of) show which of its words answer
which word of the question; the mean alone has lost that. Kept whole they would take 150 kB a passage; their
signs after a rotation take 50 bytes a token and match as well (tried on four development sets).

Source: MaxSim is Khattab and Zaharia, ColBERT, SIGIR 2020; rotated signs with a correction are Gao and Long,
RaBitQ, SIGMOD 2024; the rotation by Hadamard matrices is Ailon and Chazelle, The fast Johnson-Lindenstrauss
transform, 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Floats = NDArray[np.float32]
_ROUNDS = 2
"""Rounds of the rotation: the first mixes inside blocks, the second between them."""
_FACTOR_BYTES = 2
"""Bytes of the factor of a token, a float16."""
_BLOCK_TOKENS = 1024
"""Tokens unpacked at a time: 1.5 MB of float32 at 384 dimensions."""


@lru_cache(maxsize=4)
def rotation(dim: int) -> Floats:
    """Return an orthogonal (dim, dim) matrix that spreads vectors over the dimensions.

    It is the same on every machine. `dim` must be a multiple of 8.
    """
    block = dim & -dim
    hadamard = np.ones((1, 1), np.float64)
    while len(hadamard) < block:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]]) / np.sqrt(2)
    blocks = np.kron(np.eye(dim // block), hadamard)
    mixed = np.eye(dim)
    for turn in range(_ROUNDS):
        interleaved = np.arange(dim).reshape(dim // block, block).T.ravel()
        mixed = (mixed * _signs(dim, turn)) @ blocks
        mixed = mixed[:, interleaved]
    return np.asarray(mixed, np.float32)


def sketch(tokens: Floats) -> bytes:
    """Return the token vectors (n, dim) of one passage as `n * (2 + dim / 8)` bytes.

    Empty for no tokens. The vectors may have any length but 0. Each is kept as its signs and the factor that
    makes their product with a question an unbiased estimate of the cosine.
    """
    return sketches_of(tokens, [len(tokens)])[0]


def sketches_of(tokens: Floats, sizes: Sequence[int]) -> list[bytes]:
    """Return the sketches of passages whose token vectors are one array.

    In `tokens` (sum of sizes, dim) they follow each other. Many at once, because each step that numpy takes
    lets go of the interpreter and has to wait for it again.
    """
    rotated = tokens @ rotation(tokens.shape[1])
    lengths = np.linalg.norm(rotated, axis=1)
    factors = (lengths / np.maximum(np.abs(rotated).sum(axis=1), 1e-12)).astype("<f2").tobytes()
    width = tokens.shape[1] // 8
    bits = np.packbits(rotated > 0, axis=1).tobytes()
    ends = list(accumulate(sizes, initial=0))
    return [
        factors[_FACTOR_BYTES * start : _FACTOR_BYTES * end] + bits[width * start : width * end]
        for start, end in pairwise(ends)
    ]


def best_matches(question: Floats, sketches: Sequence[bytes]) -> Floats:
    """Return a match (n,) for each passage: the mean over the question's tokens.

    A token's part is its cosine with the passage's nearest token. `question` is (m, dim) of unit vectors. NaN
    for a passage without a sketch.
    """
    scores = np.full(len(sketches), np.nan, np.float32)
    present = [place for place, kept in enumerate(sketches) if kept]
    if not present or not len(question):
        return scores
    dim = question.shape[1]
    sizes = np.array([len(sketches[place]) // (_FACTOR_BYTES + dim // 8) for place in present])
    factors = b"".join(sketches[at][: n * _FACTOR_BYTES] for at, n in zip(present, sizes, strict=True))
    bits = b"".join(sketches[at][n * _FACTOR_BYTES :] for at, n in zip(present, sizes, strict=True))
    products = _products(question, np.frombuffer(bits, np.uint8).reshape(-1, dim // 8))
    products *= np.frombuffer(factors, "<f2").astype(np.float32)[:, None]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    scores[present] = np.maximum.reduceat(products, starts, axis=0).mean(axis=1)
    return scores


def _products(question: Floats, bits: NDArray[np.uint8]) -> Floats:
    """Return the products (n, m) of bits (n, dim / 8) with the question (m, dim).

    The bits are unpacked a block at a time, which then is still in the processor's cache when it is
    multiplied: four times as fast as all at once.
    """
    rotated = np.ascontiguousarray((question @ rotation(question.shape[1])).T)
    products = np.empty((len(bits), len(question)), np.float32)
    block = np.empty((min(_BLOCK_TOKENS, len(bits)), question.shape[1]), np.float32)
    with one_thread():
        for start in range(0, len(bits), _BLOCK_TOKENS):
            part = np.unpackbits(bits[start : start + _BLOCK_TOKENS], axis=1)
            block[: len(part)] = part
            np.matmul(block[: len(part)], rotated, out=products[start : start + len(part)])
    # With signs kept as 0 and 1, q·(2b - 1) = 2 q·b - sum(q).
    products *= 2.0
    products -= rotated.sum(axis=0)
    return products


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which BLAS uses one thread.

    Its other threads cost a small product more than they save, and spin after it. The limit is the process's;
    threadpoolctl lets one thread at a time change it, so that several searches do not undo each other's.
    """
    limited: AbstractContextManager[object] = _thread_pools().limit(limits=1, user_api="blas")
    return limited


@lru_cache(maxsize=1)
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def _signs(dim: int, turn: int) -> NDArray[np.float64]:
    """`dim` signs that look random and are the same everywhere."""
    size = -(-dim // 8)
    digest = b"".join(
        blake2b(f"{turn} {part}".encode(), digest_size=64).digest() for part in range(-(-size // 64))
    )
    bits = np.unpackbits(np.frombuffer(digest[:size], np.uint8))[:dim]
    return bits.astype(np.float64) * 2.0 - 1.0
