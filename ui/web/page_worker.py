"""One page of a PDF as a picture, made in a process of its own.

A damaged file costs only its page.

`python -m ui.web.page_worker FILE PAGE` reads the quotes to mark as a JSON list from its input and prints one JSON
object: the picture as base64 PNG, and the boxes of each quote in shares of the page's width and height.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

_WIDTH_PIXELS = 1100
"""Width of the picture: sharp in a column of half a screen, and about 200 KB."""
_LEAST_CHARS = 12
"""Least letters of a quote that is looked for; less is found by chance."""


def page_picture(file: Path, number: int, quotes: list[str]) -> dict[str, Any]:
    """Return `png` in base64, `width`, `height` and `boxes` of a page.

    Pages are counted from 1, and sizes are in pixels. `pages` is the number of all.
    A box is (left, top, width, height). A quote that is not on the page exactly once has none.
    """
    import pypdfium2

    pdf = pypdfium2.PdfDocument(file)
    try:
        page = pdf[number - 1]
        width, height = page.get_size()
        picture = page.render(scale=_WIDTH_PIXELS / width).to_pil()
        out = io.BytesIO()
        picture.save(out, "PNG", optimize=False)
        text_page = page.get_textpage()
        boxes = [box for quote in quotes for box in _boxes(text_page, quote, width, height)]
        return {
            "png": base64.b64encode(out.getvalue()).decode(),
            "width": picture.width,
            "height": picture.height,
            "boxes": boxes,
            "pages": len(pdf),
        }
    finally:
        pdf.close()


def _boxes(
    text_page: Any, quote: str, width: float, height: float
) -> list[tuple[float, float, float, float]]:
    found = unique_place(text_page.get_text_range(), quote)
    if found is None:
        return []
    first, last = found
    boxes = []
    for number in range(text_page.count_rects(first, last - first)):
        left, bottom, right, top = text_page.get_rect(number)
        boxes.append((left / width, 1 - top / height, (right - left) / width, (top - bottom) / height))
    return boxes


def unique_place(text: str, quote: str) -> tuple[int, int] | None:
    """Return the half-open span of a quote in a page's text.

    None unless it is there exactly once.
    Only letters and digits are compared, without case: lines are broken and words divided differently on the page.
    """
    letters = [(character.casefold(), at) for at, character in enumerate(text) if character.isalnum()]
    page = "".join(letter[0] for letter, _ in letters)
    wanted = "".join(character.casefold()[0] for character in quote if character.isalnum())
    if len(wanted) < _LEAST_CHARS or page.count(wanted) != 1:
        return None
    start = page.index(wanted)
    if page.find(wanted, start + 1) >= 0:
        return None
    return letters[start][1], letters[start + len(wanted) - 1][1] + 1


if __name__ == "__main__":
    json.dump(page_picture(Path(sys.argv[1]), int(sys.argv[2]), json.load(sys.stdin)), sys.stdout)
