"""Which sentences of a passage state something that can be quoted as an answer.

A heading, a table's head and a line of links state nothing, whoever chose them; a question, a label or a short line may, where the
reader chose it ("Summative: at the end, did it work?").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rag.sentences import Span, sentence_spans
from rag.words import content_words, has_digit

MINIMUM_WORDS = 3
"""Content words that a sentence needs to say anything; headings and labels have fewer."""
ADDED_WORDS = 2
"""Content words that a line without a full stop needs beyond the question's, or one with a digit: a label repeats what is asked."""
CONTINUED_SPANS = 6
"""Sentences, list items or code blocks that may follow one that ends with a colon."""
ROWS_BELOW = 2
"""Rows with digits below a first row without any by which it is taken for the head of its table, where no rule stands under it."""

_ENDS = (".", "!", ":", "|")
_LINKS = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!?\[?[^\[\]]*\]\([^)]*\)|<[^<>]*>|https?://\S+")
_RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*")
_MARKS = "*_\"')”’ "


@dataclass(frozen=True, slots=True)
class Statement:
    """The half-open span `text[start:end]` of a sentence, and what it is read under.

    That is the head of its table, or the question before it: the answer to "How do I hand in?" need not say hand in. A quote of it
    ends at `whole`: what it announces ("run this command:", "the ratio is") goes along.
    """

    start: int
    end: int
    whole: int
    under: str = ""


def statements(text: str, asked: set[str], chosen: Sequence[Span]) -> list[Statement]:
    """The sentences that can be quoted, in order: those that say more than the words `asked`, or overlap one `chosen`."""
    spans = sentence_spans(text)
    heads = _table_heads(text, spans)
    under = _questions_before(text, spans) | heads
    found = []
    for place, span in enumerate(spans):
        start, end = span
        if heads.get(span) == text[start:end] or text[start:end].startswith("#"):
            continue
        whole = _continued(text, span, spans[place + 1 :])
        announces = whole > end
        if _says_something(text[start:end], asked, announces) or any(overlap(span, one) for one in chosen):
            found.append(Statement(start, end, whole, under.get(span, "")))
    return found


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans share a character."""
    return one[0] < other[1] and other[0] < one[1]


def _continued(text: str, span: Span, following: Sequence[Span]) -> int:
    """The end of what a sentence announces, else its own."""
    start, end = span
    if not following:
        return end
    bare = text[start:end].rstrip("*_ ")
    if bare.endswith(":"):
        return following[:CONTINUED_SPANS][-1][1]
    formula = text[following[0][0] :].startswith(("$$", "\\["))
    return following[0][1] if formula and not bare.endswith((".", "!", "?")) else end


def _says_something(sentence: str, asked: set[str], announces: bool) -> bool:
    words = content_words(_LINKS.sub(" ", sentence))
    if sentence.startswith("```") or _asks(sentence) or len(words) < MINIMUM_WORDS:
        return False
    added = set(words) - asked
    return (
        sentence.rstrip("*_ ").endswith(_ENDS)
        or len(added) >= ADDED_WORDS
        or any(not word.isalpha() for word in added)
        or announces
    )


def _asks(sentence: str) -> bool:
    return sentence.rstrip(_MARKS).endswith("?")


def _questions_before(text: str, spans: Sequence[Span]) -> dict[Span, str]:
    """The sentences that follow a question, and the question."""
    return {here: text[start:end] for (start, end), here in pairwise(spans) if _asks(text[start:end])}


def _table_heads(text: str, spans: Sequence[Span]) -> dict[Span, str]:
    """Each row of a table with a head, and the head, which is its own."""
    heads: dict[Span, str] = {}
    for is_row, table in groupby(spans, key=lambda span: _is_row(text[span[0] : span[1]])):
        rows = list(table) if is_row else []
        texts = [text[start:end] for start, end in rows]
        if texts and _names_columns(texts[0], texts[1:]):
            heads |= dict.fromkeys(rows, texts[0])
    return heads


def _names_columns(row: str, below: Sequence[str]) -> bool:
    """Whether a table's first row is its head: over a rule, or the only row without a digit."""
    if below and _RULE.fullmatch(below[0]):
        return True
    return len(below) >= ROWS_BELOW and not has_digit(row) and all(map(has_digit, below))


def _is_row(line: str) -> bool:
    return "\n" not in line and (line.startswith("|") or " | " in line)
