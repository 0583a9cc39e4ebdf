"""What each metric means, in words for a reader who does not know the field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Section(StrEnum):
    """Where a metric stands in a report."""

    PASSAGES = "Are the right passages found?"
    ANSWERS = "Are the answers right?"
    SUPPORT = "Do the answers rest on the notes?"
    REFUSALS = "Does it refuse when it should?"
    JUDGED = "What a language model as judge says"


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric in words; `higher_is_better` says which way is up."""

    section: Section
    label: str
    meaning: str
    higher_is_better: bool = True


_WORDS = {
    "precision@5": MetricWords(
        Section.PASSAGES,
        "Precision at 5",
        "share of the first five passages that hold gold; 20% is the most where one passage answers",
    ),
    "hit@1": MetricWords(Section.PASSAGES, "First passage right", "the very first passage holds gold"),
    "hit@5": MetricWords(
        Section.PASSAGES, "Hit in the first five", "at least one of the first five passages holds gold"
    ),
    "mrr@10": MetricWords(Section.PASSAGES, "MRR", "1 / rank of the first passage with gold, on average"),
    "ndcg@10": MetricWords(Section.PASSAGES, "nDCG at 10", "quality of the whole order of the first ten"),
    "exact_match": MetricWords(
        Section.ANSWERS, "Exact match", "the answer is the reference, punctuation and articles aside"
    ),
    "contains_answer": MetricWords(
        Section.ANSWERS, "Holds the reference", "the reference stands in the answer word by word"
    ),
    "token_f1": MetricWords(
        Section.ANSWERS, "Word overlap (F1)", "words shared with the reference, both ways"
    ),
    "rouge_l": MetricWords(Section.ANSWERS, "ROUGE-L", "longest common word sequence with the reference"),
    "chrf": MetricWords(Section.ANSWERS, "chrF", "character sequences shared with the reference"),
    "answer_similarity": MetricWords(
        Section.ANSWERS, "Similarity", "cosine of answer and reference in the embedder"
    ),
    "right": MetricWords(
        Section.ANSWERS,
        "Right by words",
        "holds the reference or overlaps half with it; for an unanswerable question: refused",
    ),
    "citation_precision": MetricWords(
        Section.SUPPORT, "Citation precision", "share of citations that point at gold"
    ),
    "citation_recall": MetricWords(Section.SUPPORT, "Citation recall", "share of gold that is cited"),
    "groundedness": MetricWords(
        Section.SUPPORT, "Groundedness", "share of an answer's words that its cited passages hold"
    ),
    "refused_wrongly": MetricWords(
        Section.REFUSALS,
        "Refused wrongly",
        "share of answerable questions that were refused",
        higher_is_better=False,
    ),
    "refused_rightly": MetricWords(
        Section.REFUSALS, "Refused rightly", "share of unanswerable questions that were refused"
    ),
    "faithfulness": MetricWords(
        Section.JUDGED, "Faithfulness", "statements of the answer that the passages support (Ragas)"
    ),
    "answer_relevancy": MetricWords(
        Section.JUDGED, "Answer relevancy", "how well the answer fits the question (Ragas)"
    ),
    "context_precision": MetricWords(
        Section.JUDGED, "Context precision", "useful passages stand first (Ragas)"
    ),
    "context_recall": MetricWords(
        Section.JUDGED, "Context recall", "the reference is covered by the passages (Ragas)"
    ),
    "factual_correctness": MetricWords(
        Section.JUDGED, "Factual correctness", "claims shared with the reference, F1 (Ragas)"
    ),
    "id_context_precision": MetricWords(
        Section.PASSAGES, "Precision by id", "retrieved passages that hold gold (Ragas)"
    ),
    "id_context_recall": MetricWords(
        Section.PASSAGES, "Recall by id", "gold spans that were retrieved (Ragas)"
    ),
    "text_context_precision": MetricWords(
        Section.PASSAGES, "Precision by text", "by likeness of texts (Ragas)"
    ),
    "text_context_recall": MetricWords(Section.PASSAGES, "Recall by text", "by likeness of texts (Ragas)"),
}


def words_for(metric: str) -> MetricWords:
    """The words for a metric; one that is not known stands under its own name with the passages."""
    if metric in _WORDS:
        return _WORDS[metric]
    name, _, depth = metric.partition("@")
    if name == "recall":
        return MetricWords(
            Section.PASSAGES,
            f"Recall at {depth}",
            f"share of what answers the question that the first {depth} passages hold",
        )
    return MetricWords(Section.PASSAGES, metric, "")
