"""Overlap of citations with the gold, and of words with the cited passages.

Groundedness is computed again from the cited passages, so that the evidence check of the chain does not
grade itself. A content word is one of `rag.text.words`.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.golden.gold_match import Span, overlaps
from rag.prompt import without_citations
from rag.text.words import content_words, numbers


def citation_precision(cited: Sequence[Span], gold: Sequence[Span]) -> float:
    """Return the share of distinct citations that overlap a gold span.

    It is 0.0 when nothing is cited.

    Source: citation precision of Gao et al. (2023), ALCE, with gold spans in the place of an entailment
    model.
    """
    distinct = list(dict.fromkeys(cited))
    return (
        sum(any(overlaps(span, other) for other in gold) for span in distinct) / len(distinct)
        if distinct
        else 0.0
    )


def citation_recall(cited: Sequence[Span], gold: Sequence[Span]) -> float:
    """Return the share of gold spans that a citation overlaps; 0.0 without gold."""
    distinct = list(dict.fromkeys(gold))
    return (
        sum(any(overlaps(other, span) for other in cited) for span in distinct) / len(distinct)
        if distinct
        else 0.0
    )


def groundedness(answer: str, passages: Sequence[str]) -> float:
    """Return the share of the answer's content words and numbers in the passages.

    It is 0.0 without passages.

    Each occurrence counts once; an answer without such words is grounded in any passage.
    """
    if not passages:
        return 0.0
    bare = without_citations(answer)
    words = content_words(bare)
    known = {word for passage in passages for word in content_words(passage)}
    known_numbers = {number for passage in passages for number in numbers(passage)}
    figures = numbers(bare)
    plain = [word for word in words if not word.replace(".", "").isdigit()]
    found = sum(word in known for word in plain) + len(figures & known_numbers)
    total = len(plain) + len(figures)
    return found / total if total else 1.0
