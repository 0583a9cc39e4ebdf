"""Retrieval and answers measured on a golden file.

Both measure with the same functions, so that their figures are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from eval.golden.golden_file import read_golden
from eval.metrics.answer_scores import answer_record
from eval.metrics.retrieval_scores import retrieval_record
from ui.measure.evaluation import (
    Measurement,
    Rescore,
    anchored,
    answerable,
    find,
    manifest_of,
    measure,
    require_documents,
)

if TYPE_CHECKING:
    from eval.records import Record
    from ui.application import Application


def measure_retrieval(
    application: Application,
    golden: Path,
    run_dir: Path | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> Measurement:
    """Return the measurement of the search on a golden file.

    Only its answerable questions are asked.


    Raises:
        DatasetError: the golden file is malformed, or all its questions are unanswerable.
        LibraryError: the library is missing or empty.
    """
    asked = answerable(read_golden(golden), golden)
    require_documents(application)
    gold = anchored(application, asked)
    search = find(application)
    return measure(
        "Searching",
        asked,
        lambda question: retrieval_record(question, gold.spans[question.id], lambda asked: search(asked)[0]),
        manifest_of("retrieval", application, asked, golden),
        application,
        run_dir,
        on_record=on_record,
    )


def measure_answers(
    application: Application,
    golden: Path,
    run_dir: Path | None = None,
    *,
    judge: str = "",
    workers: int = 1,
    rescore: Rescore | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> Measurement:
    """Return the measurement of the answers to all questions of a golden file.

    Raises:
        DatasetError: the golden file is malformed.
        LibraryError: the library is missing or empty.
        ModelError: the language model cannot be used.
    """
    from ui.measure.judging import similarity_by

    questions = read_golden(golden)
    require_documents(application)
    gold = anchored(application, questions)
    chain = application.chain()
    similarity = similarity_by(application.embedder)
    return measure(
        "Answering",
        questions,
        lambda question: answer_record(
            question,
            gold.spans[question.id],
            lambda asked: chain.invoke({"question": asked.question, "history": asked.turns}),
            similarity,
        ),
        manifest_of("answers", application, questions, golden, judge=judge),
        application,
        run_dir,
        workers,
        rescore,
        on_record,
    )
