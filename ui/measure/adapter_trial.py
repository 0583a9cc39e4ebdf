"""An adapter measured on golden questions, beside the base and the current one."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finetune.before_after import Scores
    from ui.application import Application

MEASURES = ("right", "groundedness", "citation_precision", "refused_wrongly", "refused_rightly")
"""Measures of faithfulness to the notes; `refused_wrongly` is better low."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Means of each measure for the base, the adapter in use now, and the new one.

    `worse` names the measures in which the new one is worse than the current one.
    """

    base: dict[str, float]
    now: dict[str, float]
    tuned: dict[str, float]
    now_adapter: str
    questions: int
    worse: tuple[str, ...]


def golden_trial(
    adapter: Path, golden: Path, library: str | None, config: Path | None, limit: int = 0
) -> Trial:
    """Return the measures of the answers with each of the three models.

    The first `limit` golden questions are asked, all for 0.

    One application answers them all, so that a base that can change its adapter is loaded once.

    Raises:
        DatasetError: the golden file is malformed.
        LibraryError: the library is missing or empty.
    """
    from finetune.before_after import means, worse
    from rag.chat_models.model_files import adapter_folder
    from ui.application import Application, load

    with closing(Application(load(library, config))) as application:
        settings = application.settings.model
        current = adapter_folder(settings)

        def answered(name: str) -> tuple[Scores, int]:
            application.use_adapter(name)
            return _scores(application, golden, limit)

        (tuned, questions), (base, _) = answered(str(adapter.absolute())), answered("none")
        now = answered(settings.adapter)[0] if current else base
    return Trial(means(base), means(now), means(tuned), str(current or "none"), questions, worse(now, tuned))


def _scores(application: Application, golden: Path, limit: int) -> tuple[Scores, int]:
    """Return the scores by measure and question, and the number of questions."""
    from eval.golden.golden_file import read_golden
    from eval.metrics.answer_scores import answer_record
    from ui.console import ticking
    from ui.measure.evaluation import anchored, require_documents

    questions = read_golden(golden)[: limit or None]
    require_documents(application)
    gold, chain = anchored(application, questions), application.chain()
    records = []
    with ticking(f"adapter {application.settings.model.adapter}", len(questions), "questions") as tick:
        for question in questions:
            records.append(
                answer_record(
                    question,
                    gold.spans[question.id],
                    lambda asked: chain.invoke({"question": asked.question, "history": asked.turns}),
                )
            )
            tick()
    found = {
        name: {record.id: score for record in records if (score := record.scores.get(name)) is not None}
        for name in MEASURES
    }
    return {name: scores for name, scores in found.items() if scores}, len(records)
