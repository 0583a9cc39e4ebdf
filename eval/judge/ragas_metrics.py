"""Ragas' own metrics over the records of an answers run, with a local judge.

This module owns ragas: it is imported only when a judge was asked for. Ragas' telemetry is switched off
before it is loaded. The formulas are Ragas'; ours are the judge behind `InstructorBaseRagasLLM`, the score
of a refusal, and that a question without a score is counted and not dropped.

Source: ragas 0.4.3, `ragas.metrics.collections` (judged) and `ragas.metrics` (ID-based and NonLLM context
metrics).
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from pydantic import BaseModel
from ragas import SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics import (
    IDBasedContextPrecision,
    IDBasedContextRecall,
    NonLLMContextPrecisionWithReference,
    NonLLMContextRecall,
)
from ragas.metrics.collections import (
    AnswerRelevancy,
    ContextPrecision,
    ContextRecall,
    FactualCorrectness,
    Faithfulness,
)

from eval.judge.judge import Judge
from eval.records import Record, Scores
from rag.errors import ModelFailed, QuestionError
from rag.prompt import without_citations

T = TypeVar("T", bound=BaseModel)
EmbedTexts = Callable[[Sequence[str]], Any]
"""Texts to a float32 array (n, dim)."""

JUDGED = ("faithfulness", "answer_relevancy", "context_precision", "context_recall", "factual_correctness")
UNJUDGED = ("id_context_precision", "id_context_recall", "text_context_precision", "text_context_recall")

_log = logging.getLogger(__name__)


class RagasJudge(InstructorBaseRagasLLM):
    """A `Judge` as the model that Ragas' metrics ask."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def generate(self, prompt: str, response_model: type[T]) -> T:
        """Return the judge's answer, outside of an event loop."""
        return asyncio.run(self.agenerate(prompt, response_model))

    async def agenerate(self, prompt: str, response_model: type[T]) -> T:
        """Return the judge's answer."""
        return await self._judge.ask(prompt, response_model)


class RagasEmbedding(BaseRagasEmbedding):
    """The library's embedder as Ragas' metrics ask it."""

    def __init__(self, embed: EmbedTexts) -> None:
        super().__init__()
        self._embed = embed

    def embed_text(self, text: str, **_: Any) -> list[float]:
        """The vector of one text."""
        return [float(value) for value in self._embed([text])[0]]

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        """The vector of one text."""
        return self.embed_text(text)


async def judge_records(
    records: Sequence[Record], judge: Judge, embed: EmbedTexts, on_score: Callable[[], None] | None = None
) -> list[Record]:
    """Return the records with the five judged scores added, in the same order.

    None where a question cannot have a score (no reference, a refusal claims nothing) or the judge gave none; a refusal
    of an answerable question is worth 0 for relevancy and correctness. `on_score` is called after each metric of each
    record: `len(JUDGED) * len(records)` times in all.
    """
    metrics = _Metrics(RagasJudge(judge), RagasEmbedding(embed))

    async def score(record: Record, name: str) -> float | None:
        try:
            return await _scored(record, name, metrics)
        finally:
            if on_score:
                on_score()

    values = await asyncio.gather(*(score(record, name) for record in records for name in JUDGED))
    width = len(JUDGED)
    return [
        record.with_scores(dict(zip(JUDGED, values[i * width : (i + 1) * width], strict=True)))
        for i, record in enumerate(records)
    ]


async def unjudged_scores(record: Record) -> Scores:
    """Return Ragas' context metrics that need no model.

    For `id_…` a retrieved passage is relevant when it overlaps gold; for `text_…` when its text is at least
    half like a gold text (Levenshtein). 0.0 when nothing was retrieved; None without gold.
    """
    hits, gold = record.details.get("hits", []), record.details.get("gold", [])
    if not gold:
        return dict.fromkeys(UNJUDGED)
    if not hits:
        return dict.fromkeys(UNJUDGED, 0.0)
    retrieved_ids = [
        name for i, hit in enumerate(hits) for name in ([f"gold-{n}" for n in hit["held"]] or [f"other-{i}"])
    ]
    ids = SingleTurnSample(
        retrieved_context_ids=retrieved_ids, reference_context_ids=[f"gold-{i}" for i in range(len(gold))]
    )
    texts = SingleTurnSample(
        retrieved_contexts=[hit["text"] for hit in hits],
        reference_contexts=[span["text"] or " " for span in gold],
    )
    pairs = zip(UNJUDGED, _UNJUDGED_METRICS, (ids, ids, texts, texts), strict=True)
    return {name: _finite(await metric().single_turn_ascore(sample)) for name, metric, sample in pairs}


_UNJUDGED_METRICS = (
    IDBasedContextPrecision,
    IDBasedContextRecall,
    NonLLMContextPrecisionWithReference,
    NonLLMContextRecall,
)


class _Metrics:
    """Ragas' judged metrics around one judge.

    One question is derived from an answer for relevancy where Ragas derives three: a judge that decodes greedily would
    write the same one three times.
    """

    def __init__(self, llm: RagasJudge, embeddings: RagasEmbedding) -> None:
        self.faithfulness = Faithfulness(llm=llm)
        self.answer_relevancy = AnswerRelevancy(llm=llm, embeddings=embeddings, strictness=1)
        self.context_precision = ContextPrecision(llm=llm)
        self.context_recall = ContextRecall(llm=llm)
        self.factual_correctness = FactualCorrectness(llm=llm)

    def call(self, name: str, record: Record) -> Awaitable[Any]:
        """Return the metric's own coroutine for one record."""
        question = str(record.details.get("standalone_question") or record.question)
        response = without_citations(str(record.details["answer"]))
        hits = record.details["hits"]
        contexts = [hit["text"] for hit in hits[: record.details.get("shown") or len(hits)]]
        reference = next(iter(record.details["references"]), "")
        arguments: dict[str, dict[str, Any]] = {
            "faithfulness": {"user_input": question, "response": response, "retrieved_contexts": contexts},
            "answer_relevancy": {"user_input": question, "response": response},
            "context_precision": {
                "user_input": question,
                "reference": reference,
                "retrieved_contexts": contexts,
            },
            "context_recall": {
                "user_input": question,
                "reference": reference,
                "retrieved_contexts": contexts,
            },
            "factual_correctness": {"response": response, "reference": reference},
        }
        coroutine: Awaitable[Any] = getattr(self, name).ascore(**arguments[name])
        return coroutine


async def _scored(record: Record, name: str, metrics: _Metrics) -> float | None:
    settled, value = _without_judge(record, name)
    if settled:
        return value
    try:
        return _finite((await metrics.call(name, record)).value)
    except (ModelFailed, QuestionError) as exc:
        _log.warning("question %s has no %s: %s", record.id, name, exc)
        return None


def _without_judge(record: Record, name: str) -> tuple[bool, float | None]:
    """Return whether the score needs no judge, and the score."""
    refused = bool(record.details["abstained"]) or not str(record.details["answer"]).strip()
    needs_reference = name in ("context_precision", "context_recall", "factual_correctness")
    if record.unanswerable and (refused or needs_reference):
        return True, None
    if needs_reference and not record.details["references"]:
        return True, None
    if refused and name == "faithfulness":
        return True, None
    if refused and name in ("answer_relevancy", "factual_correctness"):
        return True, 0.0
    if not record.details["hits"] and name in ("faithfulness", "context_precision", "context_recall"):
        return True, 0.0
    return False, None


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
