"""Sentence boundaries of answers and passages, in the languages of courses.

Notes are lists, table rows and code as much as prose, so a line break ends a sentence too where the text is
not simply wrapped; a fenced block of code is one sentence. A citation `[n]` right after the full stop belongs
to the sentence before it, and so does a remark in parentheses: where notes have a list of events, it is their
date. Full stops of Chinese, Japanese, Hindi, Urdu and others need no space after them.
"""

from __future__ import annotations

import re

from rag.aliases import Span
from rag.text.language import ABBREVIATIONS, is_abbreviation, is_ordinal, language_of, opens_sentence
from rag.text.stop_words import STOP_WORDS

_MAY_END = frozenset(
    """u.s u.k e.u u.n sect art para mon tue tues wed thu thur thurs fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec
    usw etc ecc osv enz stb itd itp vb т.д т.п др mi di do fr sa so okt dez""".split()
)
"""Abbreviations that come at the end of a sentence as often as inside one."""
_CITED = r"(?:\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\])*"
_STOPS = r".!?\u061f\u06d4\u0964\u0965\u0589\u1362\u104b\u17d4"
"""Full stops of Latin, Arabic, Hindi, Armenian, Amharic, Burmese and Khmer script."""
_WIDE_STOPS = "。！？｡．"
"""Full stops of Chinese and Japanese, after which no space follows."""
_BOUNDARY = re.compile(
    rf"""(?<![{_STOPS}])[{_STOPS}]++["'”’»›“)\]*_]*+{_CITED}(?=\s|$)"""
    rf"|[{_WIDE_STOPS}]++[」』”’）】》)\]*_]*+{_CITED}"
)
_OPENING, _CLOSING = "「『（【《", "」』）】》"
_UNIT = re.compile(r"\d\s?[a-z]$")
"""A letter that is a unit and no initial: "It weighs 430 g. It sleeps."
"""
_NEAR_CHARS = 80
"""Characters before a stop that decide if it ends a sentence.

No abbreviation or list number is longer.
"""
_QUOTE_CHARS = 400
"""Characters before a wide stop in which quotation marks are counted."""
_LAST_WORD = re.compile(r"[\w.-]*$")
_AFTER = re.compile(r"\s*(?P<word>\w*)")
_SHORT = frozenset().union(*ABBREVIATIONS.values())
"""Abbreviations of all languages."""
_ORDINAL_DIGITS = 3
_ITEM = r"(?:[-*+•]\s|\d{1,3}[.)]\s|[#>|]|```)"
_FENCE = r" {0,3}```(?s:.*?)^ {0,3}```[ \t]*$"
_ROWS = r"(?P<rows>[^\n|`]*[^\s|`] \| [^\n]*(?:\n[^\n|`]*[^\s|`] \| [^\n]*)+)"  # as tables of Word, slides, PDF and HTML are read
_FORMULA = r"[ \t]*\$\$[^$]+\$\$[.,;]?[ \t]*$"
_WHOLE = re.compile(rf"^(?:{_FENCE}|{_FORMULA}|{_ROWS})", re.MULTILINE)
_REMARK = re.compile(r"[*_]*\((?:[^().!?]|[.](?=\d))*\)[*_]*[.]?(?:\s*\[\d{1,3}\])*")
_HEADING = re.compile(r"\s*#{1,6}\s[^\n]*")
_LINE = re.compile(rf"\n\s*\n|\n(?=\s*{_ITEM})|(?<=\|)\n|\n(?=[^\W\d_][^\n:]{{0,40}}: \S)")
_NAMED = re.compile(r"[ \t]*[^\W\d_][^\n:.!?]{0,40}: \S")
"""A line of the form `name: value`; two in a row are two statements."""
_NUMBER = re.compile(r"(?P<before>[^\W\d_]*)[ \t\u00a0]*(?<!\w)(?P<number>\d{1,3}|[IVXLC]+)$")


def sentence_spans(text: str) -> list[Span]:
    """Return the half-open spans of the sentences of `text`, in order.

    The white space around a sentence is not part of it.
    """
    spans: list[Span] = []
    start = 0
    for whole in _WHOLE.finditer(text):
        spans += _prose_spans(text, start, whole.start())
        spans += _row_spans(text, *whole.span()) if whole["rows"] else _trimmed(text, *whole.span())
        start = whole.end()
    return spans + _prose_spans(text, start, len(text))


def sentences(text: str) -> list[str]:
    """Return the sentences of `text` as strings."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _row_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the rows of a table, each of which is one statement."""
    return [
        span
        for line in re.finditer(r"[^\n]+", text[start:end])
        for span in _trimmed(text, start + line.start(), start + line.end())
    ]


def _prose_spans(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    lines = ((m.start(), m.end()) for m in _LINE.finditer(text, start, end) if _parts_lines(text, m))
    for line_end, next_start in [*lines, (end, end)]:
        spans.extend(_split_line(text, start, line_end))
        start = next_start
    return spans


def _parts_lines(text: str, found: re.Match[str]) -> bool:
    """Return whether a line break ends a statement.

    Before a line `name: value` it does only after another such line.
    """
    if found.group() != "\n" or not _NAMED.match(text, found.end()) or text[found.end()] in "#>|-*+•`":
        return True
    before = text.rfind("\n", 0, found.start()) + 1
    return _NAMED.match(text, before, found.start()) is not None


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
    """Return whether a stop ends a sentence.

    It does not after an abbreviation, an initial, an ordinal or a list number, inside brackets of Chinese and
    Japanese, nor before a small letter.
    """
    sign = match.group()[0]
    if sign in _WIDE_STOPS:
        return _ends_wide(text, start, match)
    after = _AFTER.match(text, match.end())
    follows = after.group("word") if after else ""
    if sign != ".":
        return not (follows[:1].islower() and match.group()[-1] in "\"'”’»›“)")
    # Long lines have many stops: everything below looks at what is near, not at the whole text before or after.
    near = text[max(start, match.start() - _NEAR_CHARS) : match.start()]
    word = _LAST_WORD.search(near)
    before = word.group().lower().lstrip("(-") if word else ""
    if match.start() - start <= _NEAR_CHARS and not near.strip(" 0123456789"):
        return False
    cited = "[" in match.group()
    if match.group().count(".") == 1 and _may_be_short(before):
        return _ends_after_short(text, near, before, follows, cited)
    return not follows[:1].islower() or cited


def _may_be_short(word: str) -> bool:
    """Return whether a word could be an abbreviation, an initial or an ordinal."""
    return word in _SHORT or (len(word) == 1 and word.isalpha()) or word in _MAY_END or _is_numeral(word)


def _is_numeral(word: str) -> bool:
    return (word.isdecimal() and len(word) <= _ORDINAL_DIGITS) or not word.strip("ivxlc")


def _ends_after_short(text: str, near: str, before: str, follows: str, cited: bool) -> bool:
    """Return whether the stop of an abbreviation or ordinal ends a sentence too."""
    may_end = before in _MAY_END
    if before in ABBREVIATIONS["en"] and not may_end:
        return False
    language = language_of(text)
    if is_abbreviation(before, language) and not may_end:
        return False
    if _is_numeral(before) and (found := _NUMBER.search(near)):
        if not follows[:1].islower() and is_ordinal(found["before"], found["number"], language):
            return opens_sentence(follows, language)
        if len(before) > 1 or before.isdecimal():
            return not follows[:1].islower() or cited
    initial = len(before) == 1 and before.isalpha() and not _UNIT.search(near)
    if initial or may_end:  # "S. Robertson" and "Fri. 5 May" go on, "Hall A. The resit" does not
        return follows.lower() in STOP_WORDS or (follows[:1].isupper() and opens_sentence(follows, language))
    return not follows[:1].islower() or cited


def _ends_wide(text: str, start: int, match: re.Match[str]) -> bool:
    """Return whether a wide full stop ends a sentence: not inside quotation marks."""
    inside = text[max(start, match.end() - _QUOTE_CHARS) : match.end()]
    opened = sum(map(inside.count, _OPENING)) - sum(map(inside.count, _CLOSING))
    if opened > 0:
        return False
    closed = match.group()[-1] in f"{_CLOSING}”’"
    following = text[match.end() : match.end() + 1]
    return not closed or not following or following.isspace() or following in _OPENING


def _trimmed(text: str, start: int, end: int) -> list[Span]:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return []
    start += len(piece) - len(piece.lstrip())
    return [(start, start + len(stripped))]
