"""Sentences that name several things one after the other."""

from __future__ import annotations

import re

from rag.aliases import Span
from rag.text.sentences import sentence_spans

LEAST_PARTS, PART_WORDS = 3, 5
SHORT_PARAGRAPH = 40
"""Words of a paragraph that is shown whole.

One of its sentences names several things. Chosen, not measured."""
_JOINED = re.compile(r"\s+(?:and|or|und|oder|sowie|y|e|o|u|et|ou)\s+")
"""Words before the last of several things, in five languages."""


def enumerations(text: str, start: int, end: int) -> list[tuple[int, int, list[Span]]]:
    """Return the sentences that name three short things or more, and their spans.

    The words before the last of several things come once: with two of them, the sentence has parts of its own.
    Of a short paragraph the whole is given: its next sentence may name more.
    """
    whole = len(text[start:end].split()) <= SHORT_PARAGRAPH
    found = []
    for first, last in sentence_spans(text[start:end]):
        sentence = text[start + first : start + last]
        body = sentence.rpartition(": ")[2].rstrip(".!?")
        parts = [part for one in body.split(",") for part in _JOINED.split(one) if part.strip()]
        alike = all(len(part.split()) <= PART_WORDS for part in parts[1:]) and len(_JOINED.findall(body)) < 2
        if len(parts) >= LEAST_PARTS and alike:
            offset = start + first + sentence.rfind(body)
            spans = []
            for part in parts:
                at = text.find(part, offset)
                spans.append((at, at + len(part)))
                offset = at + len(part)
            found.append((start, end, spans) if whole else (start + first, start + last, spans))
    return found
