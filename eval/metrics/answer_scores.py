"""The scores of one answer without a judge.

They compare words, citations, grounding, refusal and retrieval. A refusal of an answerable question scores
0 in every comparison with a reference: a question never vanishes from a mean.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from eval.golden.gold_match import Span
from eval.golden.golden_file import GoldenQuestion
from eval.metrics.citation_metrics import citation_precision, citation_recall, groundedness
from eval.metrics.retrieval_scores import DEPTH, gold_object, hit_object, retrieval_scores, span_of
from eval.metrics.text_overlap import MEASURES, best_over, contains
from eval.records import Record, Scores, record_of
from rag.prompt import without_citations
from rag.types import Answer

RIGHT_F1 = 0.5
"""Token F1 from which an answer counts as right without the exact reference."""
FOUND_WORDS = 120
"""Words of an answer or extract in which the gold must be to count as found.

Source: docs/INTERFACE.md.
"""

Similarity = Callable[[str, Sequence[str]], float]
"""The highest similarity of an answer to one of its references."""


def answer_scores(
    question: GoldenQuestion, answer: Answer, gold: Sequence[Span], similarity: Similarity | None
) -> Scores:
    """Return every score of one answer, None for those that this question cannot have.

    `right`, `wrong`, `refused` and `found` are of answerable questions. `right` is a verdict by words: a
    reference is in the answer, or the token F1 reaches 0.5; a question with gold and no reference is right when
    a citation overlaps the gold. An extract, which does not claim to answer, is neither right nor wrong.
    `right_or_refused` also counts an unanswerable question, right when it is not answered.
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
    scores |= _verdicts(question, answer, scores, gold)
    return scores | retrieval_scores([span_of(hit) for hit in answer.hits], gold)


def answer_record(
    question: GoldenQuestion,
    gold: Sequence[Span],
    ask: Callable[[GoldenQuestion], Answer],
    similarity: Similarity | None = None,
) -> Record:
    """Return the record of one question put to `ask`.

    Its confidence is the score that decided between answer and refusal.
    """
    started = perf_counter()
    answer = ask(question)
    seconds = perf_counter() - started
    details = answer_object(answer, gold) | {
        "confidence": answer.details.gate_score
        if answer.details.probability is None
        else answer.details.probability,
        "references": list(question.references),
        "gold": [gold_object(span) for span in question.gold],
    }
    return record_of(question, answer_scores(question, answer, gold, similarity), seconds, details)


def answer_object(answer: Answer, gold: Sequence[Span]) -> dict[str, Any]:
    """Return the part of an answer that a record keeps, to read and judge it later."""
    return {
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "kind": str(getattr(answer, "kind", "")),
        "sentences": [dataclasses.asdict(sentence) for sentence in answer.sentences],
        "citations": [dataclasses.asdict(citation) for citation in answer.citations],
        "shown": answer.details.shown,
        "hits": [hit_object(hit, gold) for hit in answer.hits[:DEPTH]],
        "timings": dataclasses.asdict(answer.timings),
        "receipt": dataclasses.asdict(answer.receipt),
    }


def _groundedness(answer: Answer) -> float | None:
    """Return the groundedness in the cited passages in full, None for a refusal."""
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


def _verdicts(question: GoldenQuestion, answer: Answer, scores: Scores, gold: Sequence[Span]) -> Scores:
    """Return the verdicts on one answer.

    The shares of right, wrong, refused and extracts add up to 1.
    """
    extract = getattr(answer, "kind", None) == "extract"
    if question.unanswerable:
        refused = float(answer.abstained or extract)
        names = ("right", "wrong", "refused", "found", "refused_wrongly")
        return dict.fromkeys(names) | {"refused_rightly": refused, "right_or_refused": refused}
    claims = not (answer.abstained or extract)
    right = float(claims and _is_right(question, scores))
    return {
        "right": right,
        "wrong": float(claims) - right,
        "refused": float(answer.abstained),
        "found": _found(question, answer, gold),
        "refused_wrongly": float(answer.abstained),
        "refused_rightly": None,
        "right_or_refused": right,
    }


def _is_right(question: GoldenQuestion, scores: Scores) -> bool:
    if question.references:
        return bool(scores["contains_answer"]) or (scores["token_f1"] or 0.0) >= RIGHT_F1
    return (scores["citation_recall"] or 0.0) > 0


def _found(question: GoldenQuestion, answer: Answer, gold: Sequence[Span]) -> float:
    """Return 1.0 if the gold is in the first 120 words shown, else 0.0.

    The gold is a reference, the text of a gold span, or, where the file has neither, a citation that overlaps
    a gold span.
    """
    if answer.abstained:
        return 0.0
    shown = " ".join(without_citations(answer.text).split()[:FOUND_WORDS])
    wanted = [*question.references, *(span.text for span in question.gold if span.text.strip())]
    if wanted:
        return best_over(contains, shown, wanted)
    cited = [(citation.document, citation.start, citation.end) for citation in answer.citations]
    return float(citation_recall(cited, gold) > 0)
