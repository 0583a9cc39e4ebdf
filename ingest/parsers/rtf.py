"""Rich text: its words and tables. striprtf knows the control words and the encodings."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby

from ingest.parsers.draft import Draft
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.types import BlockKind, Locator, Unit

_TITLE = re.compile(r"\{\\title\s+([^{}\\]+)\}")
_PICTURE = re.compile(rb"\\pict\b")
_NOTE = re.compile(r"\{\s*(?:\\\*)?\s*\\(footnote|annotation|header[lrf]?|footer[lrf]?|shptxt)(?![a-z])")
_FONTS = re.compile(r"\{\s*\\fonttbl")
_CODE_PAGE = re.compile(r"\\ansicpg\d+")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_ITEM = re.compile(r"^\s*(?:[•·▪◦‣–*-]|\d{1,3}[.)])\s+")


def read_rtf(data: bytes) -> tuple[Draft, str]:
    """Return the paragraphs, lists and tables, and the title in the file's properties.

    Raises:
        UnreadableNote: it is not rich text.
    """
    if not data.lstrip().startswith(b"{\\rtf"):
        raise UnreadableNote(
            "It is not rich text: it does not begin with {\\rtf; save it again as .rtf or .docx."
        )
    source = data.decode("latin-1")
    draft = Draft()
    number = 0
    lines = [line for line in _words(source).split("\n") if line.strip(" |\t")]
    for kind, group in groupby(lines, key=_kind):
        block = [" ".join(line.split()) if kind is not BlockKind.TABLE else _row(line) for line in group]
        texts = ["\n".join(block)] if kind is not BlockKind.PARAGRAPH else block
        for text in texts:
            number += 1
            draft.add(kind, text, Locator(Unit.PARAGRAPH, number, number))
    for note in _notes(source, "\n".join(lines)):
        number += 1
        draft.add(BlockKind.NOTES, note, Locator(Unit.PARAGRAPH, number, number))
    for _ in _PICTURE.finditer(data):
        draft.missed.add(WarningCode.PICTURES, 0)
    title = _TITLE.search(source)
    return draft, title[1].strip() if title else ""


def _words(source: str) -> str:
    """Return the text; paragraphs are lines, and cells have a bar behind them."""
    from striprtf import striprtf

    convert: Callable[..., str] = striprtf.rtf_to_text
    return convert(source, errors="replace")


def _notes(source: str, words: str) -> list[str]:
    """Return footnotes, comments, headers, footers and texts of shapes, each once.

    striprtf leaves them out. A shape has a copy for old programs, which may be among the `words`.
    """
    fonts = next((_group(source, match.start()) for match in _FONTS.finditer(source)), "")
    page = _CODE_PAGE.search(source)
    opening = f"{{\\rtf1\\ansi{page[0] if page else ''}{fonts} "
    found: dict[str, None] = {}
    for match in _NOTE.finditer(source):
        inner = _group(source, match.start())[match.end() - match.start() :]
        if text := " ".join(_words(f"{opening}{{ {inner}}}").split()):
            if match[1] == "shptxt" and text in " ".join(words.split()):
                continue
            found[f"Comment: {text}" if match[1] == "annotation" else text] = None
    return list(found)


def _group(source: str, start: int) -> str:
    """Return the group that begins at a brace, to its end or that of the file."""
    depth = 0
    for match in _BRACE.finditer(source, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return source[start : match.end()]
    return source[start:] + "}" * depth


def _kind(line: str) -> BlockKind:
    """Return the kind of a line; the cells of a table have a bar behind each."""
    if line.rstrip().endswith("|"):
        return BlockKind.TABLE
    return BlockKind.LIST if _ITEM.match(line) else BlockKind.PARAGRAPH


def _row(line: str) -> str:
    return " | ".join(" ".join(cell.split()) for cell in line.rstrip().removesuffix("|").split("|"))
