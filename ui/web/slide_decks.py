"""The slides of the notes as PDF files, made by LibreOffice where it is installed.

A deck is converted once, in a process with limits of time and memory, and its PDF is kept in the library folder by the
hash of the deck's content. Meanwhile, and where LibreOffice is missing or fails, slides are text.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.archives import read_source
from ingest.discover import source_path
from ingest.parsers import content_hash
from rag.errors import UnreadableNote
from rag.library.rows import DocumentRecord
from rag.settings import IngestSettings
from rag.system.atomic_write import replacing
from rag.system.child_process import command, surroundings
from rag.types import DocumentKind

FOLDER = "slides"
"""Folder of the library with the PDF files. It may be deleted at any time."""
_PROGRAMS = ("soffice", "libreoffice", "/Applications/LibreOffice.app/Contents/MacOS/soffice")
_LISTS = {".pptx": ("ppt/presentation.xml", rb"<p:sldId\s"), ".odp": ("content.xml", rb"<draw:page\s")}
"""The part of a deck that lists its slides, and the beginning of one in it."""
_MOST_LIST_BYTES = 50_000_000


class Making(StrEnum):
    """The state of a deck's PDF."""

    MADE = "made"
    UNDER_WAY = "under way"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Deck:
    """A deck's PDF with its number of slides, and the state of making it."""

    state: Making
    pdf: Path | None = None
    slides: int = 0


@dataclass(slots=True)
class _Conversions:
    """The conversions of this process, one at a time, by the file that each makes."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    under_way: set[Path] = field(default_factory=set)
    failed: set[Path] = field(default_factory=set)


_CONVERSIONS = _Conversions()


class SlideDecks:
    """The PDF files of one library's decks. Safe to use from any thread.

    `documents` returns the documents of the library: PDF files of others are deleted.
    """

    def __init__(
        self, library: Path, settings: IngestSettings, documents: Callable[[], list[DocumentRecord]]
    ) -> None:
        self._folder = library / FOLDER
        self._settings = settings
        self._documents = documents

    def of(self, record: DocumentRecord) -> Deck:
        """Return the PDF of a deck; making it begins if it was not made yet."""
        if record.kind is not DocumentKind.SLIDES or not record.content_hash:
            return Deck(Making.NONE)
        made = next(self._folder.glob(f"{record.content_hash}.*.pdf"), None)
        if made is not None:
            return Deck(Making.MADE, made, int(made.name.split(".")[1]))
        program, target = libreoffice(), self._folder / record.content_hash
        with _CONVERSIONS.lock:
            if target in _CONVERSIONS.failed or not program:
                return Deck(Making.NONE)
            if target not in _CONVERSIONS.under_way:
                _CONVERSIONS.under_way.add(target)
                threading.Thread(
                    target=self._make, args=(program, record, target), name="lectern-slides", daemon=True
                ).start()
        return Deck(Making.UNDER_WAY)

    def _make(self, program: str, record: DocumentRecord, target: Path) -> None:
        made = False
        try:
            with _CONVERSIONS.one_at_a_time:
                made = self._made(program, record)
        finally:
            with _CONVERSIONS.lock:
                _CONVERSIONS.under_way.discard(target)
                if not made:
                    _CONVERSIONS.failed.add(target)

    def _made(self, program: str, record: DocumentRecord) -> bool:
        """Write the PDF of a deck, and return False if that is not possible."""
        try:
            data = read_source(source_path(record.source), self._settings.max_file_bytes)
            if content_hash(data) != record.content_hash:
                return False
            suffix = source_path(record.source).suffix.lower()
            slides = _slides(data, suffix)
            with TemporaryDirectory(prefix="lectern-slides-") as place:
                deck = Path(place) / f"deck{suffix}"
                deck.write_bytes(data)
                if not slides or not self._converted(program, deck):
                    return False
                self._folder.mkdir(exist_ok=True)
                self._delete_others()
                with replacing(self._folder / f"{record.content_hash}.{slides}.pdf") as draft:
                    shutil.copyfile(deck.with_suffix(".pdf"), draft)
        except (OSError, UnreadableNote):
            return False
        return True

    def _converted(self, program: str, deck: Path) -> bool:
        seconds = self._settings.max_seconds
        given = (str(round(seconds)), str(self._settings.max_memory_bytes), str(os.getpid()))
        process = subprocess.Popen(
            command("ui.web.slide_worker", program, *given, str(deck), str(deck.parent)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=surroundings(),
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(process)
        return deck.with_suffix(".pdf").is_file()

    def _delete_others(self) -> None:
        """Delete the PDF files of decks that are not in the library any more."""
        known = {record.content_hash for record in self._documents()}
        for file in self._folder.glob("*.pdf"):
            if file.name.split(".")[0] not in known:
                file.unlink(missing_ok=True)


def libreoffice() -> str:
    """Return the path of LibreOffice's program, empty where it is not installed."""
    return next((found for program in _PROGRAMS if (found := shutil.which(program))), "")


def _slides(data: bytes, suffix: str) -> int:
    """Return the number of slides of a deck, 0 if it is not known."""
    if suffix not in _LISTS:
        return 0
    name, beginning = _LISTS[suffix]
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive, archive.open(name) as listed:
            return len(re.findall(beginning, listed.read(_MOST_LIST_BYTES)))
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ):
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
