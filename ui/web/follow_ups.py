"""Suggestions for the next question: the headings of the notes near the evidence.

A heading is asked as it is, so that it works in every language.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator

from rag.types import BlockKind, Document, Hit
from ui.web.conversation import Exchange, ExchangeOutcome

MOST = 3
_KEPT = 200
"""Answers whose suggestions are kept, the last ones."""
_MOST_CHARS = 70
_LEAST_SECTION_CHARS = 80
"""Characters under a heading from which it is worth a question. Chosen, not measured."""
_NUMBERING = re.compile(r"^[\s\d.)(:§–—-]+")
_MARKUP = re.compile(r"[#*_`=~]+|\{[^}]*\}|<[^>]*>")


class FollowUps:
    """The suggestions after each answer, found once. Safe to use from any thread."""

    def __init__(self, document: Callable[[str], Document | None]) -> None:
        self._document = document
        self._found: OrderedDict[str, list[str]] = OrderedDict()

    def after(self, exchange: Exchange) -> list[str]:
        """Return the suggestions after an answer."""
        if exchange.outcome is ExchangeOutcome.ANSWERED and exchange.id not in self._found:
            self._found[exchange.id] = follow_ups(exchange, self._document)
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return self._found.get(exchange.id, [])


def follow_ups(exchange: Exchange, document: Callable[[str], Document | None]) -> list[str]:
    """Return the headings nearest to the passages that an answer cites, at most three.

    Those that the passages are under, and one that was asked just now, are left out.
    """
    answer = exchange.answer
    if answer is None or not answer.citations:
        return []
    numbers = list(dict.fromkeys(citation.n for citation in answer.citations))
    cited = [exchange.hits[n - 1] for n in numbers if 1 <= n <= len(exchange.hits)]
    known = {_folded(exchange.question)} | {_folded(name) for hit in cited for name in hit.chunk.headings}
    found: dict[str, str] = {}
    for hit in cited:
        source = document(hit.chunk.document)
        for heading in _nearest(source, hit) if source else ():
            folded = _folded(heading)
            if not any(folded in each or each in folded for each in known | found.keys() if each):
                found[folded] = heading
            if len(found) == MOST:
                return list(found.values())
    return list(found.values())


def _nearest(document: Document, hit: Hit) -> Iterator[str]:
    """Yield the headings of a document, those nearest to a passage first."""
    headings = [block for block in document.blocks if block.kind is BlockKind.HEADING]
    ends = [*(block.start for block in headings), len(document.text)][1:]
    places = []
    for block, end in zip(headings, ends, strict=True):
        title = _title(document.text[block.start : block.end])
        if title and end - block.end >= _LEAST_SECTION_CHARS:
            after = block.start >= hit.chunk.end
            distance = block.start - hit.chunk.end if after else 2 * max(hit.chunk.start - block.start, 0)
            places.append((distance, block.start, title))
    for _distance, _start, title in sorted(places):
        yield title


def _title(text: str) -> str:
    """Return a heading without its markup and number, empty if it cannot be asked."""
    line = " ".join(_MARKUP.sub(" ", text).split())
    title = _NUMBERING.sub("", line).strip(" :.")
    is_short = len(title) <= _MOST_CHARS and "$" not in title and "](" not in title
    return title if is_short and sum(map(str.isalpha, title)) > 1 else ""


def _folded(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
