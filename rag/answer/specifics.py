"""Names, abbreviations, identifiers and numbers that a question asks about.

Likeness in meaning forgives what must not be forgiven: a passage about the SPI bus is near a question about the CAN bus, and
the row of temper T6 near one about T651. A trained scorer of 22 M weights forgives it too: without this check it answers 27 of 60
near misses (`make bench-answers`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from rag.text.stop_words import STOP_WORDS
from rag.text.words import has_digit, names, stem
from rag.types import Chunk

_WORD = re.compile(r"[^\W_]+(?:[._'/+#-]*[^\W_]+)*")
_GROUPS = re.compile(r"(?<=\b\d)[ ,](?=\d{3}\b)|(?<=\b\d\d)[ ,](?=\d{3}\b)|(?<=\b\d{3})[ ,](?=\d{3}\b)")
_SIGNS = str.maketrans("’‐‑–", "'---")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)", re.IGNORECASE)
_ITEM = re.compile(r"(?<!\S)\d{1,3}[.)](?=\s)")
"""The number of an item of a list, which is the number of nothing else."""
_WITH_NUMBER = re.compile(r"([^\W\d_]{2,})(\d+)|(\d+)([^\W\d_]+)")
"""A word and a number written as one: HW3, 12mm."""
_CAPITALS = 2
"""Capital letters of an abbreviation."""
_ENGLISH = frozenset(
    """the of and is are were do does did can what which when how who whom whose where why should could would with about explain define
    describe""".split()
)
"""Words of English questions.

None of them is common in German, French or Spanish.
"""
_NO_NAMES = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec prof professor doctor mrs miss""".split()
)
"""Words with a capital that are no names: weekdays, months and titles.

A text may write them in another way or leave them out.
"""
_NUMERALS = {
    word: str(number)
    for row in (
        "one two three four five six seven eight nine ten eleven twelve",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    )
    for number, word in enumerate(row.split(), 1)
}


def specifics(question: str) -> frozenset[str]:
    """Return the words of a question that the passage of its answer must have.

    Abbreviations keep their capitals, names are small. Names count only in an English question: German writes every noun with a capital.
    """
    words = _question_words(question)
    cased = any(word.islower() and word not in STOP_WORDS for word in words)
    english = not _ENGLISH.isdisjoint({*words, *(word.lower() for word in words[:1])})
    return frozenset(word for word in words if has_digit(word) or (cased and _is_abbreviation(word))) | (
        names(question) - _NO_NAMES if cased and english else set()
    )


def abbreviations(question: str) -> frozenset[str]:
    """Return the abbreviations of a question, none of one in capitals throughout."""
    return (
        frozenset() if question.isupper() else frozenset(filter(_is_abbreviation, _question_words(question)))
    )


def about_others(sentences: Sequence[str], asked: frozenset[str]) -> list[bool]:
    """Return for each sentence whether it is about another thing than is asked.

    It has an abbreviation of its own and lacks those, while a sentence beside it has them: "TCP's header has 20 bytes"
    beside one on UDP, when UDP is asked about. A formula's quantities are no names.
    """
    beside = bool(asked) and any(has_all(text, asked) for text in sentences)
    return [
        beside
        and not has_all(text, asked)
        and "$" not in text
        and any(_is_abbreviation(word) and word not in asked for word in _words(text))
        for text in sentences
    ]


def numbered(text: str) -> frozenset[tuple[str, str]]:
    """Return the words of a text that a number or a capital letter follows, with it.

    Lab 2, type K, level 3. The words are stems.
    """
    words = _words(text)
    return frozenset(
        (stem(word.casefold()), mark)
        for word, mark in pairwise(words)
        if word.isalpha() and word.casefold() not in STOP_WORDS and _is_mark(mark)
    )


def _is_mark(word: str) -> bool:
    return word[0].isdigit() if len(word) > 1 else word.isdigit() or (word.isupper() and word not in "AI")


def is_about_another(text: str, asked: frozenset[tuple[str, str]]) -> bool:
    """Return whether a text is about another of the asked `numbered` things.

    "Lab 2 begins with a test of ten minutes" is, where Lab 1 is asked about. A text with the asked number is not.
    """
    if not asked:
        return False
    own = numbered(text)
    return any(
        (word, mark) not in own
        and any(word == other and _is_rival(mark, rival) for other, rival in own)
        and not has_all(_ITEM.sub(" ", text), frozenset({mark}))
        for word, mark in asked
    )


def names_one(text: str, asked: frozenset[str]) -> bool:
    """Return whether a text has one of the abbreviations asked about."""
    return any(has_all(text, frozenset({name})) for name in asked)


def names_another(text: str, asked: frozenset[str]) -> bool:
    """Return whether a text has an abbreviation, but none of those asked about.

    A unit or a time behind a number is none, nor is a word with small letters ("MHz", "McDonald"). A formula's quantities are
    no names.
    """
    if not asked or names_one(text, asked) or "$" in text:
        return False
    words = _words(text)
    return any(
        _is_abbreviation(word) and word.isupper() and not before[-1].isdigit()
        for before, word in pairwise(["-", *words])
    )


def is_numbered_otherwise(parts: Sequence[str], asked: frozenset[tuple[str, str]]) -> bool:
    """Return whether texts are about another of the `numbered` things.

    One of them is, and none is about the asked one.
    """
    own = any(not numbered(part).isdisjoint(asked) for part in parts)
    return not own and any(is_about_another(part, asked) for part in parts)


def _is_rival(mark: str, other: str) -> bool:
    """Return whether two marks are those of siblings.

    Neither 3 and 3.11 are, nor a day and a year.
    """
    if mark.isalpha() or other.isalpha():
        return mark.isalpha() and other.isalpha() and mark != other
    return mark != other and not other.startswith(f"{mark}.") and abs(len(mark) - len(other)) < 2


def _question_words(question: str) -> list[str]:
    return [part for word in _words(question) for part in _asked_parts(word)]


def _is_abbreviation(word: str) -> bool:
    return sum(char.isupper() for char in word) >= _CAPITALS


def has_all(text: str, asked: frozenset[str]) -> bool:
    """Return whether a text has each of these specifics in some spelling.

    As it is written, in the plural or singular, with other capitals where that is no other word; a number as a word or an ordinal;
    a word and a number as one word, as two or with a hyphen.
    """
    if not asked:
        return True
    words = _spellings(text)
    known = words | {word.removesuffix("s") for word in words}
    folded = {word.casefold() for word in known} | {stem(word.casefold()) for word in words}
    return all(
        word in known
        or word.removesuffix("s") in known
        or (word.casefold() not in STOP_WORDS and bool({word.casefold(), stem(word.casefold())} & folded))
        for word in asked
    )


def passages_with(asked: frozenset[str], passages: Sequence[Chunk]) -> tuple[bool, ...]:
    """Return for each passage whether it has what a question asks about by name.

    Numbers and identifiers must be in the passage itself; for a name any of these passages of its document will do, because a
    document need not repeat it.
    """
    digits = frozenset(word for word in asked if has_digit(word))
    texts = [
        " ".join((passage.title, *passage.headings, passage.document, passage.text)) for passage in passages
    ]
    whole: dict[str, str] = {}
    for passage, text in zip(passages, texts, strict=True):
        whole[passage.document] = f"{whole.get(passage.document, '')} {text}"
    return tuple(
        has_all(text, digits) and has_all(whole[passage.document], asked - digits)
        for passage, text in zip(passages, texts, strict=True)
    )


def _words(text: str) -> list[str]:
    plain = _GROUPS.sub("", unicodedata.normalize("NFKC", text).translate(_SIGNS))
    return [word.removesuffix("'s") for word in _WORD.findall(plain)]


def _asked_parts(word: str) -> list[str]:
    """Return the parts that hyphens join in a word ("CAN-bus").

    An identifier such as "GPT-4" is one part.
    """
    parts = _parts(word)
    if len(parts) == 2 and not parts[0].isdigit() and has_digit(parts[1]):
        return ["".join(parts)]
    return parts


def _spellings(text: str) -> set[str]:
    """Return the words of a text in every way that a question may write them.

    In parts, joined, and with numerals as digits.
    """
    words = _words(text)
    parts = [part for word in words for part in _parts(word)]
    numbered = [_NUMERALS.get(part.lower(), part) for part in parts]
    joined = {one + other for one, other in pairwise(numbered) if one.isdigit() != other.isdigit()}
    split = {
        piece for part in parts if (both := _WITH_NUMBER.fullmatch(part)) for piece in both.groups() if piece
    }
    return {*words, *parts, *numbered, *joined, *map(_number, split)} | {
        word.replace("-", "") for word in words
    }


def _parts(word: str) -> list[str]:
    return [_number(part) for part in word.split("-") if part]


def _number(word: str) -> str:
    """Return a number without leading zeros and the ending of an ordinal.

    Any other word comes back as it is.
    """
    ordinal = _ORDINAL.fullmatch(word)
    digits = ordinal[1] if ordinal else word
    return digits.lstrip("0") or "0" if digits.isdigit() else word
