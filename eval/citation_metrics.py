"""Whether an answer's citations point at the gold, and whether its words stand in what it cites.

Groundedness here is counted afresh from the cited passages, so that the evidence check of the chain does not grade itself;
the notion of a content word is the one of `rag.words`.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.gold_match import Span, overlaps
from rag.prompt import without_citations
from rag.words import content_words, numbers


def citation_precision(cited: Sequence[Span], gold: Sequence[Span]) -> float:
    """The share of distinct citations that hold or overlap a gold span; 0.0 when nothing is cited.

    Source: citation precision of Gao et al. (2023), ALCE, with gold spans in the place of an entailment model.
    """
    distinct = list(dict.fromkeys(cited))
    return (
        sum(any(overlaps(span, other) for other in gold) for span in distinct) / len(distinct)
        if distinct
        else 0.0
    )


def citation_recall(cited: Sequence[Span], gold: Sequence[Span]) -> float:
    """The share of gold spans that some citation holds or overlaps; 0.0 without gold."""
    distinct = list(dict.fromkeys(gold))
    return (
        sum(any(overlaps(other, span) for other in cited) for span in distinct) / len(distinct)
        if distinct
        else 0.0
    )


def groundedness(answer: str, passages: Sequence[str]) -> float:
    """The share of the answer's content words, numbers and identifiers that the passages hold; 0.0 without passages.

    Each occurrence counts once; an answer without such words is grounded in any passage.
    """
    if not passages:
        return 0.0
    bare = without_citations(answer)
    words = content_words(bare)
    held = {word for passage in passages for word in content_words(passage)}
    held_numbers = {number for passage in passages for number in numbers(passage)}
    figures = numbers(bare)
    plain = [word for word in words if not word.replace(".", "").isdigit()]
    found = sum(word in held for word in plain) + len(figures & held_numbers)
    total = len(plain) + len(figures)
    return found / total if total else 1.0
