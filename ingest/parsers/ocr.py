"""Text from pictures of pages, if the optional extra `ocr` is installed.

RapidOCR brings its own small models and runs them on OpenVINO, which is here anyway; no system package and no
network.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from statistics import median
from typing import Any

from ingest.parsers.pdf_lines import Glyph, Line, PageText

_DOTS_AN_INCH = 150
"""Dots an inch of a rendered page. Chosen, not measured."""
MOST_DOTS = 8_000_000
"""Most dots of a rendered page.

Four times a page of A4 at 150 dots an inch; a poster is read at fewer dots an inch.
"""
_POINTS_AN_INCH = 72
_SIZE_SHARE = 0.75
"""Font size as a share of the height of a line's box. Chosen, not measured."""
_LARGER = 1.5
"""Ratio of a line's height to the page's usual one from which its font is larger. Chosen, not measured."""


class OcrFailed(Exception):
    """The engine gave up on a picture."""


def ocr_page(page: Any) -> PageText:
    """Return the lines that a PDF page shows as a picture, with their places.

    They are as if the file had them as text.

    Raises:
        OcrFailed: the engine gave up on it.
    """
    width, height = page.get_size()
    dots_a_point = min(_DOTS_AN_INCH / _POINTS_AN_INCH, sqrt(MOST_DOTS / max(width * height, 1.0)))
    return ocr_picture(page.render(scale=dots_a_point).to_numpy(), width, height)


def ocr_picture(picture: Any, width: float, height: float) -> PageText:
    """Return the lines in a picture, an array of dots (rows, columns, colours).

    Their places are in the units of `width` and `height`, which the picture has as a page.

    Raises:
        OcrFailed: the engine gave up on it.
    """
    try:
        found = _engine()(picture)
    except Exception as exc:  # RapidOCR names no error of its own, and one page must not cost the others
        raise OcrFailed(str(exc)) from exc
    texts, boxes = found.txts or (), found.boxes if found.boxes is not None else ()
    scale = width / max(picture.shape[1], 1)
    places = []
    for box in boxes:
        across, down = [float(x) * scale for x, _ in box], [height - float(y) * scale for _, y in box]
        places.append((min(across), min(down), max(across), max(down)))
    usual = median(top - bottom for _, bottom, _, top in places) if places else 1.0
    lines = [
        _line(text.strip(), *place, usual) for text, place in zip(texts, places, strict=True) if text.strip()
    ]
    return PageText(lines, width, height, sum(len(line.glyphs) for line in lines), 0)


def _line(text: str, left: float, bottom: float, right: float, top: float, usual: float) -> Line:
    """Return a line whose characters are all equally wide.

    Its font has the page's usual size unless it is clearly larger.
    """
    step = (right - left) / len(text)
    size = _SIZE_SHARE * (top - bottom if top - bottom > _LARGER * usual else usual)
    line = Line()
    for place, character in enumerate(text):
        line.add(Glyph(character, left + place * step, bottom, left + (place + 1) * step, top, size))
    return line


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import EngineType, RapidOCR

    parts = {f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
    return RapidOCR(params={**parts, "Global.log_level": "critical"})
