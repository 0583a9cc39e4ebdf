"""Months by name, for tables that have them by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.text.words import stem

_NAMES = (
    "january januar enero janvier", "february februar febrero février", "march märz marzo mars", "april abril avril",
    "may mai mayo", "june juni junio juin", "july juli julio juillet", "august agosto août",
    "september septiembre septembre", "october oktober octubre octobre", "november noviembre novembre",
    "december dezember diciembre décembre",
)  # fmt: skip
_NUMBERS = {stem(name): str(number) for number, names in enumerate(_NAMES, 1) for name in names.split()}
_MONTH = frozenset(map(stem, "month monat mes mois".split()))


def month_numbers(words: Iterable[str], heads: Sequence[set[str]]) -> set[str]:
    """Return the numbers of the months among stems, if a column of a table has months."""
    if not any(head & _MONTH for head in heads):
        return set()
    return {_NUMBERS[word] for word in words if word in _NUMBERS}
