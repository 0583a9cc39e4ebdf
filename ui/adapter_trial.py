"""An adapter on a course's golden questions, beside the bare model and beside what answers now."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ui.application import Application

MEASURES = ("right", "groundedness", "citation_precision", "refused_wrongly", "refused_rightly")
"""What an answer owes to the notes, decided in code; `refused_wrongly` is better low."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The mean of each measure of the bare model, of what the settings use now, and of the adapter; what is worse than now."""

    base: dict[str, float]
    now: dict[str, float]
    tuned: dict[str, float]
    now_adapter: str
    questions: int
    worse: tuple[str, ...]


def golden_trial(
    adapter: Path, golden: Path, library: Path | None, config: Path | None, limit: int = 0
) -> Trial:
    """The product's own answers to the first `limit` golden questions (0 for all) with each of the three.

    Raises:
        DatasetError: the golden file is malformed.
        LibraryError: the library is missing or empty.
    """
    from finetune.before_after import worse
    from rag.chat_models.opening import adapter_folder
    from ui.application import Application, load

    def means(name: str | None) -> dict[str, float]:
        application = Application(load(library, config, model__adapter=name))
        model: Any = application.model
        with closing(model):
            return _means(application, golden, limit)

    current = adapter_folder(load(library, config).settings.model)
    tuned, base = means(str(adapter.absolute())), means("none")
    now = means(None) if current else base
    questions = int(tuned.pop("questions"))
    base.pop("questions", None)
    now.pop("questions", None)
    return Trial(base, now, tuned, str(current or "none"), questions, worse(now, tuned))


def _means(application: Application, golden: Path, limit: int) -> dict[str, float]:
    from eval.answer_scores import answer_record
    from eval.golden import read_golden
    from ui.evaluation import anchored, require_documents, ticking

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
    found = {"questions": float(len(records))}
    for name in MEASURES:
        scored = [score for record in records if (score := record.scores.get(name)) is not None]
        if scored:
            found[name] = sum(scored) / len(scored)
    return found
