"""The statements of a passage: its sentences with the context that a quote needs.

A table's row needs the head of its table, a sentence that announces something ("Run this:", "the ratio is")
needs what it announces, and one that opens with a pronoun needs the sentence before it. Headings and rules of
tables are no statements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rag.aliases import Span
from rag.text.sentences import sentence_spans
from rag.text.table_cells import is_rule, names_columns
from rag.text.words import tokens

ANNOUNCED_SPANS = 8
"""Most list items that are quoted with a sentence that announces them.

Chosen so that a quote stays short. Not measured.
"""
_FENCE = re.compile(r"^```.*$", re.MULTILINE)
_CODE = re.compile(r"\w\([^)]*\)|\w\[[^\]]*\]|[\w\])] = \S|==|=>|->|[{};]")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_LEANING = frozenset(
    """it its this that these those they their he she his her such both here there instead otherwise therefore thus hence
    er sie es dies diese dieser dieses beide dadurch deshalb daher
    esto esta este estos estas ambos ello il elle ils elles cela ceci ces cette""".split()
)
"""First words that refer to the sentence before: English, German, Spanish, French."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a passage and the span to quote so that it can be understood.

    `text[start:end]` is the sentence, `text[first:last]` the quote: with the sentence before it or the list
    after it where it needs them. `head` is the span of the first row of its table; None outside tables. All
    are half-open, in characters of the passage.
    """

    start: int
    end: int
    first: int
    last: int
    head: Span | None = None


def statements_within(text: str, start: int, end: int) -> list[Statement]:
    """Return the statements of a passage's text that have a part of `text[start:end]`."""
    return [one for one in statements_of(text) if one.start < end and start < one.end]


def statements_of(text: str) -> list[Statement]:
    """Return the statements of a passage's text in order."""
    spans = sentence_spans(text)
    heads = _table_heads(text, spans)
    found: list[Statement] = []
    for place, (start, end) in enumerate(spans):
        head = heads.get((start, end))
        if head == (start, end) or _states_nothing(text[start:end]):
            continue
        last = _end_of_announced(text, spans, place)
        first = spans[place - 1][0] if place and head is None and _leans(text, spans, place) else start
        found.append(Statement(start, end, first, last, head))
    return found


def is_code_line(sentence: str) -> bool:
    """Return whether a sentence is a single line of code, in a fence or not.

    It has an assignment, a call or brackets, and does not end as prose does.
    """
    bare = _FENCE.sub("", sentence).strip().strip("`")
    one_line = "\n" not in bare and not bare.startswith(("|", "- ", "* "))
    return one_line and _CODE.search(bare) is not None and not bare.endswith((".", "!", "?", ":", "…"))


def _states_nothing(sentence: str) -> bool:
    if sentence.startswith("#") or is_rule(sentence):
        return True
    return not tokens(_IMAGE.sub(r"\1", sentence))  # an image says what its description says


def _leans(text: str, spans: Sequence[Span], place: int) -> bool:
    """Return whether a sentence opens with a pronoun of the sentence before it.

    That one must be in the same paragraph and no heading.
    """
    (start, end), (before, before_end) = spans[place], spans[place - 1]
    words = tokens(text[start:end])
    apart = "\n\n" in text[before_end:start] or _states_nothing(text[before:before_end])
    return bool(words) and words[0] in _LEANING and not apart


def _end_of_announced(text: str, spans: Sequence[Span], place: int) -> int:
    """Return the end of the list, code or formula announced by a sentence, or its own."""
    end, following = spans[place][1], spans[place + 1 : place + 1 + ANNOUNCED_SPANS]
    if not following:
        return end
    bare = text[spans[place][0] : end].rstrip("*_ ")
    formula = text[following[0][0] :].startswith(("$$", "\\["))
    if formula and not bare.endswith((".", "!", "?")):
        return following[0][1]
    return _end_of_block(text, following) if bare.endswith(":") else end


def _end_of_block(text: str, following: Sequence[Span]) -> int:
    """Return the end of the list that begins with the first span, or of that span."""
    last = following[0][1]
    if _ITEM.match(text, following[0][0]):
        for start, end in following[1:]:
            if not _ITEM.match(text, start):
                break
            last = end
    return last


def _table_heads(text: str, spans: Sequence[Span]) -> dict[Span, Span]:
    """Return the head of each row of the tables that have one; a head is its own."""
    heads: dict[Span, Span] = {}
    for is_row, table in groupby(spans, key=lambda span: _is_row(text[span[0] : span[1]])):
        rows = list(table) if is_row else []
        texts = [text[start:end] for start, end in rows]
        if texts and _names_columns(texts[0], texts[1:]):
            heads |= dict.fromkeys(rows, rows[0])
    return heads


def _names_columns(row: str, below: Sequence[str]) -> bool:
    """Return whether a table's first row is its head, by a rule below or its cells."""
    return bool(below and is_rule(below[0])) or names_columns(row, below)


def _is_row(line: str) -> bool:
    return "\n" not in line and (line.startswith("|") or " | " in line)
