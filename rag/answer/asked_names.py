"""The names and numbers without which a list or a table is about something else."""

from __future__ import annotations

from rag.answer.matching import asked_stems
from rag.answer.specifics import has_all, numbered, specifics
from rag.answer.structures import Structure

MOST_COUNTED = 20
"""Largest bare number of a question that may say how many things are asked for. Chosen, not measured."""


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
    """Return whether a structure, what introduces it and its file have all names."""
    rows = (item.text for item in structure.items)
    return not names or has_all(" ".join((structure.document, structure.about, *rows)), names)
