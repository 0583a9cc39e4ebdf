"""Warnings about notes that were read but not whole: a code, places and values.

Nothing decides by the sentence: it is made where a warning is shown. `lectern ingest` reads a note again when
the code says that more of it can be read now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

OCR_SHARE = 0.7
"""Share of `ingest.max_seconds` that OCR gets for a file.

The rest is for the pages' own text and for layout. Chosen, not measured.
"""
SHOWN_NAMES = 5
"""Most names that the sentence of one warning has."""


class WarningCode(StrEnum):
    """Kind of a warning; the values are stored in libraries."""

    NO_TEXT = "no_text"
    REPLACED_CHARACTERS = "replaced_characters"
    BROKEN_PAGES = "broken_pages"
    OCR_FAILED = "ocr_failed"
    OCR_MISSING = "ocr_missing"
    OCR_TIME = "ocr_time"
    OCR_EMPTY = "ocr_empty"
    UNMAPPED_SYMBOLS = "unmapped_symbols"
    PICTURES = "pictures"
    CHARTS = "charts"
    DIAGRAMS = "diagrams"
    OBJECTS = "objects"
    MEDIA = "media"
    FRAMES = "frames"
    WIDGETS = "widgets"
    FORMULAS = "formulas"
    DRAWINGS = "drawings"
    CUT_OUTPUT = "cut_output"
    MISSING_EMBEDS = "missing_embeds"
    MISSING_INCLUDES = "missing_includes"
    DAMAGED_PARTS = "damaged_parts"
    NOT_TEXT = "not_text"
    ATTACHMENTS = "attachments"
    SPEECH_TIME = "speech_time"
    OTHER = "other"


_ABOUT_PAGES = {
    WarningCode.BROKEN_PAGES: "cannot be opened",
    WarningCode.OCR_FAILED: "holds a picture on which OCR failed",
    WarningCode.OCR_MISSING: (
        "needs OCR: holds a picture of text, or a font without letters, and no text (lectern setup ocr)"
    ),
    WarningCode.OCR_EMPTY: "holds a picture in which OCR finds no text",
    WarningCode.UNMAPPED_SYMBOLS: "holds symbols that the file gives no text for (parts of formulas, usually)",
}
_UNREAD = {
    WarningCode.PICTURES: ("a picture without a description", "{} pictures without a description"),
    WarningCode.CHARTS: ("a chart without text", "{} charts without text"),
    WarningCode.DIAGRAMS: ("a diagram without text", "{} diagrams without text"),
    WarningCode.OBJECTS: (
        "an object of another program without text",
        "{} objects of other programs without text",
    ),
    WarningCode.MEDIA: ("a recording (audio or video)", "{} recordings (audio or video)"),
    WarningCode.FRAMES: (
        "a frame with the content of another page",
        "{} frames with the content of other pages",
    ),
    WarningCode.WIDGETS: ("an interactive output", "{} interactive outputs"),
    WarningCode.FORMULAS: (
        "a formula whose parts are out of order in the file",
        "{} formulas whose parts are out of order in the file",
    ),
    WarningCode.DRAWINGS: (
        "a drawing of which only the text is read",
        "{} drawings of which only the text is read",
    ),
    WarningCode.CUT_OUTPUT: ("a long output, shortened", "{} long outputs, shortened"),
    WarningCode.MISSING_EMBEDS: (
        "an embedded note that is not there",
        "{} embedded notes that are not there",
    ),
    WarningCode.MISSING_INCLUDES: (
        "an included file that is not there",
        "{} included files that are not there",
    ),
    WarningCode.DAMAGED_PARTS: ("a part that cannot be read", "{} parts that cannot be read"),
    WarningCode.NOT_TEXT: (
        "encoded data or minified code, which is no text",
        "{:,} characters of encoded data or minified code, which is no text",
    ),
    WarningCode.ATTACHMENTS: ("an attached file that is not read", "{} attached files that are not read"),
}
"""Content that was not read, for one and for several in one file."""
_HARMLESS = frozenset((WarningCode.REPLACED_CHARACTERS, WarningCode.OTHER))


@dataclass(frozen=True, slots=True)
class NoteWarning:
    """A warning with the values that its code needs; the others stay empty.

    `places` are 1-based and count in `unit` (page, slide, cell, paragraph, line); `count` is the number of
    pictures, charts, ... there, or of characters that were not valid in `encoding` or are data; `names` are those of
    embedded files; `seconds` is the `ingest.max_seconds` that was too short (0 if unknown); `text` is the
    sentence that an older library stored in place of a code.
    """

    code: WarningCode
    places: tuple[int, ...] = ()
    count: int = 0
    encoding: str = ""
    seconds: float = 0.0
    text: str = ""
    unit: str = ""
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the warning as a sentence for a person, without capital and full stop."""
        if self.text:
            return self.text
        if self.code is WarningCode.NO_TEXT:
            return "it holds no text: there is nothing to search in it"
        if self.code is WarningCode.REPLACED_CHARACTERS:
            what, were = (
                ("1 character is", "was") if self.count == 1 else (f"{self.count} characters are", "were")
            )
            return f"{what} not valid {self.encoding} and {were} replaced"
        if self.code in _UNREAD:
            what = self._unread()
        elif self.code in _OUT_OF_TIME:
            what = _OUT_OF_TIME[self.code](self.seconds)
        else:
            what = _ABOUT_PAGES[self.code]
        return f"{self.place}: {what}" if self.places else what

    @property
    def place(self) -> str:
        """The printed places: `slide 2`, `pages 1-3, 7`."""
        return f"{self.unit or 'page'}{'' if len(self.places) == 1 else 's'} {_ranges(self.places)}"

    @property
    def unread(self) -> bool:
        """True if the note has content that cannot be found, because it was not read."""
        return self.code not in _HARMLESS

    def _unread(self) -> str:
        one, many = _UNREAD[self.code]
        what = one if self.count <= 1 else many.format(self.count)
        more = len(self.names) - SHOWN_NAMES
        names = ", ".join(self.names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
        return f"{what} ({names})" if names else what


def warning_record(warning: NoteWarning) -> dict[str, object]:
    """Return a warning as JSON shows it: code, unit, places and the sentence."""
    return {
        "code": warning.code.value,
        "unit": (warning.unit or "page") if warning.places else "",
        "places": list(warning.places),
        "reason": str(warning),
    }


def warnings_json(warnings: Iterable[NoteWarning]) -> str:
    """Return the JSON list that a library stores, an object for each warning.

    Empty values are left out.
    """
    objects = [{name: value for name, value in asdict(warning).items() if value} for warning in warnings]
    return json.dumps(objects, ensure_ascii=False)


def warnings_from_json(stored: str) -> tuple[NoteWarning, ...]:
    """Return the warnings that a library stored.

    Libraries from before there were codes stored sentences.
    """
    return tuple(
        _from_sentence(entry) if isinstance(entry, str) else warning_from(entry)
        for entry in json.loads(stored)
    )


def warning_from(values: dict[str, object]) -> NoteWarning:
    """Return the warning from its values as JSON gives them back.

    Older libraries named the places `pages`.

    Raises:
        ValueError, TypeError: the values are not those of a warning.
    """
    given = dict(values)
    places, names = given.pop("places", given.pop("pages", ())), given.pop("names", ())
    if not isinstance(places, (list, tuple)) or not isinstance(names, (list, tuple)):
        raise TypeError(f"places and names must be lists, found {places!r} and {names!r}")
    given |= {"code": WarningCode(str(given["code"])), "places": tuple(places), "names": tuple(names)}
    return NoteWarning(**given)  # type: ignore[arg-type]


_OLD_TIME = re.compile(r"ingest\.max_seconds(?: = ([0-9.]+))?\)")


def _from_sentence(text: str) -> NoteWarning:
    """Return the warning that an older library stored as a sentence.

    Its code is recognised where a later ingest can read more of the note.
    """
    if "pip install 'lectern[ocr]'" in text:
        return NoteWarning(WarningCode.OCR_MISSING, text=text)
    if match := _OLD_TIME.search(text):
        return NoteWarning(WarningCode.OCR_TIME, seconds=float(match[1] or 0), text=text)
    return NoteWarning(WarningCode.OTHER, text=text)


def _out_of_time(seconds: float) -> str:
    return (
        f"needs OCR and was not read, because the pages before took the {OCR_SHARE * seconds:g} seconds that OCR has "
        f"for a file (of ingest.max_seconds = {seconds:g}): raise ingest.max_seconds, take the document out with "
        "`lectern documents remove` and ingest it again"
    )


def _speech_out_of_time(seconds: float) -> str:
    return (
        f"it was transcribed up to here only, in the {OCR_SHARE * seconds:g} seconds that there are for it "
        f"(of ingest.max_seconds = {seconds:g}): raise ingest.max_seconds and ingest it again"
    )


_OUT_OF_TIME = {WarningCode.OCR_TIME: _out_of_time, WarningCode.SPEECH_TIME: _speech_out_of_time}


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers with runs shortened: `1-3, 7` for 1, 2, 3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
