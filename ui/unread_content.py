"""Content that was not read, in words: beside a refusal and in lists of documents."""

from __future__ import annotations

from collections.abc import Iterable

from rag.note_warnings import NoteWarning
from rag.types import Answer

SHOWN_LINES = 4
"""Most documents that are named beside one refusal."""


def unread_lines(answer: Answer) -> list[str]:
    """Return a line for each document near the question that was not read whole.

    The last line counts the documents that are not named.
    """
    lines = [f"{one.document} › {unread_text(one.warnings)}" for one in answer.unread]
    more = len(lines) - SHOWN_LINES
    if more <= 0:
        return lines
    return [*lines[:SHOWN_LINES], f"{more} more documents (lectern doctor names them)"]


def unread_text(warnings: Iterable[NoteWarning]) -> str:
    """Return the unread content of a document as one phrase, empty if all was read."""
    return "; ".join(str(warning) for warning in warnings if warning.unread)
