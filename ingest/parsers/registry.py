"""The parsers of files whose text is extracted, by the suffix of the name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from typing import Any

from ingest.parsers.draft import Draft
from rag.errors import UnreadableNote
from rag.settings import IngestSettings

_BY_CONTENT = {
    ".ipynb": "notebook.read_notebook",
    ".docx": "word.read_word",
    ".rtf": "rtf.read_rtf",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html.read_html_file"),
    **dict.fromkeys((".csv", ".tsv"), "delimited.read_delimited"),
    **dict.fromkeys((".xlsx", ".xlsm"), "spreadsheet.read_workbook"),
    **dict.fromkeys((".tex", ".latex", ".ltx"), "latex.read_latex"),
    **dict.fromkeys((".rst", ".rest"), "rst.read_rst"),
    ".org": "org.read_org",
    **dict.fromkeys((".adoc", ".asciidoc"), "asciidoc.read_asciidoc"),
    **dict.fromkeys((".srt", ".vtt"), "subtitles.read_subtitles"),
}
"""Suffix to `module.function` for a file's bytes; imported when needed."""
_BOUNDED = {
    ".pdf": "pdf.read_pdf",
    ".pptx": "slides.read_slides",
    ".odt": "opendocument.read_text",
    ".odp": "opendocument.read_presentation",
    ".ods": "opendocument.read_sheets",
    ".epub": "epub.read_epub",
    **dict.fromkeys((".eml", ".mhtml", ".mht"), "mail.read_email"),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"), "picture.read_picture"
    ),
    **dict.fromkeys(
        (".mp3", ".m4a", ".wav", ".ogg", ".opus", ".flac", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"),
        "recording.read_recording",
    ),
}
"""The same for functions that take the bounds of the settings too."""


def has_parser(name: str | PurePath) -> bool:
    """Return whether the text of files of this name is extracted by a parser here."""
    suffix = PurePath(name).suffix.lower()
    return suffix in _BY_CONTENT or suffix in _BOUNDED


def read_draft(name: str | PurePath, data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return (draft, title) of a file by its name's suffix; the title may be empty.

    Raises:
        UnreadableNote: the parser cannot read it.
        KeyError: there is no parser for the suffix.
    """
    suffix = PurePath(name).suffix.lower()
    bounds = (settings,) if suffix in _BOUNDED else ()
    function = _function(_BOUNDED[suffix] if bounds else _BY_CONTENT[suffix])
    try:
        found = function(data, *bounds)
    except (UnreadableNote, MemoryError, RecursionError):
        raise
    except Exception as exc:  # libraries name no error of their own for what they cannot take apart
        raise UnreadableNote(f"The parser failed on it ({type(exc).__name__}: {exc}).") from exc
    return (found, "") if isinstance(found, Draft) else found


def _function(place: str) -> Callable[..., Any]:
    module, name = place.split(".")
    function: Callable[..., Any] = getattr(import_module(f"ingest.parsers.{module}"), name)
    return function
