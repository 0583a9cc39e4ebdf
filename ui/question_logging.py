"""The entry of an answered question in the library's log.

A log that cannot be written costs nobody an answer: the reason goes to the program's own log.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import LecternError

if TYPE_CHECKING:
    from rag.library.question_log import QuestionLog
    from rag.settings import Settings
    from rag.types import Answer

_log = logging.getLogger("lectern.questions")


def question_log(folder: Path, settings: Settings) -> QuestionLog:
    """Return the log of a library."""
    from rag.library.question_log import QuestionLog

    return QuestionLog(folder, enabled=settings.log.questions, keep_days=settings.log.keep_days)


def prune_log(log: QuestionLog) -> None:
    """Delete the old questions of a log, as a server does when it starts."""
    try:
        log.prune()
    except LecternError as exc:
        _log.warning("old questions are not deleted: %s", exc)


def log_answer(
    folder: Path, settings: Settings, answer: Answer, *, person: str = "", exchange: str = ""
) -> None:
    """Add an answer to the log of a library.

    `person` and `exchange` are ids.
    """
    from rag.answer.tiers import nearness
    from rag.library.question_log import CLOCK, LoggedQuestion

    near, score, _ = (
        nearness(answer.hits, settings.answer) if answer.hits else (answer.kind != "none", None, "")
    )
    first = next((each.document for each in answer.citations), "")
    document = first or (answer.hits[0].chunk.document if answer.hits else "")
    entry = LoggedQuestion(
        exchange, person, CLOCK.now().isoformat(), answer.question, answer.kind.value, document, near, score,
        answer.timings.total_seconds,
    )  # fmt: skip
    try:
        question_log(folder, settings).add(entry)
    except LecternError as exc:
        _log.warning("a question is not in the log: %s", exc)


def log_verdict(folder: Path, settings: Settings, exchange: str, person: str, verdict: str) -> None:
    """Add a person's verdict to their own question in the log."""
    try:
        question_log(folder, settings).judge(exchange, person, verdict)
    except LecternError as exc:
        _log.warning("a verdict is not in the log: %s", exc)
