"""Questions about numbers with units, and the numbers that may be wrong choices."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from rag.study.items import GAP, ItemKind, Proposal, Topic
from rag.study.readable import Line, is_personal, lead_of
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_words, is_negated, tokens
from rag.types import Document

_QUANTITY = re.compile(
    r"(?<![\w.,/±^{\\$:×*=+-])(?<![-–−'“~\x22])(?P<number>[0-9]+(?:[.,][0-9]+)*)[ \u00a0\u202f]?(?P<unit>%|°[CF]|[^\W\d_]{1,14}(?:/[^\W\d_]{1,3})?)(?![\w/^(=-]|\.\w)"
)
_MEASURE = re.compile(
    r"%|°[CF]|[kMGTPmµnp]?(?:Hz|Ω|ohm|V|A|W|s|m|g|B|b|J|K|Pa|dB|bit|byte|bps|FLOPS)s?(?:/\w+)?"
)
"""Units of measurement, which are the same in every language."""
_COUNT = re.compile(r"\d|(?:19|20)\d\d")
"""A count of a few things, or a year: no measurement."""
_BOUND = re.compile(
    r"(?:more than|less than|at least|at most|up to|over|under|above|below|mindestens|höchstens|mehr als|weniger als|bis zu|más de|menos de|"
    r"al menos|hasta|plus de|moins de|au moins|jusqu'à)\W*$",
    re.IGNORECASE,
)
"""Words before a bound, which other numbers satisfy as well."""
_OR = re.compile(r"\W*(?:(?:or|oder|o|ou) \w|(?:to|bis|a|à) \d)", re.IGNORECASE)
"""Words after a number that is a bound or the first of two: "90 % or higher"."""
_SERIES = re.compile(r"\d\W{0,2}(?:\w{1,3}\W)?$")
"""A number right before another one: "4, 8, or", "300 and"."""
_TRIVIAL = frozenset(("0", "1"))
LEAST_SUBJECT = 2
"""Stems that a sentence shares with its headings and its document's terms."""
WHOLE = 100
"""Per cent of the whole: more is no wrong choice beside a share of it."""
MOST_NUMBERS = 4
"""Most numbers of a sentence that one of them is asked of."""
_FACTORS = ("2", "0.5", "10", "0.1", "4", "1.5")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit; the number is `text[start:end]` of a sentence."""

    number: str
    unit: str
    start: int
    end: int


def quantities_in(text: str) -> list[Quantity]:
    """Return the numbers with units of a sentence, formulas and code left out."""
    plain = re.sub(r"\$[^$]*\$|`[^`]*`", lambda match: " " * len(match.group()), text)
    return [
        Quantity(match["number"], match["unit"], match.start("number"), match.end("number"))
        for match in _QUANTITY.finditer(plain)
        if match["unit"].casefold() not in STOP_WORDS
        and (len(match["unit"]) > 1 or match["unit"] == "%" or not plain[match.end("number")].isalpha())
        and (match["number"], match["unit"]) != ("100", "%")
        and match["number"] not in _TRIVIAL
        and (_MEASURE.fullmatch(match["unit"]) or not _COUNT.fullmatch(match["number"]))
    ]


def value_of(number: str) -> Decimal | None:
    """Return the value of a written number, None if it is none.

    Thousands separators are removed.
    """
    bare = re.sub(r"[ \u00a0\u202f']", "", number.strip()).replace("−", "-")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", bare):
        bare = bare.replace(",", "")
    try:
        return Decimal(bare.replace(",", "."))
    except InvalidOperation:
        return None


def number_proposals(document: Document, lines: Sequence[Line], terms: Collection[str]) -> list[Proposal]:
    """Return a question for each sentence with a number about its section's subject.

    It has two stems or more of the headings above it or of the document's `terms`.
    """
    found = []
    named = {stem for name in terms for stem in content_words(name)}
    for line in lines:
        quantities = quantities_in(line.text)
        if (
            not line.whole
            or is_personal(line.text)
            or is_negated(line.text)
            or not 0 < len(quantities) <= MOST_NUMBERS
        ):
            continue
        measured = [one for one in quantities if _MEASURE.fullmatch(one.unit)]
        asked = (measured or quantities)[-1]
        written = [one.number for one in quantities]
        if (
            _BOUND.search(line.text[: asked.start])
            or _SERIES.search(line.text[: asked.start])
            or _OR.match(line.text[asked.end :].strip().removeprefix(asked.unit))
            or written.count(asked.number) > 1
            or line.raw.count(asked.number) != 1
        ):
            continue
        stems = set(content_words(line.text))
        subject = named.union(*(content_words(name) for name in (document.title, *line.headings)))
        if len(stems & subject) < LEAST_SUBJECT:
            continue
        text = line.text[: asked.start] + GAP + line.text[asked.end :]
        if not _rare(text):
            continue
        found.append(
            Proposal(
                topic=Topic.NUMBER,
                kind=ItemKind.CHOICE,
                anchor=text,
                lead=lead_of(line.headings),
                text=text,
                key=asked.number,
                document=document.path,
                start=line.start,
                end=line.end,
                headings=line.headings,
                unit=asked.unit,
                weight=(0.65 if measured else 0.4) - 0.05 * (len(quantities) - 1),
            )
        )
    return found


def wrong_numbers(key: str, unit: str, known: Sequence[Quantity], sentence: str, count: int) -> list[str]:
    """Return numbers that are not the key.

    Those of the notes with its unit come first, then computed ones.
    """
    value = value_of(key)
    if value is None:
        return []
    near = [
        one.number
        for one in known
        if _unit(one.unit) == _unit(unit) and _far(value, value_of(one.number)) and one.number not in sentence
    ]
    near.sort(
        key=lambda number: (
            abs((value_of(number) or value).ln() - value.ln())
            if value > 0 and (value_of(number) or 0) > 0
            else 99
        )
    )
    made = [_printed(value * Decimal(factor), key) for factor in _FACTORS]
    wrong: list[str] = []
    for number in [*near, *made]:
        other = value_of(number)
        taken = [value, *(value_of(one) for one in wrong)]
        if (
            other is not None
            and all(_far(one, other) for one in taken if one is not None)
            and number not in sentence
            and not (unit == "%" and value <= WHOLE < other)
        ):
            wrong.append(number)
        if len(wrong) == count:
            break
    return wrong


def _far(one: Decimal, other: Decimal | None) -> bool:
    """Return whether two numbers differ by more than a twentieth."""
    return other is not None and abs(one - other) > abs(one) / 20


def _unit(unit: str) -> str:
    return unit.rstrip("s") or unit


def _printed(value: Decimal, like: str) -> str:
    """Return a number written with the decimals and separators of `like`."""
    _, point, decimals = like.rpartition(".") if "." in like else ("", "", "")
    places = len(decimals) if point else 0
    rounded = (
        f"{value:.{places}f}" if places or value == value.to_integral_value() else f"{value.normalize():f}"
    )
    if "," in like and not places:
        return f"{int(value):,}"
    return rounded


def _rare(text: str) -> bool:
    return len(tokens(text.replace(GAP, ""))) >= 6
