"""Spans of a passage that an answer rests on, for the sources panel.

The rule: a highlight is certain. A verified citation is drawn at its own offsets, and only if the passage
has exactly its quote there; a sentence without offsets of its own is drawn only where it occurs once. No
unique match, no highlight, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.types import Answer, Chunk, Citation

Span = tuple[int, int]

_LEAST_CHARS = 12
"""Least characters of a quote; a name or a number does not show its origin."""
_SAME = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "\u00a0": " "})
_MARKUP = frozenset("*_`#>")


def highlights(answer: Answer, number: int, passage: Chunk) -> list[Span]:
    """Return the half-open spans of `passage.text` behind a citation, in order.

    They do not touch each other.

    Empty where the answer does not cite the passage or no cited sentence is supported by it.
    """
    supported = [s for s in answer.sentences if s.supported and number in s.citations]
    if not supported:
        return []
    cited = (cited_span(citation, passage) for citation in answer.citations if citation.n == number)
    repeated = (unique_span(passage.text, sentence.text) for sentence in supported)
    return _apart(span for span in (*cited, *repeated) if span)


def cited_span(citation: Citation, passage: Chunk) -> Span | None:
    """Return the span of a citation in the passage by its own offsets.

    It is None if the passage has another text there.
    """
    start, end = citation.start - passage.start, citation.end - passage.start
    if citation.document != passage.document or not 0 <= start < end <= len(passage.text):
        return None
    return (start, end) if passage.text[start:end] == citation.quote else None


def unique_span(passage: str, quote: str) -> Span | None:
    """Return the only span of `quote` in `passage`.

    It is None where the quote is missing, there twice, or too short.

    White space, case, Markdown emphasis and the shapes of quotation marks and dashes do not count.
    """
    folded, offsets = _folded(passage)
    wanted = _folded(quote)[0].strip()
    if len(wanted) < _LEAST_CHARS or folded.count(wanted) != 1:
        return None
    first = folded.index(wanted)
    if folded.find(wanted, first + 1) != -1:
        return None
    return offsets[first], offsets[first + len(wanted) - 1] + 1


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text as it is compared, and the offset of each of its characters."""
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character in _MARKUP:
            continue
        for folded in " " if character.isspace() else character.translate(_SAME).casefold():
            if folded == " " and (not characters or characters[-1] == " "):
                continue
            characters.append(folded)
            offsets.append(offset)
    return "".join(characters), offsets


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch or overlap joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def clipped(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Return the parts of `spans` inside `[start, end)`, counted from `start`."""
    inside = ((max(a, start) - start, min(b, end) - start) for a, b in spans)
    return [(a, b) for a, b in inside if a < b]
