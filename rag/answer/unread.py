"""Content that was not read and might have the answer, for beside a refusal.

"The notes do not say" is true only of what was read. The documents near a question, and those without any
text, are named with their pictures, charts and pages that were not.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.notes import Notes, documents_of
from rag.search.scope import Scope, records_inside
from rag.types import AnswerKind, Hit, Unread

MOST_DOCUMENTS = 5
"""Most near documents, and most documents without text, that are named."""
UNSURE = frozenset((AnswerKind.NONE, AnswerKind.EXTRACT))
"""Kinds of answers that unread content may change."""


def unread_near(notes: Notes | None, hits: Sequence[Hit], scope: Scope | None) -> tuple[Unread, ...]:
    """Return the unread content of the nearest documents, then of those without text.

    A document without text can never be near.
    """
    if notes is None:
        return ()
    near = documents_of(hits, MOST_DOCUMENTS)
    records = {record.path: record for record in records_inside(notes.library, scope)}
    empty = [path for path, record in records.items() if not record.chunks][:MOST_DOCUMENTS]
    found = (
        Unread(path, tuple(warning for warning in records[path].warnings if warning.unread))
        for path in dict.fromkeys([*near, *empty])
        if path in records
    )
    return tuple(one for one in found if one.warnings)
