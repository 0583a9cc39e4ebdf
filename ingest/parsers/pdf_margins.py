"""Running heads, running feet and page numbers in the margins of a PDF's pages.

A line is known by its place, `(page index, line index)`, never by its words alone: the same words may be in
the text. What cannot be distinguished from text stays.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from ingest.parsers.pdf_layout import HEADING_SIZE_RATIO, body_size
from ingest.parsers.pdf_lines import Line, PageText

Place: TypeAlias = tuple[int, int]

_NUMBER_ONLY = re.compile(
    r"(?:page\s*)?[-–—\[(]?\s*(?:(?P<digits>\d{1,4})|[ivxlc]{1,6})\s*(?:(?:of|/)\s*\d{1,4})?\s*[-–—\])]?",
    re.IGNORECASE,
)
_EDGE_NUMBER = re.compile(r"^\d{1,4}\b|\b\d{1,4}(?=\s*(?:/|of)\s*\d{1,4}$)|\b\d{1,4}$")
_NUMBER = re.compile(r"\b\d{1,4}\b")
_LABEL = re.compile(r"(?!page|slide|seite|folie)[^\W\d_]+\W*\d{1,4}\W*", re.IGNORECASE)
"""A numbered label such as `Problem 3`.

Above all else on pages with one problem each it counts the pages too, and is text.
"""
# Shares of the page and distances: chosen by hand, not measured.
_MARGIN_SHARE = 0.12
_NUMBER_MARGIN_SHARE = 0.2
_REPEAT_SHARE = 0.4
_SAME_HEIGHT_POINTS = 4.0
_RUN_PAGES = 3
_RUN_STEP_PAGES = 2
"""Pages between two of a run: left and right pages have heads of their own."""
_APART_EMS = 1.0
_TOUCHING_EMS = 0.3
"""Overlap of the letters of two lines that are set close.

Lines beside each other overlap more.
"""
_BOLD_HEAD_RATIO = 0.95


def running_lines(pages: Sequence[PageText]) -> set[Place]:
    """Return the places of running heads, running feet and page numbers.

    No other line is between them and the page's edge. A line in a page's upper or lower margin is one if it
    is at the same height on two fifths of the pages or more, or on three pages that follow each other (a
    chapter's). A number in it may count the pages.
    """
    margin = {
        (index, number): line
        for index, page in enumerate(pages)
        for number, line in enumerate(page.lines)
        if _in_margin(line, page, _MARGIN_SHARE) and not _NUMBER_ONLY.fullmatch(line.text)
    }
    found = _often(margin, pages) | _in_runs(margin, pages)
    found |= _page_numbers(pages, found)
    return {place for place in found if _is_outermost(place, pages, found)}


def _in_margin(line: Line, page: PageText, share: float) -> bool:
    return line.top > (1 - share) * page.height or line.bottom < share * page.height


def _is_outermost(place: Place, pages: Sequence[PageText], found: set[Place]) -> bool:
    """Return whether no text is between a line and the page's edge.

    Other lines that are `found` too do not count. The edge is the upper one for a line of the upper half.
    """
    index, number = place
    page = pages[index]
    line = page.lines[number]
    upper = _is_upper(line, page)
    beyond = (
        other.bottom >= line.top if upper else other.top <= line.bottom
        for at, other in enumerate(page.lines)
        if (index, at) not in found
    )
    return not any(beyond)


def _often(margin: Mapping[Place, Line], pages: Sequence[PageText]) -> set[Place]:
    """Return the lines at the same height on so many pages that they are the file's."""
    keys = {
        place: [(key, round(line.bottom / _SAME_HEIGHT_POINTS)) for key in _keys(line, place[0], pages)]
        for place, line in margin.items()
    }
    seen = Counter(key for found in keys.values() for key in found)
    least = max(2, _REPEAT_SHARE * len(pages))
    return {
        place
        for place, found in keys.items()
        if any(sum(seen[text, height + shift] for shift in (-1, 0, 1)) >= least for text, height in found)
    }


def _in_runs(margin: Mapping[Place, Line], pages: Sequence[PageText]) -> set[Place]:
    """Return the lines at the same height on pages that follow each other.

    The head of a chapter is such a line. Slides are left out, and what looks like a heading: a title that is
    continued on the next slides is text.
    """
    body = body_size(pages)
    groups: dict[str, list[Place]] = defaultdict(list)
    for place, line in margin.items():
        page = pages[place[0]]
        if page.height > page.width and not _looks_like_heading(line, body) and _stands_apart(line, page):
            for key in _keys(line, place[0], pages):
                groups[key].append(place)
    found: set[Place] = set()
    for places in groups.values():
        for run in _runs(places, margin):
            if len({index for index, _ in run}) >= _RUN_PAGES:
                found.update(run)
    return found


def _keys(line: Line, index: int, pages: Sequence[PageText]) -> Iterator[str]:
    """Yield the line as it is and with a number counted from the page.

    The latter only if the line is apart from the text, and for any number of a foot's, of a head's one at its
    start or end.
    """
    text, page = line.text, pages[index]
    yield text
    upper = _is_upper(line, page)
    if (upper and _LABEL.fullmatch(text)) or not _stands_apart(line, page):
        return
    for number in (_EDGE_NUMBER if upper else _NUMBER).finditer(text):
        yield f"{text[: number.start()]}#{int(number[0]) - index}{text[number.end() :]}"


def _is_upper(line: Line, page: PageText) -> bool:
    return line.bottom + line.top > page.height


def _runs(places: Sequence[Place], margin: Mapping[Place, Line]) -> Iterator[list[Place]]:
    """Yield the places, cut where the height or the page jumps."""
    by_height = sorted(places, key=lambda place: margin[place].bottom)
    for level in _cut(by_height, [margin[place].bottom for place in by_height], _SAME_HEIGHT_POINTS):
        in_order = sorted(level)
        yield from _cut(in_order, [index for index, _ in in_order], _RUN_STEP_PAGES)


def _cut(places: Sequence[Place], numbers: Sequence[float], step: float) -> Iterator[list[Place]]:
    """Yield the places in order, cut where their numbers differ by more than a step."""
    cuts = [at for at, (one, two) in enumerate(pairwise(numbers), 1) if two - one > step]
    for start, end in pairwise([0, *cuts, len(places)]):
        yield list(places[start:end])


def _looks_like_heading(line: Line, body: float) -> bool:
    return line.size >= HEADING_SIZE_RATIO * body or (line.bold and line.size > _BOLD_HEAD_RATIO * body)


def _stands_apart(line: Line, page: PageText, ignored: frozenset[int] = frozenset()) -> bool:
    """Return whether a line is apart from the text.

    Its distance to the next line towards the middle of the page is larger than between lines of running text.
    """
    upper = _is_upper(line, page)
    gaps = (
        line.bottom - other.top if upper else other.bottom - line.top
        for at, other in enumerate(page.lines)
        if other is not line and at not in ignored
    )
    return not any(-_TOUCHING_EMS < gap / line.size < _APART_EMS for gap in gaps)


def _page_numbers(pages: Sequence[PageText], running: set[Place]) -> set[Place]:
    """Return the lines that are only a number, at an edge of the page.

    They count the pages or have no text beside them.
    """
    candidates = {
        (index, number): line
        for index, page in enumerate(pages)
        for number, line in enumerate(page.lines)
        if _NUMBER_ONLY.fullmatch(line.text)
        and _in_margin(line, page, _NUMBER_MARGIN_SHARE)
        and _is_at_edge(line, page)
    }
    offsets = {place: _offset(line, place[0]) for place, line in candidates.items()}
    counted = Counter(offsets.values())
    return {
        (index, number)
        for (index, number), line in candidates.items()
        if (offsets[index, number] is not None and counted[offsets[index, number]] > 1)
        or _stands_alone(line, pages[index], {at for page, at in running if page == index})
    }


def _offset(line: Line, index: int) -> int | None:
    """Return the number minus the page's index; None for a Roman one."""
    match = _NUMBER_ONLY.fullmatch(line.text)
    return int(match["digits"]) - index if match is not None and match["digits"] else None


def _is_at_edge(line: Line, page: PageText) -> bool:
    """Return whether no line is above this one, or none is below."""
    above = any(other.bottom > line.top for other in page.lines)
    return not (above and any(other.top < line.bottom for other in page.lines))


def _stands_alone(line: Line, page: PageText, running: set[int]) -> bool:
    """Return whether no text is beside the line or close to it."""
    beside = any(
        min(line.top, other.top) > max(line.bottom, other.bottom)
        for at, other in enumerate(page.lines)
        if other is not line and at not in running
    )
    return not beside and _stands_apart(line, page, frozenset(running))
