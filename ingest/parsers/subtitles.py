"""Subtitles and transcripts with times (.srt, .vtt); pysubs2 reads both."""

from __future__ import annotations

import html
import re

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.spoken import Line, add_spoken
from rag.errors import UnreadableNote
from rag.types import Unit

_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^<>\s][^<>]*)>")
_EMPTY_LINES = re.compile(r"\n{3,}")
_ARROW = "-->"
_UNCLOSED = {"<": ("\ue000", ">"), "{": ("\ue001", "}")}
"""Marks that pysubs2 takes for a start: the substitute (private use) and the end."""
_TAG = re.compile(r"</?[a-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}", re.IGNORECASE)


def read_subtitles(data: bytes) -> Draft:
    """Return the spoken words, located by time, after the name of the speaker.

    Raises:
        UnreadableNote: it is not text, or has no times.
    """
    import pysubs2

    decoded = decode(data)
    text = _without_unclosed(_EMPTY_LINES.sub("\n\n", _VOICE.sub(r"\1: ", decoded.text)))
    shape = "vtt" if text.lstrip().startswith("WEBVTT") else "srt"
    try:
        events = pysubs2.SSAFile.from_string(text, format_=shape).events
    except (pysubs2.exceptions.Pysubs2Error, ValueError, IndexError, KeyError) as exc:
        raise UnreadableNote(
            f"It has no subtitles that can be read ({exc}); expected .srt or WebVTT."
        ) from exc
    if not events and text.strip():
        raise UnreadableNote("It has no subtitles: expected lines such as 00:01:02,000 --> 00:01:05,000.")
    draft = Draft(Unit.SECOND)
    draft.warnings += decoded.warnings
    lines = (
        Line(event.start / 1000, event.end / 1000, html.unescape(_TAG.sub("", _restored(event.plaintext))))
        for event in sorted(events)
    )
    add_spoken(draft, lines)
    return draft


def _without_unclosed(text: str) -> str:
    """Return the text with substitutes for the marks that never end.

    Those are the marks without an end before the next times.
    pysubs2 searches all that follows for the end of each, which is quadratic in the marks.
    """
    parts = text.split(_ARROW)
    for sign, (substitute, end) in _UNCLOSED.items():
        for number, part in enumerate(parts):
            last = part.rfind(end) + 1
            parts[number] = part[:last] + part[last:].replace(sign, substitute)
    return _ARROW.join(parts)


def _restored(text: str) -> str:
    for sign, (substitute, _) in _UNCLOSED.items():
        text = text.replace(substitute, sign)
    return text
