"""Recordings: the words in audio and video with their times, by faster-whisper.

Its model has to be on this machine; nothing is downloaded while notes are read.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

from ingest.extras import speech_is_installed
from ingest.parsers.draft import Draft
from ingest.parsers.spoken import Line, add_spoken
from rag.errors import UnreadableNote
from rag.note_warnings import OCR_SHARE, NoteWarning, WarningCode
from rag.settings import IngestSettings
from rag.types import Unit


def read_recording(data: bytes, settings: IngestSettings) -> Draft:
    """Return what is heard, located by time, as far as there is time for it.

    Raises:
        UnreadableNote: the extra `audio` or its model is missing, or it is no recording that can be opened.
    """
    if not speech_is_installed():
        raise UnreadableNote("It is a recording; `lectern setup audio` transcribes it.", passing=True)
    draft = Draft(Unit.SECOND)
    deadline = time.monotonic() + OCR_SHARE * settings.max_seconds
    heard = _heard(_model(settings.speech_model), data)
    lines: list[Line] = []
    for line in heard:
        lines.append(line)
        if time.monotonic() > deadline and next(heard, None) is not None:
            draft.warnings.append(
                NoteWarning(
                    WarningCode.SPEECH_TIME,
                    (int(line.end),),
                    seconds=settings.max_seconds,
                    unit=Unit.SECOND.value,
                )
            )
            break
    add_spoken(draft, lines)
    return draft


def _model(name: str) -> Any:
    """Return the model of a name or folder.

    Raises:
        UnreadableNote: it is not on this machine.
    """
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(name, device="cpu", compute_type="int8", local_files_only=True)
    except (OSError, ValueError, RuntimeError) as exc:
        raise UnreadableNote(
            f"Its words need the speech model {name!r}, which is not on this machine. With a network, run: python -c "
            f"\"import faster_whisper; faster_whisper.download_model('{name}')\", or set ingest.speech_model to a "
            "folder with one.",
            passing=True,
        ) from exc


def _heard(model: Any, data: bytes) -> Iterator[Line]:
    """Yield what is heard, one sentence or phrase after the other."""
    segments, _ = model.transcribe(io.BytesIO(data))
    for segment in segments:
        yield Line(float(segment.start), float(segment.end), str(segment.text).strip())
