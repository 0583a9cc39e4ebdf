"""Units of time, and times in two units as one: "1 h 30 min" is 90 min."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from rag.text.words import stem

_NAMES = (
    (1, "s sec secs second seconds sek sekunde sekunden segundo segundos seconde secondes"),
    (60, "min mins minute minutes minuten minuto minutos"),
    (3600, "h hr hrs hour hours std stunde stunden hora horas heure heures"),
    (86400, "d day days tag tage tagen día días jour jours"),
)
"""Seconds of each unit, with its symbol and its names in four languages."""
_SECONDS = {stem(name): Decimal(seconds) for seconds, names in _NAMES for name in names.split()}


def seconds_of(unit: str) -> Decimal | None:
    """Return the seconds of a unit of time, None for another unit. H is a henry."""
    return _SECONDS.get(stem(unit.casefold() if len(unit) > 1 else unit))


def _compound(larger: int, smaller: int) -> re.Pattern[str]:
    """A number of a unit and one of the next smaller. Minutes may have no name: "1h30"."""
    units = {seconds: names.replace(" ", "|") for seconds, names in _NAMES}
    name = rf"(?P<name>{units[smaller]}{'|m' * (smaller == 60)})\b"
    second = r"(?P<second>\d{1,2})"
    named = rf"{second}\s?{name}"
    bare = r"(?P<bare>\d{2})(?!\s*\w|[.,]\d)"
    behind = rf"(?:{named}|{bare})" if smaller == 60 else named
    return re.compile(
        rf"(?<![\w.,])(?P<first>\d+)\s?(?:{units[larger]})(?:\.|(?![^\W\d_]))\s?{behind}",
        re.IGNORECASE,
    )


_COMPOUNDS = [
    (larger // smaller, _compound(larger, smaller))
    for larger, smaller in ((86400, 3600), (3600, 60), (60, 1))
]


def as_one_unit(text: str) -> str:
    """Return a text with times in two units or more each in the smallest of them."""
    for factor, compound in _COMPOUNDS:

        def replaced(match: re.Match[str], factor: int = factor) -> str:
            first, name = int(match["first"]), match["name"]
            second = int(match["second"] if name else match["bare"])
            if second >= factor:
                return match.group()
            return f"{first * factor + second} {name if name and name != 'm' else 'min'}"

        text = compound.sub(replaced, text)
    return text


def smallest(units: Iterable[str]) -> str | None:
    """Return the smallest of several units of time; None where one is none."""
    known = [(seconds_of(unit), unit) for unit in units]
    found = [(seconds, unit) for seconds, unit in known if seconds is not None]
    return min(found)[1] if found and len(found) == len(known) else None
