"""The usual recipes: Ragas' own `evaluate`, and fixed-size chunks."""

from __future__ import annotations

import math
import multiprocessing
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.eval.question_sets import EXAMPLES, SYLLABUSQA, application_over, syllabus_questions
from eval.compare import compare_runs
from eval.golden.golden_file import GoldenQuestion, read_golden
from eval.metrics.retrieval_scores import retrieval_scores
from eval.records import Record, record_of
from rag.search.scope import Scope
from ui.application import Application
from ui.console import result_console
from ui.measure.evaluation_tables import comparison_table


def ragas_evaluate_seconds(
    records: Sequence[Record], folder: Path, limit_seconds: float
) -> tuple[float, int]:
    """Return the seconds of `ragas.evaluate` with its defaults, and its scores.

    It uses the embedded model and runs in a process of its own, which is stopped after `limit_seconds`;
    loading the model is not counted.
    """
    context = multiprocessing.get_context("spawn")
    answers: Any = context.Queue()
    process = context.Process(target=_evaluate, args=(list(records), str(folder), answers))
    process.start()
    answers.get()  # loaded
    started = time.perf_counter()
    try:
        scored: int = answers.get(timeout=limit_seconds)
    except Empty:
        scored = 0
    seconds = time.perf_counter() - started
    process.kill()
    process.join()
    return seconds, scored


def _evaluate(records: list[Record], folder: str, answers: Any) -> None:
    """Run the recipe of Ragas' documentation.

    It has a LangChain model in Ragas' wrapper, its own metrics and its own run settings.
    """
    import os

    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    warnings.simplefilter("ignore")
    from langchain_core.embeddings import Embeddings
    from ragas import EvaluationDataset, SingleTurnSample, evaluate
    from ragas.embeddings import LangchainEmbeddingsWrapper
    from ragas.llms import LangchainLLMWrapper
    from ragas.metrics import (
        AnswerRelevancy,
        FactualCorrectness,
        Faithfulness,
        LLMContextPrecisionWithReference,
        LLMContextRecall,
    )

    from ui.application import load
    from ui.measure.judging import open_judge_model

    application = Application(load(Path(folder)))
    model = open_judge_model("embedded", application)

    class LibraryEmbeddings(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[float(value) for value in row] for row in application.embedder.embed_passages(texts)]

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    samples = [
        SingleTurnSample(
            user_input=record.question,
            response=record.details["answer"],
            reference=record.details["references"][0],
            retrieved_contexts=[hit["text"] for hit in record.details["hits"]],
        )
        for record in records
    ]
    metrics = [
        Faithfulness(),
        AnswerRelevancy(),
        LLMContextPrecisionWithReference(),
        LLMContextRecall(),
        FactualCorrectness(),
    ]
    application.embedder.embed_passages(["warm"])
    answers.put(0)
    result = evaluate(
        EvaluationDataset(samples=samples),
        metrics=metrics,
        llm=LangchainLLMWrapper(model),
        embeddings=LangchainEmbeddingsWrapper(LibraryEmbeddings()),
        show_progress=False,
        raise_exceptions=False,
    )
    answers.put(sum(math.isfinite(value) for row in result.scores for value in row.values()))


def syllabus_beside_usual_recipe() -> None:
    """Measure retrieval on SyllabusQA: the usual recipe, then the default.

    Each validation question searches its own syllabus.
    """
    if not SYLLABUSQA.is_dir():
        print(f"syllabus: left out, {SYLLABUSQA} is not there")
        return
    with TemporaryDirectory(prefix="lectern-syllabus-") as folder:
        application = application_over(SYLLABUSQA / "syllabi" / "syllabi_redacted" / "text", Path(folder))
        questions = [question for question in syllabus_questions(application) if question.gold]
        started = time.perf_counter()
        ours = [_record(question, _ours(application, question)) for question in questions]
        seconds = time.perf_counter() - started
        recipe = _UsualRecipe(
            application, {span.document for question in questions for span in question.gold}
        )
        usual = [_record(question, recipe.search(question)) for question in questions]
    print(
        f"syllabus: {len(questions)} questions with a span, {seconds / len(questions) * 1000:.0f} ms a question"
    )
    result_console().print(comparison_table(compare_runs(usual, ours), "usual", "default"))


def examples_beside_usual_recipe(application: Application) -> None:
    """Measure retrieval on the example course: the usual recipe, then the default.

    Each golden question searches the whole course.
    """
    questions = [
        question
        for question in read_golden(EXAMPLES / "golden.jsonl")
        if question.gold and not question.history
    ]
    ours = [
        _record(
            question,
            [
                (hit.chunk.document, hit.chunk.start, hit.chunk.end)
                for hit in application.searcher.search(question.question, 10)
            ],
        )
        for question in questions
    ]
    recipe = _UsualRecipe(application, {record.path for record in application.library.documents()})
    usual = [_record(question, recipe.search_everywhere(question)) for question in questions]
    print(f"examples: {len(questions)} questions with a span and no history")
    result_console().print(comparison_table(compare_runs(usual, ours), "usual", "default"))


def _ours(application: Application, question: GoldenQuestion) -> list[tuple[str, int, int]]:
    hits = application.searcher.search(question.question, 10, Scope(documents=(question.gold[0].document,)))
    return [(hit.chunk.document, hit.chunk.start, hit.chunk.end) for hit in hits]


def _record(question: GoldenQuestion, passages: Sequence[tuple[str, int, int]]) -> Record:
    gold = [(span.document, span.start, span.end) for span in question.gold]
    return record_of(question, retrieval_scores(passages, gold), 0.0, {})


class _UsualRecipe:
    """RecursiveCharacterTextSplitter 1000/200, all-MiniLM-L6-v2 and exact search.

    It searches one document or all.
    """

    def __init__(self, application: Application, documents: set[str]) -> None:
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200, add_start_index=True)
        self._embedder = application.embedder
        self._pieces: dict[str, tuple[list[tuple[str, int, int]], Any]] = {}
        for path in sorted(documents):
            pieces = splitter.create_documents([application.library.document(path).text])
            spans = [
                (path, piece.metadata["start_index"], piece.metadata["start_index"] + len(piece.page_content))
                for piece in pieces
            ]
            vectors = self._embedder.embed_passages([piece.page_content for piece in pieces])
            self._pieces[path] = (spans, vectors)

    def search(self, question: GoldenQuestion) -> list[tuple[str, int, int]]:
        spans, vectors = self._pieces[question.gold[0].document]
        order = (-(vectors @ self._embedder.embed_query(question.question))).argsort(kind="stable")[:10]
        return [spans[int(index)] for index in order]

    def search_everywhere(self, question: GoldenQuestion) -> list[tuple[str, int, int]]:
        """The ten nearest pieces of all documents."""
        query = self._embedder.embed_query(question.question)
        scored = [
            (float(score), span)
            for spans, vectors in self._pieces.values()
            for span, score in zip(spans, vectors @ query, strict=True)
        ]
        return [span for _, span in sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:10]]
