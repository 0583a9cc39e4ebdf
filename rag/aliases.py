"""Names of array and function types that several modules share, declared once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Span: TypeAlias = tuple[int, int]
"""Half-open stretch `[start, end)` of a text, in characters."""

Rowids: TypeAlias = NDArray[np.int64]
"""Row numbers of chunks in a library, shape (n,)."""

Vectors: TypeAlias = NDArray[np.float32]
"""Embeddings, shape (n, dim) or (dim,)."""

Scores: TypeAlias = NDArray[np.float32]
"""Cosines, BM25 or fused scores of n candidates, shape (n,); higher is better."""

TokenCounter: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Function from texts to how many tokens each has."""
