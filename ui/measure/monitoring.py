"""The report on a library's log of questions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.errors import InputError
from rag.library.backup import GOLDEN
from ui.question_logging import question_log

if TYPE_CHECKING:
    from eval.monitoring.monitor import MonitorReport
    from ui.application import Application


def monitored(application: Application, since: str = "", golden: Path | None = None) -> MonitorReport:
    """Return the report on the questions since a day, beside golden questions.

    Without a file these are the library's own; there may be none. Old questions are deleted first.

    Raises:
        InputError: the day cannot be read.
        DatasetError: the golden file is malformed.
        LibraryDamaged: the log cannot be read.
    """
    from eval.golden.golden_file import read_golden
    from eval.monitoring.monitor import monitor

    log = question_log(application.folder, application.settings)
    log.prune()
    asked = log.questions(_day(since))
    own = application.folder / GOLDEN
    file = golden or (own if own.is_file() and own.stat().st_size else None)
    questions = [one.question for one in read_golden(file)] if file else []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return application.embedder.embed_passages(list(texts))

    return monitor(asked, questions, embed)


def _day(text: str) -> str:
    """Return a day as the log writes it.

    Raises:
        InputError: it is no day.
    """
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as exc:
        raise InputError(f"{text!r} is no day. Write it as year-month-day, for example 2026-11-28.") from exc
