"""The encoding of a file, and its text.

The file's own marks (byte order mark, valid UTF-8, escape sequences, UTF-8 with a few broken bytes, an HTML
or XML declaration that fits) are believed first; then charset-normalizer guesses. Its guesses among the
one-byte Latin encodings are corrected by the language, which the words without accents show.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ingest.parsers.draft import clean
from rag.errors import UnreadableNote
from rag.note_warnings import NoteWarning, WarningCode

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"\x1b(", "iso2022_jp_2"), (b"~{", "hz"))
_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]+)|<meta[^>]{0,200}charset\s*=\s*["']?([\w.:-]+)""",
    re.IGNORECASE,
)
# Vendors' supersets of an encoding, used where the text is not valid in the encoding itself.
_NARROWER = {"cp932": "shift_jis", "cp949": "euc_kr", "big5hkscs": "big5"}
_WIDER = {"shift_jis": "cp932", "x-sjis": "cp932", "sjis": "cp932", "gb2312": "gb18030", "gbk": "gb18030"}
_WIDER |= {"big5": "big5hkscs", "euc-kr": "cp949", "ks_c_5601-1987": "cp949"}
_DECLARED_BYTES = 2048
"""Bytes at the start that are searched for a declaration; browsers search 1024."""
_MOST_ERRORS = 0.01
"""Share of broken characters up to which an encoding is believed. Chosen, not measured."""
_LEAST_VALID = 2
"""Characters of several bytes in valid UTF-8 for each broken one.

No text in another encoding comes near it.
"""
_ONE_BREAK = 4
"""Marks that one broken byte may leave: for itself and what it belonged to."""
_REPLACED = "\ufffd"
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROLS = 0.02
"""Share of control characters from which a file is binary. Chosen, not measured."""
_GUESSED_BYTES = 200_000
"""Bytes at the start of a file by which its encoding is guessed."""
# What course notes were ever written in; the many others of charset-normalizer only win by accident.
_CANDIDATES = (
    "utf_16_le utf_16_be utf_32_le utf_32_be big5hkscs cp932 cp949 euc_jp euc_kr gb18030 johab tis_620 koi8_r koi8_u "
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 iso8859_2 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 "
    "mac_cyrillic mac_roman cp437 cp850 cp852 cp855 cp866"
).split(" ")
_LATIN = re.compile(r"cp125[0247]|iso8859_(2|9)|mac_roman|cp437|cp85[02]")
_WORDS = {
    "western": "the of and to in der die und das ist nicht le la les des et est que el los las una por para con il di che non "
    "het een van og er det til av att som och den pour dans sur avec as os do da em um uma ja on ei",
    "central": "nie na jest do je se si za pro ale jako jak od po to ako sa ktor bol som az hogy nem egy van meg vagy ez az "
    "ili ne da su kako sto iz kod sam nu sau din care pentru este cu",
    "turkish": "ve bir bu da de ile ne gibi daha kadar olarak olan ama her mi en sonra ben sen var yok evet tamam",
}
_LANGUAGE_WORDS = {family: frozenset(words.split(" ")) for family, words in _WORDS.items()}
# In the order in which they are believed. In the wrong one of them accents and quotation marks turn into capitals and signs
# in the middle of words.
_WESTERN = ("cp1252", "mac_roman", "cp850")
_IMPLAUSIBLE = re.compile(r"[a-z][À-ÖØ-Þ‚ƒ„†‡ˆ‰Š‹Œ˜Ž›Ÿ¡-§©-´¶-¿×÷\u2500-\u259f\ufffd]")
# What proves a script: words of it. A quotation mark in the wrong encoding is a single letter (half-width kana: two at most).
_FOREIGN_WORD = re.compile(r"[^\W\d_\x00-\x7f\uff61-\uff9f]{2}|[\uff66-\uff9f]{3}")
_ASCII_WORD = re.compile(rb"(?<![\x80-\xffA-Za-z])[A-Za-z]{1,12}(?![\x80-\xffA-Za-z])")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with `\\n` line ends and no byte order mark.

    `encoding` is Python's name of it.
    """

    text: str
    encoding: str
    warnings: tuple[NoteWarning, ...] = ()


def decode(data: bytes) -> Decoded:
    """Return the text of a file.

    Raises:
        UnreadableNote: it is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _replaced(data, encoding)
    for mark, encoding in _ESCAPES:
        if (
            mark in data
            and data.isascii()
            and (text := _strictly(data, encoding)) is not None
            and text != data.decode("ascii")
        ):
            return Decoded(_lines(text), encoding)
    text = _strictly(data, "utf-8")
    if text is not None and "\0" not in text:
        return Decoded(_checked(text), "utf-8")
    return _damaged(data) or _declared(data) or _guessed(data)


def _replaced(data: bytes, encoding: str) -> Decoded:
    """Return the text with a mark for every invalid byte, and a warning if any."""
    text = data.decode(encoding, "replace")
    return Decoded(_checked(text), encoding, _loss(_lost(text, data, encoding), encoding))


def _lost(text: str, data: bytes, encoding: str) -> int:
    """Return how many characters of a decoded text were not valid.

    Marks in the file itself do not count.
    """
    own = data.decode(encoding, "ignore").count(_REPLACED)
    return text.count(_REPLACED) - own


def _loss(lost: int, encoding: str) -> tuple[NoteWarning, ...]:
    """Return the warning that characters were lost; none if nothing was."""
    if not lost:
        return ()
    return (NoteWarning(WarningCode.REPLACED_CHARACTERS, count=lost, encoding=encoding.removesuffix("-sig")),)


def _damaged(data: bytes) -> Decoded | None:
    """Return the text of UTF-8 with a few broken or missing bytes; None if it is not.

    A guess would turn all its accents into signs to save one byte.
    """
    text = data.decode("utf-8", "replace")
    broken = _lost(text, data, "utf-8")
    valid = sum(character > "\x7f" for character in text) - text.count(_REPLACED)
    if (
        not broken
        or "\0" in text
        or valid < _LEAST_VALID * broken
        or broken > _MOST_ERRORS * len(text) + _ONE_BREAK
    ):
        return None
    return _replaced(data, "utf-8")


def _declared(data: bytes) -> Decoded | None:
    """Return the text in the encoding that the file's own markup names.

    None if it names none, or a wrong one.
    """
    match = _DECLARED.search(data[:_DECLARED_BYTES])
    if match is None:
        return None
    encoding = (match[1] or match[2]).decode("ascii", "replace").lower()
    wider = _WIDER.get(encoding, encoding)
    try:
        text = _strictly(data, _NARROWER.get(wider, encoding))
        text = data.decode(wider, "replace") if text is None else text
    except LookupError:
        return None
    lost = text.count(_REPLACED)
    return None if lost > _MOST_ERRORS * len(text) else Decoded(_lines(text), encoding, _loss(lost, encoding))


def _guessed(data: bytes) -> Decoded:
    """Return the text in the encoding that fits its bytes best.

    Raises:
        UnreadableNote: none fits.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_GUESSED_BYTES], cp_isolation=list(_CANDIDATES)).best()
    if best is not None and _is_proven(best.encoding, str(best)):
        encoding = best.encoding
    elif best is not None or _is_mostly_ascii(data):
        encoding = _latin(data)
    else:
        raise UnreadableNote("It is not text in any known encoding; save it as UTF-8, or leave it out.")
    text = _strictly(data, _NARROWER.get(encoding, encoding))
    return _replaced(data, encoding) if text is None else Decoded(_checked(text), encoding)


def _is_proven(encoding: str, text: str) -> bool:
    """Return whether a text confirms a guess of another script than Latin.

    Encodings of wide characters are proven as they are.
    """
    if encoding.startswith("utf_"):
        return True
    return not _LATIN.fullmatch(encoding) and _FOREIGN_WORD.search(text) is not None


def _is_mostly_ascii(data: bytes) -> bool:
    return sum(byte < 0x80 for byte in data[:_GUESSED_BYTES]) > 0.7 * min(len(data), _GUESSED_BYTES)


def _latin(data: bytes) -> str:
    """Return the one-byte Latin encoding of the language of the unaccented words."""
    words = [word.lower().decode("ascii") for word in _ASCII_WORD.findall(data)]
    counts = {family: sum(word in known for word in words) for family, known in _LANGUAGE_WORDS.items()}
    family = max(counts, key=lambda name: counts[name])
    if family == "turkish":
        return "cp1254"
    if family == "western":
        likely = ("mac_roman", *_WESTERN) if _has_mac_lines(data) else _WESTERN
        return min(likely, key=lambda encoding: len(_IMPLAUSIBLE.findall(data.decode(encoding, "replace"))))
    return "cp1250" if any(0x80 <= byte <= 0x9F for byte in data) else "iso8859_2"


def _has_mac_lines(data: bytes) -> bool:
    """Return whether lines end as only the old Macintosh ended them."""
    return b"\r" in data and b"\n" not in data


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _checked(text: str) -> str:
    """Return the text with its lines mended.

    Raises:
        UnreadableNote: it is full of control characters, as only binary files are.
    """
    if len(_CONTROLS.findall(text[:_GUESSED_BYTES])) > _MOST_CONTROLS * min(len(text), _GUESSED_BYTES):
        raise UnreadableNote("It is a binary file of a kind that is not read; leave it out.")
    return _lines(text)


def _lines(text: str) -> str:
    return clean(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
