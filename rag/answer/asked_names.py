"""The names and numbers without which a list or a table is about something else."""

from __future__ import annotations

from rag.answer.matching import asked_stems
from rag.answer.specifics import has_all, numbered, specifics
from rag.answer.structures import Structure

MOST_COUNTED = 20
"""Largest bare number of a question that may say how many things are asked for. Chosen, not measured."""

SPELLED_ROWS = 200
"""Rows of a structure in which names are found in every spelling."""


def asked_names(question: str) -> frozenset[str]:
    """Return the specifics of a question without a number of things ("name 3 rules").

    A number behind a word is none ("lab 3").
    """
    words = set(asked_stems(question))
    marks = {mark for word, mark in numbered(question) if word in words}
    return frozenset(
        one for one in specifics(question) if one in marks or not one.isdecimal() or int(one) > MOST_COUNTED
    )


def has_names(structure: Structure, names: frozenset[str]) -> bool:
    """Return whether a structure, what introduces it and its file have all names.

    Of a long table the rows behind the first are read only where they have a name as it is asked: spellings of 20,000 rows take 1.6 s.
    """
    if not names:
        return True
    asked = {name.casefold() for name in names}
    rows = [item.text for item in structure.items[:SPELLED_ROWS]]
    rows += [
        item.text
        for item in structure.items[SPELLED_ROWS:]
        if any(name in item.text.casefold() for name in asked)
    ]
    return has_all(" ".join((structure.document, structure.about, *rows)), names)
