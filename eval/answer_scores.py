"""The scores of one answer without any model as judge: words, citations, grounding, refusal, and the passages behind it.

A refusal of an answerable question scores 0 in all that compares with a reference: a question never vanishes from a mean.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from eval.citation_metrics import citation_precision, citation_recall, groundedness
from eval.gold_match import Span
from eval.golden import GoldenQuestion
from eval.records import Record, Scores, record_of
from eval.retrieval_scores import DEPTH, gold_object, hit_object, retrieval_scores, span_of
from eval.text_overlap import MEASURES, best_over
from rag.types import Answer

RIGHT_F1 = 0.5
"""Token F1 from which an answer that does not hold the reference word by word still counts as right."""

Similarity = Callable[[str, Sequence[str]], float]
"""The highest similarity of an answer to one of its references."""


def answer_scores(
    question: GoldenQuestion, answer: Answer, gold: Sequence[Span], similarity: Similarity | None
) -> Scores:
    """Every score of one answer; None for those that this question cannot have.

    `right` is a verdict by words: a reference stands in the answer, or the token F1 reaches 0.5; a question with gold
    and no reference is right when a citation meets the gold. Answering an unanswerable question is wrong.
    """
    references = question.references
    given = "" if answer.abstained else answer.text
    cited = [(citation.document, citation.start, citation.end) for citation in answer.citations]
    scores: Scores = {}
    for name, measure in MEASURES.items():
        scores[name] = (
            None if question.unanswerable or not references else best_over(measure, given, references)
        )
    if similarity is not None:
        compared = references and not question.unanswerable
        scores["answer_similarity"] = (similarity(given, references) if given else 0.0) if compared else None
    scores["citation_precision"] = citation_precision(cited, gold) if gold else None
    scores["citation_recall"] = citation_recall(cited, gold) if gold else None
    scores["groundedness"] = _groundedness(answer)
    scores["right"] = _right(question, answer, scores)
    scores["refused_wrongly"] = None if question.unanswerable else float(answer.abstained)
    scores["refused_rightly"] = float(answer.abstained) if question.unanswerable else None
    return scores | retrieval_scores([span_of(hit) for hit in answer.hits], gold)


def answer_record(
    question: GoldenQuestion,
    gold: Sequence[Span],
    ask: Callable[[GoldenQuestion], Answer],
    similarity: Similarity | None = None,
) -> Record:
    """The record of one question put to `ask`; its confidence is the score that the gate went by."""
    started = perf_counter()
    answer = ask(question)
    seconds = perf_counter() - started
    details = answer_object(answer, gold) | {
        "confidence": answer.details.get("gate_score"),
        "references": list(question.references),
        "gold": [gold_object(span) for span in question.gold],
    }
    return record_of(question, answer_scores(question, answer, gold, similarity), seconds, details)


def answer_object(answer: Answer, gold: Sequence[Span]) -> dict[str, Any]:
    """What a record keeps of an answer: enough to read it, to judge it later, and to ask again."""
    return {
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "sentences": [dataclasses.asdict(sentence) for sentence in answer.sentences],
        "citations": [dataclasses.asdict(citation) for citation in answer.citations],
        "shown": answer.details.get("shown"),
        "hits": [hit_object(hit, gold) for hit in answer.hits[:DEPTH]],
        "timings": dataclasses.asdict(answer.timings),
        "receipt": dataclasses.asdict(answer.receipt),
    }


def _groundedness(answer: Answer) -> float | None:
    """Against the cited passages in full; None for a refusal, which claims nothing."""
    if answer.abstained:
        return None
    cited = [
        hit.chunk.text
        for hit in answer.hits
        if any(
            c.document == hit.chunk.document and hit.chunk.start <= c.start < hit.chunk.end
            for c in answer.citations
        )
    ]
    return groundedness(answer.text, cited or [citation.quote for citation in answer.citations])


def _right(question: GoldenQuestion, answer: Answer, scores: Scores) -> float:
    if question.unanswerable:
        return float(answer.abstained)
    if answer.abstained:
        return 0.0
    if question.references:
        return float(bool(scores["contains_answer"]) or (scores["token_f1"] or 0.0) >= RIGHT_F1)
    return float((scores["citation_recall"] or 0.0) > 0)
