"""The verdict on an answer: by rules where the form allows it, else by the scorer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rapidfuzz import fuzz

from rag.answer.found import Scorer
from rag.study.items import Item, ItemKind, Topic
from rag.study.numbers import value_of
from rag.text.notation import plain_notation
from rag.text.words import content_words, stem, tokens
from rag.types import Chunk, Locator, Unit, chunk_id

TOLERANCE = Decimal("0.01")
"""Relative error of a number that still counts as right: 1 %."""
LEAST_TYPED = 90.0
"""Likeness in percent from which a long word is a slip of the keyboard.

Levenshtein, for words of six letters or more.
"""
SCORER_SAYS_RIGHT = 0.5
"""Probability from which the evidence scorer takes a free answer for right."""
WORDS_OF_KEY = 0.5
"""Share of the key's words that a free answer must have besides."""
_LETTERS = "abcdefghij"
_PREFIXES = {"n": -9, "µ": -6, "μ": -6, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_BASES = ("Hz", "Ω", "ohm", "bit", "bps", "V", "A", "W", "s", "m", "g", "B", "J", "Pa", "F", "H")
_GIVEN = re.compile(r"^\s*(?P<number>[-−]?\d[\d.,\u202f\u00a0 ]*)\s*(?P<unit>[^\d\s]\S*)?\s*$")


class Judge(StrEnum):
    """The means by which a verdict was reached."""

    CHOICE = "choice"
    NUMBER = "number"
    SPELLING = "spelling"
    OUTPUT = "output"
    FORMULA = "formula"
    SCORER = "scorer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one answer; `score` in [0, 1] where the scorer judged, else None."""

    right: bool
    judge: Judge
    score: float | None = None


def judged(item: Item, given: str, scorer: Scorer | None = None) -> Verdict:
    """Return the verdict on a reader's answer: a choice, its letter, or words."""
    given = given.strip()
    if item.choices:
        return Verdict(_flat(chosen(item, given)) == _flat(item.answer), Judge.CHOICE)
    if item.kind is ItemKind.CODE:
        return Verdict(given.split() == item.answer.split(), Judge.OUTPUT)
    if item.topic is Topic.FORMULA:
        return Verdict(_formula(given) == _formula(item.answer), Judge.FORMULA)
    if value_of(item.answer) is not None:
        return Verdict(_same_number(item, given), Judge.NUMBER)
    if any(_same_words(given, spelling) for spelling in (item.answer, *item.answers)):
        return Verdict(True, Judge.SPELLING)
    if item.kind is ItemKind.CLOZE or scorer is None or not given:
        return Verdict(False, Judge.SPELLING)
    return _by_scorer(item, given, scorer)


def chosen(item: Item, given: str) -> str:
    """Return the choice that a letter, a number or its words name; empty for none."""
    bare = given.strip().rstrip(".)").casefold()
    if any(_flat(choice) == _flat(given) for choice in item.choices):
        return given
    if len(bare) == 1 and bare in _LETTERS[: len(item.choices)]:
        return item.choices[_LETTERS.index(bare)]
    if bare.isdecimal() and 1 <= int(bare) <= len(item.choices):
        return item.choices[int(bare) - 1]
    return ""


def lettered(choices: Sequence[str]) -> list[tuple[str, str]]:
    """Return the choices with their letters, from a."""
    return list(zip(_LETTERS, choices, strict=False))


def _same_number(item: Item, given: str) -> bool:
    """Return whether a number is the key's within the tolerance.

    A unit that was given is converted.
    """
    match = _GIVEN.match(given)
    value, key = value_of(match["number"]) if match else None, value_of(item.answer)
    if match is None or value is None or key is None:
        return False
    unit = match["unit"] or item.unit
    if unit.casefold() != item.unit.casefold():
        shift = _shift(unit, item.unit)
        if shift is None:
            return False
        value = value.scaleb(shift)
    elif unit != item.unit and _shift(unit, item.unit):
        value = value.scaleb(_shift(unit, item.unit) or 0)
    return abs(value - key) <= abs(key) * TOLERANCE


def _shift(given: str, wanted: str) -> int | None:
    """Return the power of ten between two units with the same base.

    That of kHz and Hz is 3; None for other pairs.
    """
    first, second = _split_unit(given), _split_unit(wanted)
    if first is None or second is None or first[1] != second[1]:
        return 0 if given.rstrip("s").casefold() == wanted.rstrip("s").casefold() else None
    return first[0] - second[0]


def _split_unit(unit: str) -> tuple[int, str] | None:
    for base in _BASES:
        prefix = unit.removesuffix(base)
        if prefix != unit and prefix in _PREFIXES:
            return _PREFIXES[prefix], base
    return None


def _same_words(given: str, key: str) -> bool:
    """Return whether two spellings are of the same words.

    Case, articles, plural and slips do not count.
    """
    first, second = _bare(given), _bare(key)
    if not first or not second:
        return False
    same_stems = [stem(word) for word in tokens(first)] == [stem(word) for word in tokens(second)]
    long = len(second) >= 6 and not any(map(str.isdigit, second))
    return first == second or same_stems or (long and fuzz.ratio(first, second) >= LEAST_TYPED)


def _bare(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().strip(" .`\"'“”*")
    return " ".join(re.sub(r"^(?:the|an?)\s+", "", text.replace("-", " ")).split())


def _formula(text: str) -> str:
    text = text.strip().strip("$")
    return re.sub(r"[\s*{}()\[\]\\]", "", plain_notation(text.split("=")[-1])).casefold()


def _by_scorer(item: Item, given: str, scorer: Scorer) -> Verdict:
    words = set(content_words(item.answer))
    share = len(words & set(content_words(given))) / max(1, len(words))
    passage = Chunk(chunk_id("", 0, given), "", 0, 0, len(given), given, Locator(Unit.LINE, 1, 1))
    (score,) = scorer.score(item.question, [passage])
    return Verdict(share >= WORDS_OF_KEY and score.answers >= SCORER_SAYS_RIGHT, Judge.SCORER, score.answers)


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
