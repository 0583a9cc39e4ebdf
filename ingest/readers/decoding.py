"""Bytes to text: which encoding a file is in, when nothing says so."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ingest.readers.draft import clean
from rag.errors import UnreadableNote

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text with `\\n` line ends and without a byte order mark; `encoding` in Python's name."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """The text of a file.

    Raises:
        UnreadableNote: it is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_lines(data.decode(encoding, "replace")), encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    if "\0" in text:
        return _guessed(data)
    return Decoded(_lines(text), "utf-8")


def _guessed(data: bytes) -> Decoded:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise UnreadableNote("It is not text in any known encoding; save it as UTF-8, or leave it out.")
    text = _lines(str(best))
    return Decoded(text, best.encoding)


def _lines(text: str) -> str:
    return clean(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
