"""The scores of an embedder on the scale of the embedded model.

Weights and thresholds are fixed for all-MiniLM-L6-v2. The cosines of another model have another mean and spread: those of
multilingual-e5-small are all between 0.7 and 1. A straight line maps them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rag.aliases import Scores
from rag.embedding.multilingual import is_multilingual


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line from the scores of one embedder to those of the embedded one."""

    factor: float = 1.0
    shift: float = 0.0

    def __call__(self, scores: Scores) -> Scores:
        """Return the scores (n,) on the other scale; NaN stays NaN."""
        if self == SAME:
            return scores
        return np.asarray(scores * self.factor + self.shift, np.float32)


SAME = Line()
# Over the questions and passages of the example course, of which no label is used: the mean of all pairs and the mean spread
# within a question. MiniLM: cosine 0.137 and 0.092, match 0.286 and 0.068. E5: 0.796 and 0.017, 0.770 and 0.022. Source:
# `python -m benchmarks.languages scales`.
_E5_COSINE = Line(5.4, 0.137 - 5.4 * 0.796)
_E5_MATCH = Line(3.1, 0.286 - 3.1 * 0.770)


@dataclass(frozen=True, slots=True)
class Scales:
    """The lines for cosines and for token matches."""

    cosine: Line = SAME
    match: Line = SAME


def scales_of(fingerprint: str) -> Scales:
    """Return the scales of the embedder with a fingerprint."""
    return Scales(_E5_COSINE, _E5_MATCH) if is_multilingual(fingerprint) else Scales()
