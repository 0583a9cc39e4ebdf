"""The parts of the notes that the study page offers, as names and `--scope` texts."""

from __future__ import annotations

from collections.abc import Sequence

from rag.library.rows import DocumentRecord
from ui.web.scope_choice import choices


def scope_names(records: Sequence[DocumentRecord]) -> list[tuple[str, str]]:
    """Return (name on the page, scope text) of each folder, then of each document."""
    return [(f"{one.name}: {one.note}" if one.note else one.name, one.text) for one in choices(records, ())]
