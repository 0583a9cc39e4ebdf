"""The steps of the answer chain for the settings of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.answer.steps import Outliner, Steps
    from ui.application import Application


def steps_of(application: Application, outliner: Outliner) -> Steps:
    """Return the steps of the chain for the chosen way of answering."""
    from rag.answer.condense_question import Condenser
    from rag.answer.kept_summaries import KeptSummaries
    from rag.answer.notes import Notes
    from rag.answer.quote_answer import QuoteAnswerer
    from rag.answer.steps import Steps
    from rag.answer.write_answer import WriteAnswerer
    from rag.answer.written_summary import SummaryWriter
    from rag.prompt import PromptStyle
    from rag.search.spelling import Speller

    answer, repair = application.settings.answer, Speller(application.searcher.lexical).repaired
    notes = Notes(application.searcher, application.scorer)
    if application.quotes:
        return Steps(
            QuoteAnswerer(), Condenser(None, answer), application.scorer, repair, outliner, application.embedder, notes,
            second=application.second_reader,
        )  # fmt: skip
    embedder = application.embedder
    writer = WriteAnswerer(application.model, answer, embedder)
    condenser = Condenser(application.model, answer)
    summarizer = None
    if application.model.prompt_style is PromptStyle.INSTRUCT:
        summarizer = SummaryWriter(
            application.model, notes, answer, KeptSummaries(application.folder), embedder
        )
    return Steps(
        writer,
        condenser,
        application.scorer,
        repair,
        outliner,
        embedder,
        notes,
        True,
        summarizer,
        application.second_reader,
    )
