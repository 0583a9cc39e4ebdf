"""Comparison of a sentence with passages by words, figures, names and negation.

The check of citations (`rag.answer.citations`) decides with it, without a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.prompt import without_citations
from rag.text.notation import plain_notation
from rag.text.sentences import sentence_spans
from rag.text.words import content_words, is_negated, names, numbers, parts, quantities, stem
from rag.types import Chunk

ALIKE = 0.8
"""Least F1 of content words between a sentence and its denial. Chosen, not measured."""

_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+?\$|\\\(.+?\\\)|\\\[.+?\\\]", re.DOTALL)
_RELATION = re.compile(r"[=<>≤≥≈≠∼∝:]")
_OPERATOR = re.compile(r"(?<=.)[-+*/^√∑∫]|√")
"""An operator inside a formula; a sign before a number is none."""
QUOTED_SENTENCES = 3
"""Most neighbouring sentences in the quote of a citation. Chosen, not measured."""


def support(sentence: str, passages: Sequence[str]) -> float:
    """Return the share (0 to 1) of a sentence's content words in passages; 1 if none."""
    words = words_of(sentence)
    held = words_in(passages)
    return sum(_is_held(word, held) for word in words) / len(words) if words else 1.0


def quote_span(sentence: str, passage: str) -> tuple[int, int]:
    """Return the span of the sentences of `passage` that are closest to `sentence`.

    The span is half-open, in characters of the passage, over one to `QUOTED_SENTENCES` neighbouring
    sentences. The closest has the highest F1 between the sets of content words; of equal ones the shorter,
    then the earlier. The span of a passage without sentences is the whole of it.
    """
    wanted = set(words_of(without_citations(sentence)))
    spans = sentence_spans(passage)
    candidates = [
        (spans[first][0], spans[first + length][1])
        for length in range(QUOTED_SENTENCES)
        for first in range(len(spans) - length)
    ]
    if not candidates:
        return (0, len(passage))
    return max(candidates, key=lambda span: f1(wanted, set(words_of(passage[span[0] : span[1]]))))


def missing_facts(sentence: str, passages: Sequence[Chunk]) -> set[str]:
    """Return the facts of a sentence that the passages do not have.

    These are numbers, units, names and formulas. Only the part of each passage closest to the sentence is searched, and the sentences beside it; for formulas all of it.
    """
    lacking = _lacking(sentence, passages, numbers) | _lacking(sentence, passages, names)
    return lacking | _other_units(sentence, passages) | other_formulas(sentence, passages)


def other_formulas(sentence: str, passages: Sequence[Chunk]) -> set[str]:
    """Return the sides of a sentence's formulas in LaTeX that no passage has.

    A side is what is between signs such as "=" and has an operator: each may be written apart from the others.
    """
    sides = {
        _tight(side)
        for found in _FORMULA.finditer(sentence)
        for side in _RELATION.split(plain_notation(found.group()))
        if _OPERATOR.search(side.strip())
    }
    held = [_tight(plain_notation(searchable(chunk))) for chunk in passages] if sides else []
    return {side for side in sides if not any(side in text for text in held)}


def _tight(formula: str) -> str:
    """Return a formula without white space, parentheses and multiplication signs."""
    return re.sub(r"[\s()*{}\\]", "", formula).strip(".,;:$")


def _other_units(sentence: str, passages: Sequence[Chunk]) -> set[str]:
    """Return the quantities of a sentence that the passages have with another unit."""
    close = " ".join(_closest(sentence, chunk) for chunk in passages)
    known = quantities(plain_notation(close))
    return {
        f"{number} {unit}"
        for number, units in quantities(plain_notation(sentence)).items()
        for unit in units
        if number in known and unit not in known[number] and unit not in close.split()
    }


def is_denied(sentence: str, passages: Sequence[Chunk]) -> bool:
    """Return whether the closest sentence of the passages says the opposite.

    It does where the two share most words and only one of them has a negation.
    """
    wanted = set(words_of(sentence))
    texts = [chunk.text[start:end] for chunk in passages for start, end in sentence_spans(chunk.text)]
    nearest = max(texts, key=lambda text: f1(wanted, set(words_of(text))), default="")
    alike = f1(wanted, set(words_of(nearest))) >= ALIKE
    return alike and is_negated(sentence) != is_negated(nearest)


def _lacking(sentence: str, passages: Sequence[Chunk], kind: Callable[[str], set[str]]) -> set[str]:
    """Return the words of one kind (numbers or names) that the passages do not have.

    A word may be in the part of a passage closest to the sentence, or in a sentence beside that part. The
    latter counts only where the closest part has no word of the kind that the sentence lacks: a "Friday"
    beside it is no support where the closest part has a "Tuesday".
    """
    asked = kind(plain_notation(sentence))
    close = [_closest(sentence, chunk) for chunk in passages]
    missing = _not_in(asked, close)
    rivals = _not_in({word for chunk_text in close for word in kind(plain_notation(chunk_text))}, [sentence])
    return missing if rivals else _not_in(missing, [_beside(sentence, chunk) for chunk in passages])


def _not_in(asked: set[str], texts: Sequence[str]) -> set[str]:
    """Return the words that are in none of the texts."""
    held = {number for text in texts for number in numbers(plain_notation(text))} | words_in(texts)
    return {word for word in asked if word not in held and stem(word) not in held}


def _closest(sentence: str, chunk: Chunk) -> str:
    """Return the part of a passage closest to a sentence, after the headings above it."""
    start, end = quote_span(sentence, chunk.text)
    return " ".join((chunk.title, *chunk.headings, chunk.text[start:end]))


def _beside(sentence: str, chunk: Chunk) -> str:
    """Return the sentences beside the part of a passage closest to a sentence."""
    start, end = quote_span(sentence, chunk.text)
    spans = sentence_spans(chunk.text)
    before = [span for span in spans if span[1] <= start][-1:]
    after = [span for span in spans if span[0] >= end][:1]
    return " ".join(chunk.text[first:last] for first, last in (*before, *after))


def words_of(text: str) -> list[str]:
    """Return the content words of a text, its formulas brought into one notation."""
    return content_words(plain_notation(text))


def words_in(texts: Sequence[str]) -> set[str]:
    """Return the content words of texts; joined ones ("Anglo-Saxon") also in parts."""
    words = {word for text in texts for word in words_of(text)}
    return words | {part for word in words for part in parts(word)}


def _is_held(word: str, held: set[str]) -> bool:
    """Return whether a word is in a set of words, whole or in all its parts."""
    return word in held or set(parts(word)) <= held


def searchable(chunk: Chunk) -> str:
    """Return a passage after its title and headings, which the model was shown too."""
    return " ".join((chunk.title, *chunk.headings, chunk.text))


def f1(wanted: set[str], found: set[str]) -> float:
    common = len(wanted & found)
    return 2 * common / (len(wanted) + len(found)) if common else 0.0
