"""JSX in Markdown: its markup is blanked out in place and its text stays.

Components are unwrapped, their names and attributes dropped; strings that a reader of the page would see (a
quiz's choices and explanations, titles, alternative texts) stay. Of choices of which some are marked as
correct, the others go: they are not what the notes say. Code and formulas are never touched.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator

from ingest.parsers.closed_spans import Closings, untouched_spans

_FENCED = re.compile(
    r"^(?P<fence>`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_EXPRESSION = re.compile(r"\{(?:/\*|[#:/@][^{}\n]*\})|<!--")
_MODULE_LINE = re.compile(
    r"^(?:import\s[^\n]*?\sfrom\s*['\"][^\n]*|import\s*['\"][^\n]*|export\s+(?:const|default|function)\b[^\n]*)$",
    re.MULTILINE,
)
_TAG_START = re.compile(r"</?[A-Za-z][\w.]*(?=[\s/>])")
_SEEN_STRING = re.compile(
    r"""\b(?:text|explain|title|alt|caption|question|answer|hint|description|summary)\s*[:=]\s*\{?\s*"""
    r"""(?P<quote>["'`])(?P<string>(?:\\.|(?!(?P=quote)).)*)(?P=quote)""",
    re.DOTALL,
)
_CHOICE = re.compile(r"\{[^{}]*\}")
_CORRECT = re.compile(r"\bcorrect\s*:\s*true\b")
_MOST_TAG_CHARS, _SHORT_TAG_CHARS = 20_000, 200
"""Longest tag, and the longest once many had no end. Chosen, not measured."""
_SPARE_SHARE = 20
"""Characters that may be read in tags without an end, as a multiple of the text.

After that only short tags are looked for. Chosen, not measured.
"""
_ADDRESS = re.compile(r"\w+://|[\w./-]+\.\w{2,4}$")


def mask_jsx(text: str) -> str:
    """Return the text with JSX, imports, exports and expressions as spaces.

    Every offset so stays the same.
    """
    masked = list(text)
    untouched = list(_untouched(text))
    for start, end in [*_expressions(text), *(found.span() for found in _MODULE_LINE.finditer(text))]:
        if not _inside(start, untouched):
            _blank(masked, start, end)
    at, spare = 0, _SPARE_SHARE * len(text) + _MOST_TAG_CHARS
    while match := _TAG_START.search(text, at):
        end, is_tag = _tag_end(text, match.end(), _MOST_TAG_CHARS if spare > 0 else _SHORT_TAG_CHARS)
        if not is_tag:
            spare -= end - match.end()
        if _inside(match.start(), untouched) or not is_tag:
            at = match.end()
            continue
        _blank(masked, match.start(), end)
        wrong = _wrong_choices(text, match.end(), end)
        for string in _SEEN_STRING.finditer(text, match.end(), end):
            if not _ADDRESS.match(string["string"]) and not _inside(string.start(), wrong):
                masked[string.start("string") : string.end("string")] = string["string"]
        at = end
    return "".join(masked)


def _wrong_choices(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the spans of the choices beside those that are marked as correct."""
    choices = list(_CHOICE.finditer(text, start, end))
    if not any(_CORRECT.search(choice.group()) for choice in choices):
        return []
    return [choice.span() for choice in choices if not _CORRECT.search(choice.group())]


def _inside(offset: int, spans: list[tuple[int, int]]) -> bool:
    place = bisect_right(spans, (offset, sys.maxsize)) - 1
    return place >= 0 and spans[place][0] <= offset < spans[place][1]


def _untouched(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of code and of formulas, in order."""
    at = 0
    for fenced in [*_FENCED.finditer(text), None]:
        start, end = fenced.span() if fenced else (len(text), len(text))
        yield from ((at + first, at + last) for first, last in untouched_spans(text[at:start]))
        if fenced:
            yield start, end
        at = end


def _expressions(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of expressions in braces and of comments."""
    closings, at = Closings(text), 0
    while found := _EXPRESSION.search(text, at):
        closing = {"{/*": "*/}", "<!--": "-->"}.get(found[0])
        last = closings.after(closing, found.end()) if closing else found.end()
        if last > 0:
            yield found.start(), last
        at = last if last > 0 else found.end()


def _blank(characters: list[str], start: int, end: int) -> None:
    for index in range(start, end):
        if characters[index] != "\n":
            characters[index] = " "


def _tag_end(text: str, at: int, most_chars: int) -> tuple[int, bool]:
    """Return the offset after the tag's `>`, and True.

    If it does not end within `most_chars`, the offset up to which it was looked for, and False.

    Quotes and braces are taken into account.
    """
    depth, quote = 0, ""
    stop = min(len(text), at + most_chars)
    while at < stop:
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "\"'`" and (depth or text[at - 1] in "={( "):
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == ">" and depth <= 0:
            return at + 1, True
        elif character == "<" and depth <= 0:
            return at, False
        at += 1
    return at, False
