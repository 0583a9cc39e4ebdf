"""Questions for the meaning of a term ("What is overfitting?"), and whether a sentence says it or only mentions the term."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.words import content_spans, content_words, tokens

_ASKED = re.compile(
    r"^\W*(?:what(?:['’]s| is| are)(?: an?)? (?!(?:the|our|my|your|their|its|his|it|they)\b)(?P<what>[^?,;]{2,40}?)"
    r"|what does (?!(?:the|it)\b)(?P<does>[^?,;]{2,40}) mean|(?:define|definition of|meaning of)(?: an?)? (?P<define>[^?,;]{2,40}))[^\w+#]*$",
    re.IGNORECASE,
)
_QUALIFIED = re.compile(
    r"\b(?:of|in|for|at|on|to|from|with|between|used|called|by|that|about|per|after|before|"
    r"due|allowed|needed|required|expected|graded|good|best)\b|['’]s\b"
)
"""Words by which a property, a rule or advice is asked for and not a term: "What is noise of a reading?", "What is due Friday?"."""
_EMPHASIS = re.compile(r"(?<!\w)_(?=[^\W_])|(?<=[^\W_])_(?!\w)")
"""Underscores around emphasised words, which would count as letters of them."""
_GOES_ON = re.compile(
    r"[\s*_`\"'’)\]]*(?:\([^)]*\)|\$[^$]*\$)?[\s*_`\"']*(?:[|=:–—→,]|->|- |(?:is|are|was|were|can|must|have|\w+s)\b)"
)
"""What follows a term that a sentence speaks of: a verb, or a mark as in a glossary."""
_NAMES_IT = re.compile(r"\b(?:called|termed|named|known as|term|is|are|means)\W+(?:an? |the )?\W*$")
WORDS_BEFORE = 3
"""Words before a term that is still what the sentence speaks of ("In short, an alias is")."""
TERM_WORDS = 4
"""Content words of the longest term; a longer one is a description."""


def term_of(question: str) -> tuple[str, ...] | None:
    """The content words of the term whose meaning is asked for; None for any other question."""
    match = _ASKED.match(question)
    if match is None:
        return None
    term = next(group for group in match.groups() if group)
    words = tuple(content_words(term))
    return words if 1 <= len(words) <= TERM_WORDS and not _QUALIFIED.search(term) else None


def defines(term: Sequence[str], sentence: str, heading: str) -> bool:
    """Whether a sentence speaks of the term: as what the sentence begins with, as a name it gives, or under the term's heading.

    Stop words between the term's words do not count, as in `term_of`.
    """
    wanted, above = list(term), content_words(heading)
    if set(wanted) <= set(above) and len(above) <= len(wanted) + 2:
        return True
    sentence = _EMPHASIS.sub(" ", sentence)
    words = content_spans(sentence)
    for first in range(len(words) - len(wanted) + 1):
        said = words[first : first + len(wanted)]
        if [word for word, _, _ in said] != wanted:
            continue
        start, end = said[0][1], said[-1][2]
        opens = len(tokens(sentence[:start])) <= WORDS_BEFORE and _GOES_ON.match(sentence, end)
        if opens or _NAMES_IT.search(sentence, 0, start):
            return True
    return False
