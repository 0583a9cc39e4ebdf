"""Subtitles and transcripts with times (.srt, .vtt); pysubs2 reads both."""

from __future__ import annotations

import html
import re

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.spoken import Line, add_spoken
from rag.errors import UnreadableNote
from rag.types import Unit

_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^<>]+)>")
_TAG = re.compile(r"</?[a-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}", re.IGNORECASE)


def read_subtitles(data: bytes) -> Draft:
    """Return the spoken words, located by time, after the name of the speaker.

    Raises:
        UnreadableNote: it is not text, or has no times.
    """
    import pysubs2

    decoded = decode(data)
    text = _VOICE.sub(r"\1: ", decoded.text)
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
        Line(event.start / 1000, event.end / 1000, html.unescape(_TAG.sub("", event.plaintext)))
        for event in sorted(events)
    )
    add_spoken(draft, lines)
    return draft
