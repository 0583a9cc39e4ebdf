"""A part of the examples as arrays of word pieces, and its file.

The arrays contain everything that training and its figures need, so that the machine that trains needs numpy
and torch alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
LONGEST = 320
"""Longest input in training, word pieces.

It is `rag.answer.evidence_encoding.MAX_TOKENS`.
"""

_CERTAIN = 5.0
"""Logit of what a label says, where there is no teacher's."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of unequal length in one flat array.

    Row i is `flat[start[i]:start[i + 1]]`.
    """

    flat: NDArray[Any]
    start: Ints

    @classmethod
    def of(cls, rows: Sequence[Any], dtype: Any) -> Ragged:
        """Return the rows joined."""
        lengths = np.array([len(row) for row in rows], np.int64)
        flat = np.concatenate([np.asarray(row, dtype) for row in rows]) if len(rows) else np.zeros(0, dtype)
        return cls(flat.astype(dtype), np.concatenate([[0], np.cumsum(lengths)]))

    def __getitem__(self, row: int) -> NDArray[Any]:
        return self.flat[self.start[row] : self.start[row + 1]]

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def lengths(self) -> Ints:
        """The length of each row."""
        return np.diff(self.start)


@dataclass(frozen=True, slots=True)
class Packed:
    """A part as arrays.

    `heads` are the questions with their marks; `bodies` context, colon, text and end mark of each passage;
    `sentence` each body token's sentence or 255; `sentences` how many a passage has. An example i has the
    question `asked[i]` and the passages `shown[i]`; `gold[i]` says which answer; `evidence[i]` and `right[i]`
    are flags of all its sentences in order. `ignored[i]` says which passages are left out of the loss,
    `weak[i]` that the evidence is its passage's, not its sentence's. No input is
    longer than `longest`. `taught` are a teacher's logits of all sentences and of all pairs of each example.
    """

    heads: Ragged
    bodies: Ragged
    sentence: Ragged
    sentences: Ints
    asked: Ints
    origin: Ints
    shown: Ragged
    gold: Ragged
    evidence: Ragged
    right: Ragged
    ignored: Ragged
    weak: Ints
    longest: int = LONGEST
    taught: tuple[Ragged, Ragged] | None = None

    def __len__(self) -> int:
        return len(self.asked)

    def lengths(self) -> Ints:
        """Return the word pieces of each example, all its pairs together."""
        body = np.minimum(
            self.bodies.lengths[self.shown.flat],
            self.longest - np.repeat(self.heads.lengths[self.asked], self.shown.lengths),
        )
        total = np.concatenate([[0], np.cumsum(body)])
        inner: Ints = total[self.shown.start[1:]] - total[self.shown.start[:-1]]
        return inner + self.shown.lengths * self.heads.lengths[self.asked]

    def take(self, rows: Ints) -> Packed:
        """Return the part with some of its examples, in the order of `rows`."""
        pick: dict[str, Any] = {
            name: Ragged.of([getattr(self, name)[row] for row in rows], getattr(self, name).flat.dtype)
            for name in ("shown", "gold", "evidence", "right", "ignored")
        }
        if self.taught is not None:
            pick["taught"] = tuple(Ragged.of([part[row] for row in rows], np.float16) for part in self.taught)
        return replace(self, asked=self.asked[rows], origin=self.origin[rows], weak=self.weak[rows], **pick)

    def with_teacher(self, sentence: NDArray[np.float16], pair: NDArray[np.float16]) -> Packed:
        """Return the part with a teacher's logits, flat in the order of the examples.

        Examples that the teacher did not read, at the end, are taught by their labels.
        """
        taught = _with_labels(sentence, self.evidence), _with_labels(pair, self.gold)
        return replace(self, taught=taught)


def _with_labels(logits: NDArray[np.float16], flags: Ragged) -> Ragged:
    """Return logits, and for the flags beyond them a logit of certainty."""
    rest = np.where(flags.flat[len(logits) :], _CERTAIN, -_CERTAIN).astype(np.float16)
    return Ragged(np.concatenate([logits, rest]), flags.start)


_RAGGED = ("heads", "bodies", "sentence", "shown", "gold", "evidence", "right", "ignored")
_PLAIN = ("sentences", "asked", "origin", "weak")
_SMALL = {"heads": np.uint32, "bodies": np.uint32, "sentence": np.uint8, "shown": np.uint32}


def save_packed(file: Path, part: Packed) -> None:
    """Write a part, compressed."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in _RAGGED:
        ragged: Ragged = getattr(part, name)
        arrays[name] = ragged.flat.astype(_SMALL.get(name, np.bool_))
        arrays[f"{name}_length"] = ragged.lengths.astype(np.uint16)
    for name in _PLAIN:
        arrays[name] = getattr(part, name).astype(np.uint32)
    arrays["longest"] = np.array(part.longest, np.uint32)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_packed(file: Path) -> Packed:
    """Return the part in a file."""
    with np.load(file) as arrays:
        ragged: dict[str, Any] = {
            name: Ragged(
                arrays[name]
                if name in {"sentence", "gold", "evidence", "right", "ignored"}
                else arrays[name].astype(np.int64),
                np.concatenate([[0], np.cumsum(arrays[f"{name}_length"].astype(np.int64))]),
            )
            for name in _RAGGED
        }
        plain: dict[str, Any] = {name: arrays[name].astype(np.int64) for name in _PLAIN}
        return Packed(**ragged, **plain, longest=int(arrays["longest"]) if "longest" in arrays else LONGEST)
