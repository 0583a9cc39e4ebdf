"""Pages of a PDF as pictures: quotes are marked where they are, once, and only in the file that was read."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rag.library.rows import DocumentRecord
from rag.types import DocumentKind
from ui.web.page_pictures import PagePictures
from ui.web.page_worker import unique_place

LINES = (
    "The heron of the reed bed weighs 1.9 kilo-",
    "grams and eats voles.",
    "It is seen at dawn. It is seen at dawn.",
)


@pytest.fixture
def record(tmp_path: Path) -> DocumentRecord:
    from reportlab.pdfgen.canvas import Canvas

    file = tmp_path / "heron.pdf"
    canvas = Canvas(str(file), pagesize=(400, 200))
    for number, line in enumerate(LINES):
        canvas.drawString(50, 150 - 20 * number, line)
    canvas.showPage()
    canvas.save()
    found = file.stat()
    return DocumentRecord(
        "heron.pdf", "", DocumentKind.PDF, "", found.st_size, found.st_mtime_ns, 1, str(file), (), (), ""
    )


def test_a_quote_over_two_lines_has_two_boxes_at_its_lines(record: DocumentRecord) -> None:
    picture = PagePictures().of(record, 1, ["The heron of the reed bed weighs 1.9 kilograms"])
    assert picture is not None
    assert base64.b64decode(picture.png).startswith(b"\x89PNG")
    assert picture.width == 1100
    tops = [round(top, 2) for _, top, _, _ in picture.boxes]
    assert len(tops) == 2
    assert tops == sorted(tops)
    left, top, width, height = picture.boxes[0]
    assert left == pytest.approx(50 / 400, abs=0.01)
    assert top == pytest.approx(1 - 160 / 200, abs=0.03)
    assert 0.4 < width < 0.8
    assert height < 0.1


def test_a_quote_that_is_there_twice_or_not_at_all_has_no_box(record: DocumentRecord) -> None:
    picture = PagePictures().of(record, 1, ["It is seen at dawn.", "The owl hunts at night."])
    assert picture is not None
    assert picture.boxes == ()


def test_a_file_that_changed_is_not_drawn(record: DocumentRecord) -> None:
    file = Path(record.source)
    file.write_bytes(file.read_bytes() + b"\n")
    assert PagePictures().of(record, 1) is None
    file.unlink()
    assert PagePictures().of(record, 1) is None


def test_a_damaged_file_and_a_missing_page_cost_nothing_else(record: DocumentRecord) -> None:
    assert PagePictures().of(record, 9) is None
    file = Path(record.source)
    file.write_bytes(b"%PDF-1.7\n" + b"\0" * 100)
    found = file.stat()
    broken = DocumentRecord(
        "heron.pdf", "", DocumentKind.PDF, "", found.st_size, found.st_mtime_ns, 1, str(file), (), (), ""
    )
    assert PagePictures().of(broken, 1) is None


@pytest.mark.parametrize(
    ("text", "quote", "place"),
    [
        ("The Owl hunts\r\nat night.", "the owl hunts at night", (0, 23)),
        ("A heron sleeps. A heron sleeps.", "A heron sleeps.", None),
        ("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaa", None),
        ("short words", "short words", None),
    ],
)
def test_the_place_of_a_quote_is_certain_or_none(
    text: str, quote: str, place: tuple[int, int] | None
) -> None:
    assert unique_place(text, quote) == place
