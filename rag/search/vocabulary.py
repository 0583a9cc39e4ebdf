"""The words of a library's passages, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

MOST_PASSAGES = 20_000
"""Passages whose words are known.

The first question that needs them costs a second at most in a large library.
"""
WORD = re.compile(r"[^\W\d_]+")


def passage_counts(texts: Iterable[str]) -> Counter[str]:
    """Return the number of passages that have each lower-case word."""
    return Counter(word for text in texts for word in {found.lower() for found in WORD.findall(text)})
