"""Pictures: the text that OCR finds in them, laid out like that of a scanned page."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from math import sqrt
from typing import Any

from ingest.extras import ocr_is_installed
from ingest.parsers.draft import Draft
from ingest.parsers.ocr import MOST_DOTS, OcrFailed, ocr_picture
from ingest.parsers.pdf import add_pages
from ingest.parsers.pdf_lines import PageText
from rag.errors import UnreadableNote
from rag.note_warnings import OCR_SHARE, NoteWarning, WarningCode
from rag.settings import IngestSettings
from rag.types import Unit


def read_picture(data: bytes, settings: IngestSettings) -> Draft:
    """Return the text in a picture, located by page where the file has several.

    Raises:
        UnreadableNote: it is no picture that can be opened, or the extra `ocr` is not installed.
    """
    if not ocr_is_installed():
        raise UnreadableNote("It is a picture; `lectern setup ocr` reads the text in it.", passing=True)
    deadline = time.monotonic() + OCR_SHARE * settings.max_seconds
    draft = Draft(Unit.PAGE)
    pages: list[PageText] = []
    failed: list[int] = []
    frames = _Frames(data, settings.max_pages)
    late: list[int] = []
    for number, frame in enumerate(frames.each(), 1):
        page = PageText([], 0.0, 0.0, 0, 0)
        if time.monotonic() > deadline:
            late.append(number)
        else:
            try:
                page = ocr_picture(frame, float(frame.shape[1]), float(frame.shape[0]))
            except OcrFailed:
                failed.append(number)
        pages.append(page)
    add_pages(draft, pages)
    if frames.cut and not draft.blocks:
        raise UnreadableNote(
            f"It is a damaged picture ({frames.cut}), and OCR finds no text in the part that is there."
        )
    if frames.cut:
        draft.missed.add(WarningCode.DAMAGED_PARTS, len(pages))
    found = (
        NoteWarning(WarningCode.OCR_FAILED, tuple(failed)),
        NoteWarning(WarningCode.OCR_TIME, tuple(late), seconds=settings.max_seconds),
    )
    draft.warnings += [warning for warning in found if warning.places]
    return draft


class _Frames:
    """The pages of a picture.

    `cut` is the reason why the last one is not whole, empty if it is.
    """

    def __init__(self, data: bytes, most_frames: int) -> None:
        self._data, self._most_frames = data, most_frames
        self.cut = ""

    def each(self) -> Iterator[Any]:
        """Yield the pages as arrays of dots (rows, columns, 3).

        They are small enough for OCR. A moving picture has one page, its first. Of a file that ends too early the last
        page is what is there of it.

        Raises:
            UnreadableNote: it is no picture, damaged or too large.
        """
        import numpy as np
        from PIL import Image, ImageSequence

        try:
            with Image.open(io.BytesIO(self._data)) as picture:
                moving = picture.format in {"GIF", "WEBP", "PNG"}
                for number, frame in enumerate(ImageSequence.Iterator(picture)):
                    if number >= (1 if moving else self._most_frames) or self.cut:
                        break
                    self._load(frame)
                    yield np.asarray(_small(_on_white(frame)))
        except (
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as exc:
            raise UnreadableNote(f"It is no picture that can be opened ({exc}).") from exc

    def _load(self, frame: Any) -> None:
        """Decode a page, or the part of it that is there."""
        from PIL import ImageFile

        try:
            frame.load()
        except (OSError, SyntaxError) as exc:
            self.cut = str(exc)
            # A setting of the whole process, which reads one note at a time.
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                frame.load()
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False


def _on_white(frame: Any) -> Any:
    """Return the frame in colours; what is transparent is white, as on a page."""
    from PIL import Image

    if "A" not in frame.getbands() and "transparency" not in frame.info:
        return frame.convert("RGB")
    layered = frame.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def _small(frame: Any) -> Any:
    """Return the frame with no more dots than OCR is given of a page."""
    share = sqrt(MOST_DOTS / max(frame.width * frame.height, 1))
    if share >= 1:
        return frame
    return frame.resize((max(1, int(frame.width * share)), max(1, int(frame.height * share))))
