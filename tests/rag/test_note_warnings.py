"""Warnings of notes: what a library stores comes back, and sentences of older libraries still count."""

from __future__ import annotations

import json

from rag.note_warnings import NoteWarning, WarningCode, warnings_from_json, warnings_json

LATE = NoteWarning(WarningCode.OCR_TIME, places=(1, 2, 3, 7), seconds=10.0)


def test_a_stored_warning_comes_back() -> None:
    given = (LATE, NoteWarning(WarningCode.REPLACED_CHARACTERS, count=2, encoding="utf-8"))
    assert warnings_from_json(warnings_json(given)) == given
    assert json.loads(warnings_json(given))[1] == {
        "code": "replaced_characters",
        "count": 2,
        "encoding": "utf-8",
    }


def test_the_sentence_names_pages_and_seconds() -> None:
    assert str(LATE).startswith(
        "pages 1-3, 7: needs OCR and was not read, because the pages before took the 7 seconds"
    )


def test_a_sentence_of_an_older_library_keeps_its_meaning() -> None:
    """The two sentences that let a later ingest read more of a note."""
    old = [
        "page 1: needs OCR (pip install 'lectern[ocr]')",
        "page 2: late (of ingest.max_seconds = 5): raise it",
        "odd",
    ]
    found = warnings_from_json(json.dumps(old))
    assert [warning.code for warning in found] == [
        WarningCode.OCR_MISSING,
        WarningCode.OCR_TIME,
        WarningCode.OTHER,
    ]
    assert found[1].seconds == 5.0
    assert [str(warning) for warning in found] == old
