"""Results of many questions, one line each.

They are written as they come, so that an interruption loses at most one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rag.errors import InputError, QuestionError
from ui.console import progress, to_json
from ui.questions import AskedQuestion


def run_in_bulk(
    questions: Sequence[AskedQuestion],
    answer: Callable[[AskedQuestion], dict[str, Any]],
    out: Path | None,
    title: str,
) -> None:
    """Write one JSON line per question, with progress on stderr.

    The lines go to `out`, without one to stdout.

    A question that cannot be asked (empty, too long) gets a line with `error`, and the rest go on.
    """
    with _opened(out) as stream, progress(unit="questions") as bar:
        task = bar.add_task(title, total=len(questions))
        for asked in questions:
            try:
                record = answer(asked)
            except QuestionError as exc:
                record = {"id": asked.id, "question": asked.question, "error": str(exc)}
            stream.write(to_json(record) + "\n")
            stream.flush()
            bar.advance(task)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        stream = out.open("w", encoding="utf-8")
    except OSError as exc:
        raise InputError(
            f"{out} cannot be written: {exc.strerror}. Pass --out with a path you may write."
        ) from exc
    with stream:
        yield stream
