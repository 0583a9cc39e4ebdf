"""Names of functions that abbreviate words, or that no prose has."""

from __future__ import annotations

import re

from rag.types import BlockKind, Document

LEAST_INITIALS = 3
"""Letters of an abbreviation: two are the initials of too many words."""
_WORD = re.compile(r"[^\W_]+")
_TERM = re.compile(r"\w+")
_MARKED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_PROGRAM = frozenset((BlockKind.CODE, BlockKind.OUTPUT))


def has_initials(name: str, question: str, prose: str) -> bool:
    """Return whether a name abbreviates words of a question, or the question the name.

    The words are beside each other. `rrf` abbreviates "reciprocal rank fusion" where `prose`, the words of its document, has these together too.
    """
    words = _WORD.findall(question.casefold())
    parts = _WORD.findall(name.casefold())
    if len(parts) >= LEAST_INITIALS and _initials(parts) in words:
        return True
    length = len(name)
    return length >= LEAST_INITIALS and any(
        _initials(some) == name.casefold() and f" {' '.join(some)} " in prose
        for some in (words[at : at + length] for at in range(len(words) - length + 1))
    )


def prose_words(document: Document) -> str:
    """Return a document's prose in small letters, each word between spaces.

    Words marked as code are left out.
    """
    texts = (document.text[b.start : b.end] for b in document.blocks if b.kind not in _PROGRAM)
    return (
        f" {' '.join(word for text in texts for word in _TERM.findall(_MARKED.sub(' ', text).casefold()))} "
    )


def _initials(words: list[str]) -> str:
    return "".join(word[0] for word in words)
