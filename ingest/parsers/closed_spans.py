"""Spans from an opening mark to its closing one, in time linear in the text.

The pattern `<!--.*?-->` looks for the end again from every `<!--` that has none: 400,000 of them take minutes.
Here a search for a closing mark that failed once is not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_RUN = re.compile(r"`+")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_TAG_OPENED = re.compile(r"<!--|<(?P<name>script|style)\b|</?[A-Za-z][^<>]*>", re.IGNORECASE)


class Closings:
    """The closing marks of one text."""

    def __init__(self, text: str, end: int | None = None) -> None:
        self._text, self._end = text, len(text) if end is None else end
        self._missing: dict[str, int] = {}

    def after(self, mark: str, start: int) -> int:
        """Return the offset after the first `mark` from `start` on; -1 if there is none."""
        if start >= self._missing.get(mark, self._end):
            return -1
        found = self._text.find(mark, start, self._end)
        if found < 0:
            self._missing[mark] = start
            return -1
        return found + len(mark)

    def after_tag(self, name: str, start: int) -> int:
        """Return the offset after the first end tag of `name` from `start` on.

        It is -1 if there is none.
        """
        key = f"</{name.lower()}"
        if start >= self._missing.get(key, self._end):
            return -1
        found = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(self._text, start, self._end)
        if found is None:
            self._missing[key] = start
            return -1
        return found.end()


def tag_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of HTML inside `text[start:end]`.

    They are comments, scripts, styles and single tags.
    """
    closings, at = Closings(text, end), start
    while found := _TAG_OPENED.search(text, at, end):
        if found[0] == "<!--":
            last = closings.after("-->", found.end())
        elif found["name"]:
            last = closings.after_tag(found["name"], found.end())
            if last < 0 and (single := _TAG.match(text, found.start(), end)):
                last = single.end()
        else:
            last = found.end()
        if last < 0:
            at = found.end()
            continue
        yield found.start(), last
        at = last


def comment_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the comments of HTML."""
    closings, at = Closings(text), 0
    while (start := text.find("<!--", at)) >= 0 and (at := closings.after("-->", start)) >= 0:
        yield start, at


class CodeSpans:
    """The spans of code between runs of as many back ticks.

    They are asked for from the left to the right.
    """

    def __init__(self, text: str) -> None:
        self._runs = [found.span() for found in _RUN.finditer(text)]
        self._number = 0
        self._later: dict[int, list[int]] = {}
        for number in range(len(self._runs) - 1, -1, -1):
            start, end = self._runs[number]
            self._later.setdefault(end - start, []).append(number)

    def after(self, at: int) -> tuple[int, int] | None:
        """Return the first span that begins at `at` or later; None if there is none.

        `at` is not less than in the call before.
        """
        while self._number < len(self._runs):
            start, end = self._runs[self._number]
            same = self._later[end - start]
            while same and same[-1] <= self._number:
                same.pop()
            if start >= at and same:
                return start, self._runs[same[-1]][1]
            self._number += 1
        return None


def untouched_spans(text: str, formula: re.Pattern[str] | None = None) -> Iterator[tuple[int, int]]:
    """Yield the spans of code and formulas, which are shown as they are written.

    Formulas are between doubled dollars, and what matches `formula` at a dollar.
    """
    closings, codes, at = Closings(text), CodeSpans(text), 0
    while True:
        start, end = codes.after(at) or (len(text), len(text))
        dollar = text.find("$", at, start)
        if dollar < 0:
            if start == end:
                return
            yield start, end
            at = end
            continue
        last = closings.after("$$", dollar + 2) if text.startswith("$$", dollar) else -1
        if last < 0 and formula and (single := formula.match(text, dollar)):
            last = single.end()
        if last > 0:
            yield dollar, last
        at = last if last > 0 else dollar + 1
