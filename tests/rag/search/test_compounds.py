"""Compounds found by their parts."""

from __future__ import annotations

import pytest

from rag.search.compounds import Compounds

NOTES = [
    "Die Abgabe des Berichts ist am Montag.",
    "Der Termin der Prüfung steht im Plan.",
    "Eine Fourierreihe hat Sinus und Kosinus.",
    "Die Übungsblätter liegen im Ordner.",
    "The processing of data is over.",
]


@pytest.fixture
def compounds() -> Compounds:
    return Compounds(lambda limit: NOTES[:limit])


@pytest.mark.parametrize(
    ("word", "related"),
    [
        ("abgabetermin", ["abgabe", "termin"]),
        ("abgabetermine", ["abgabe", "termin"]),
        ("berichtsabgabe", ["berichts", "abgabe"]),
        ("klausurtermin", ["termin"]),
        ("reihe", ["fourierreihe"]),
        ("übung", ["übungsblätter"]),
        ("rein", []),
        ("quantenzahl", []),
    ],
)
def test_a_compound_is_found_by_its_parts_and_a_part_by_its_compounds(
    compounds: Compounds, word: str, related: list[str]
) -> None:
    assert compounds.related([word], "de", 1) == related


@pytest.mark.parametrize("language", ["en", "es", "zh", ""])
def test_languages_that_part_their_compounds_have_none(compounds: Compounds, language: str) -> None:
    assert compounds.related(["overprocessing", "abgabetermin"], language, 1) == []


def test_the_words_are_read_again_when_the_library_changes() -> None:
    notes = ["Die Abgabe ist am Montag."]
    compounds = Compounds(lambda limit: notes[:limit])
    assert compounds.related(["abgabetermin"], "de", 1) == []
    notes.append("Der Termin steht.")
    assert compounds.related(["abgabetermin"], "de", 1) == []
    assert compounds.related(["abgabetermin"], "de", 2) == ["abgabe", "termin"]
