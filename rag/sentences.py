"""Where sentences begin and end, for answers and passages in the rough English of notes.

Notes are lists, table rows and code as much as prose, so a line break ends a sentence too where the text is not simply
wrapped; a fenced block of code is one sentence. A citation `[n]` right after the full stop belongs to the sentence before it, and so
does a remark in parentheses: where notes have a list of events, it is their date.
"""

from __future__ import annotations

import re

from rag.words import STOP_WORDS

Span = tuple[int, int]

_ABBREVIATIONS = frozenset(
    "e.g i.e etc vs cf fig figs eq eqs sec ch no dr mr mrs ms prof st al approx resp dept vol pp p ed eds inc tel abt incl excl".split()
)
_BOUNDARY = re.compile(r"""[.!?]+["'”’)\]*_]*(?:\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\])*(?=\s|$)""")
_ITEM = r"(?:[-*+•]\s|\d{1,3}[.)]\s|[#>|]|```)"
_WORD = re.compile(r"\w+")
_FENCE = r" {0,3}```(?s:.*?)^ {0,3}```[ \t]*$"
_ROWS = r"(?P<rows>[^\n|`]*[^\s|`] \| [^\n]*(?:\n[^\n|`]*[^\s|`] \| [^\n]*)+)"  # as tables of Word, slides, PDF and HTML are read
_WHOLE = re.compile(rf"^(?:{_FENCE}|{_ROWS})", re.MULTILINE)
_REMARK = re.compile(r"[*_]*\((?:[^().!?]|[.](?=\d))*\)[*_]*[.]?(?:\s*\[\d{1,3}\])*")
_HEADING = re.compile(r"\s*#{1,6}\s[^\n]*")
_LINE = re.compile(rf"\n\s*\n|\n(?=\s*{_ITEM})|(?<=\|)\n")


def sentence_spans(text: str) -> list[Span]:
    """The half-open spans of the sentences of `text`, in order, without the white space around them."""
    spans: list[Span] = []
    start = 0
    for whole in _WHOLE.finditer(text):
        spans += _prose_spans(text, start, whole.start())
        spans += _row_spans(text, *whole.span()) if whole["rows"] else _trimmed(text, *whole.span())
        start = whole.end()
    return spans + _prose_spans(text, start, len(text))


def sentences(text: str) -> list[str]:
    """The sentences of `text` as strings."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _row_spans(text: str, start: int, end: int) -> list[Span]:
    """The rows of a table, each of which is one statement."""
    return [
        span
        for line in re.finditer(r"[^\n]+", text[start:end])
        for span in _trimmed(text, start + line.start(), start + line.end())
    ]


def _prose_spans(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    for line_end, next_start in [
        *((m.start(), m.end()) for m in _LINE.finditer(text, start, end)),
        (end, end),
    ]:
        spans.extend(_split_line(text, start, line_end))
        start = next_start
    return spans


def _split_line(text: str, start: int, end: int) -> list[Span]:
    if text[start:end].lstrip().startswith("|"):  # a table's row is one statement
        return _trimmed(text, start, end)
    spans: list[Span] = []
    if heading := _HEADING.match(text, start, end):  # one statement too, whatever stops are in it
        spans += _trimmed(text, start, heading.end())
        start = heading.end()
    for match in _BOUNDARY.finditer(text, start, end):
        if match.end() < end and not _ends_sentence(text, start, match):
            continue
        spans += _trimmed(text, start, match.end())
        start = match.end()
    spans += _trimmed(text, start, end)
    if len(spans) > 1 and _REMARK.fullmatch(text, *spans[-1]):
        spans[-2:] = [(spans[-2][0], spans[-1][1])]
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the stop is an end: not an abbreviation, an initial or a list number, and not before a small letter."""
    if not match.group().startswith("."):
        return True
    word = re.search(r"[\w.]*$", text[start : match.start()])
    before = word.group().lower().lstrip("(") if word else ""
    if before in _ABBREVIATIONS or not text[start : match.start()].strip(" 0123456789"):
        return False
    after = text[match.end() :].lstrip()
    if len(before) == 1 and before.isalpha():  # "S. Robertson" goes on, "Hall A. The resit" does not
        return (_WORD.match(after) or [""])[0].lower() in STOP_WORDS
    return not after[:1].islower() or "[" in match.group()


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return []
    start += len(piece) - len(piece.lstrip())
    return [(start, start + len(stripped))]
