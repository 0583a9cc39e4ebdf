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
    from rag.embedding.embedder import Embedder
    from rag.library.question_log import LoggedQuestion, QuestionLog
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

    embedder = application.embedder

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return _GOLDEN.vectors(embedder, texts)

    return monitor(asked, questions, embed, lambda logged: logged_vectors(log, embedder, logged))


def logged_vectors(
    log: QuestionLog, embedder: Embedder, asked: Sequence[LoggedQuestion]
) -> NDArray[np.float32]:
    """Return the vectors of logged questions, float32 `(n, dim)`.

    The log keeps the vectors, so that only new questions are embedded. One of another length than the embedder's is made again.
    """
    wanted = embedder.dim * np.dtype(np.float32).itemsize
    kept = {one: vector for one, vector in log.vectors(embedder.fingerprint).items() if len(vector) == wanted}
    new = [one for one in asked if one.id not in kept]
    if new:
        texts = list(dict.fromkeys(one.question for one in new))
        made = dict(zip(texts, embedder.embed_passages(texts).astype(np.float32), strict=True))
        added = {one.id: made[one.question].tobytes() for one in new}
        log.keep_vectors(embedder.fingerprint, added)
        kept |= added
    flat = np.frombuffer(b"".join(kept[one.id] for one in asked), np.float32)
    return flat.reshape(len(asked), embedder.dim)


class _GoldenVectors:
    """The vectors of the golden questions that were last compared with. Safe to use from any thread."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, tuple[str, ...]], NDArray[np.float32]] | None = None

    def vectors(self, embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of the texts, of shape (n, dim)."""
        key, last = (embedder.fingerprint, tuple(texts)), self._last
        if last is None or last[0] != key:
            last = self._last = (key, embedder.embed_passages(list(texts)))
        return last[1]


_GOLDEN = _GoldenVectors()


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
