"""Sections cut and joined to parts of a size that a model reads at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.answer.summarize import Piece, Section

LEAST_CHARS = 40
"""Characters of a piece that is cut, at least."""


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring pieces of prose under one name, to be summarised together."""

    name: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(piece.text.strip() for piece in self.pieces)


def parts_of(
    sections: Sequence[Section], count: Callable[[str], int], most_tokens: int, least_tokens: int
) -> list[Part]:
    """Return the parts of sections in reading order.

    A section of more than `most_tokens` is cut between its pieces; a piece longer than that is cut as well. One of
    fewer than `least_tokens` is joined to the part before it, if both fit together.
    """
    parts: list[Part] = []
    sizes: list[int] = []
    for section in sections:
        size, pieces = 0, list[Piece]()
        for piece in _cut(section.pieces, count, most_tokens):
            tokens = count(piece.text)
            if pieces and size + tokens > most_tokens:
                parts.append(Part(section.name, tuple(pieces)))
                sizes.append(size)
                size, pieces = 0, []
            size += tokens
            pieces.append(piece)
        if parts and min(size, sizes[-1]) < least_tokens and size + sizes[-1] <= most_tokens:
            names = dict.fromkeys((*parts[-1].name.split(" · "), section.name))
            parts[-1] = Part(" · ".join(names), (*parts[-1].pieces, *pieces))
            sizes[-1] += size
        elif pieces:
            parts.append(Part(section.name, tuple(pieces)))
            sizes.append(size)
    return parts


def _cut(pieces: Sequence[Piece], count: Callable[[str], int], most_tokens: int) -> list[Piece]:
    """Pieces of which none is longer than the limit; longer ones are cut at spaces."""
    found: list[Piece] = []
    for piece in pieces:
        tokens = count(piece.text)
        chars = (
            max(LEAST_CHARS, len(piece.text) * most_tokens // max(1, tokens))
            if tokens > most_tokens
            else len(piece.text)
        )
        at = 0
        while at < len(piece.text):
            end = (
                len(piece.text)
                if len(piece.text) - at <= chars
                else piece.text.rfind(" ", at + 1, at + chars)
            )
            end = end if end > at else min(len(piece.text), at + chars)
            found.append(Piece(piece.document, piece.start + at, piece.text[at:end]))
            at = end
    return found
