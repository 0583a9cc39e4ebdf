"""Names and meanings of the metrics for a reader who does not know the field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricGroup(StrEnum):
    """The section of a report that shows a metric."""

    PASSAGES = "Are the right passages found?"
    ANSWERS = "Are the answers right?"
    SUPPORT = "Do the answers rest on the notes?"
    REFUSALS = "Does it refuse when it should?"
    JUDGED = "What does a language model as judge say?"


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric in words; `higher_is_better` says which way is up."""

    group: MetricGroup
    label: str
    meaning: str
    higher_is_better: bool = True


_WORDS = {
    "precision@5": MetricWords(
        MetricGroup.PASSAGES,
        "Precision at 5",
        "share of the first five passages with gold; 20% is the most where one passage answers",
    ),
    "hit@1": MetricWords(MetricGroup.PASSAGES, "First passage right", "the very first passage has gold"),
    "hit@5": MetricWords(
        MetricGroup.PASSAGES, "Hit in the first five", "at least one of the first five passages has gold"
    ),
    "mrr@10": MetricWords(MetricGroup.PASSAGES, "MRR", "1 / rank of the first passage with gold, on average"),
    "ndcg@10": MetricWords(MetricGroup.PASSAGES, "nDCG at 10", "quality of the whole order of the first ten"),
    "exact_match": MetricWords(
        MetricGroup.ANSWERS, "Exact match", "the answer is the reference, punctuation and articles aside"
    ),
    "contains_answer": MetricWords(
        MetricGroup.ANSWERS, "Contains the reference", "the reference is in the answer word by word"
    ),
    "token_f1": MetricWords(
        MetricGroup.ANSWERS, "Word overlap (F1)", "words shared with the reference, both ways"
    ),
    "rouge_l": MetricWords(MetricGroup.ANSWERS, "ROUGE-L", "longest common word sequence with the reference"),
    "chrf": MetricWords(MetricGroup.ANSWERS, "chrF", "character sequences shared with the reference"),
    "answer_similarity": MetricWords(
        MetricGroup.ANSWERS, "Similarity", "cosine of answer and reference in the embedder"
    ),
    "right": MetricWords(
        MetricGroup.ANSWERS,
        "Right by words",
        "share of answerable questions whose answer has the reference or overlaps half with it",
    ),
    "wrong": MetricWords(
        MetricGroup.ANSWERS,
        "Wrong by words",
        "share of answerable questions with an answer that is not right; an extract is neither",
        higher_is_better=False,
    ),
    "found": MetricWords(
        MetricGroup.ANSWERS,
        "Found",
        "share of answerable questions with the gold in the first 120 words shown, answer or extract",
    ),
    "right_or_refused": MetricWords(
        MetricGroup.ANSWERS,
        "Right or rightly refused",
        "right by words; for an unanswerable question: not answered",
    ),
    "refused": MetricWords(
        MetricGroup.REFUSALS,
        "Refused",
        "share of answerable questions that were refused",
        higher_is_better=False,
    ),
    "citation_precision": MetricWords(
        MetricGroup.SUPPORT, "Citation precision", "share of citations that point at gold"
    ),
    "citation_recall": MetricWords(MetricGroup.SUPPORT, "Citation recall", "share of gold that is cited"),
    "groundedness": MetricWords(
        MetricGroup.SUPPORT, "Groundedness", "share of an answer's words that are in its cited passages"
    ),
    "refused_wrongly": MetricWords(
        MetricGroup.REFUSALS,
        "Refused wrongly",
        "share of answerable questions that were refused",
        higher_is_better=False,
    ),
    "refused_rightly": MetricWords(
        MetricGroup.REFUSALS,
        "Refused rightly",
        "share of unanswerable questions refused, or given an extract",
    ),
    "faithfulness": MetricWords(
        MetricGroup.JUDGED, "Faithfulness", "statements of the answer that the passages support (Ragas)"
    ),
    "answer_relevancy": MetricWords(
        MetricGroup.JUDGED, "Answer relevancy", "how well the answer fits the question (Ragas)"
    ),
    "context_precision": MetricWords(
        MetricGroup.JUDGED, "Context precision", "useful passages come first (Ragas)"
    ),
    "context_recall": MetricWords(
        MetricGroup.JUDGED, "Context recall", "the reference is covered by the passages (Ragas)"
    ),
    "factual_correctness": MetricWords(
        MetricGroup.JUDGED, "Factual correctness", "claims shared with the reference, F1 (Ragas)"
    ),
    "id_context_precision": MetricWords(
        MetricGroup.PASSAGES, "Precision by id", "retrieved passages with gold (Ragas)"
    ),
    "id_context_recall": MetricWords(
        MetricGroup.PASSAGES, "Recall by id", "gold spans that were retrieved (Ragas)"
    ),
    "text_context_precision": MetricWords(
        MetricGroup.PASSAGES, "Precision by text", "by likeness of texts (Ragas)"
    ),
    "text_context_recall": MetricWords(
        MetricGroup.PASSAGES, "Recall by text", "by likeness of texts (Ragas)"
    ),
}


def words_for(metric: str) -> MetricWords:
    """Return the words for a metric, its bare name for an unknown one."""
    if metric in _WORDS:
        return _WORDS[metric]
    name, _, depth = metric.partition("@")
    if name == "recall":
        return MetricWords(
            MetricGroup.PASSAGES,
            f"Recall at {depth}",
            f"share of what answers the question in the first {depth} passages",
        )
    return MetricWords(MetricGroup.PASSAGES, metric, "")
