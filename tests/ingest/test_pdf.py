"""PDF files made here: what stands in their margins, and the letters that a PDF does not give as they are read."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.parsers import read_document
from rag.settings import IngestSettings
from rag.types import BlockKind, Document

Draw = Callable[[Any], None]
WIDTH, HEIGHT = 600, 800
PROSE = (
    "The quick brown fox jumps over the lazy dog and runs into the deep forest, where it",
    "meets another fox that is neither quick nor brown, and both of them decide to go on",
    "together until the evening comes and the light between the trees becomes too weak.",
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Document]:
    """Reads a PDF whose pages are given as lists of (left, bottom, text) in ten points, or as functions of the canvas."""

    def make(
        *pages: Sequence[tuple[float, float, str]] | Draw, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> Document:
        from reportlab.pdfgen.canvas import Canvas

        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=size)
        for page in pages:
            canvas.setFont("Helvetica", 10)
            if callable(page):
                page(canvas)
            else:
                for left, bottom, text in page:
                    canvas.drawString(left, bottom, text)
            canvas.showPage()
        canvas.save()
        file = tmp_path / "made.pdf"
        file.write_bytes(stream.getvalue())
        return read_document(file, "made.pdf")

    return make


def prose(top: float = 680) -> list[tuple[float, float, str]]:
    return [(60, top - 12 * number, line) for number, line in enumerate(PROSE)]


def texts(document: Document, kind: BlockKind | None = None) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if kind in {None, b.kind}]


# ---- margins ----------------------------------------------------------------------------------------------------


def test_a_cell_that_equals_its_page_number_stays(read: Callable[..., Document]) -> None:
    """Page 3 says 3 twice: in a table, and at its foot."""

    def page(number: int) -> list[tuple[float, float, str]]:
        table = [(60, 600, "Lab"), (200, 600, "Points"), (60, 585, "Filters"), (200, 585, str(number))]
        return [*prose(), *table, (300, 30, str(number))]

    document = read(*(page(number) for number in range(1, 5)))
    assert texts(document, BlockKind.TABLE) == [f"Lab | Points\nFilters | {number}" for number in range(1, 5)]
    assert document.text.count("\n3") == 0
    assert document.text.count("3") == 1


def test_columns_of_numbers_that_reach_into_the_margin_stay(read: Callable[..., Document]) -> None:
    """Full pages of a table: its rows stand at the same height on every page, as running lines do."""

    def page(number: int) -> list[tuple[float, float, str]]:
        names = [(60, 750 - 14 * row, f"Student {number} {row}") for row in range(50)]
        marks = [(300, 750 - 14 * row, str(100 * number + row)) for row in range(50)]
        return [cell for row in zip(names, marks, strict=True) for cell in row]

    words = Counter(read(*(page(number) for number in range(1, 4))).text.split())
    assert words["Student"] == 150
    assert all(words[str(100 * number + row)] == 1 for number in range(1, 4) for row in range(50))


def test_a_heading_that_equals_the_running_head_stays(read: Callable[..., Document]) -> None:
    def first(canvas: Any) -> None:
        canvas.setFont("Helvetica", 20)
        canvas.drawString(60, 730, "Signals and systems")
        canvas.setFont("Helvetica", 10)
        for left, bottom, text in [*prose(), (60, 770, "Signals and systems")]:
            canvas.drawString(left, bottom, text)

    document = read(first, *([[*prose(), (60, 770, "Signals and systems")]] * 4))
    assert texts(document, BlockKind.HEADING) == ["Signals and systems"]
    assert document.text.count("Signals and systems") == 1


CHAPTERS = ("Sampling of signals", "Linear filters", "The Fourier transform", "Noise and its sources")


@pytest.mark.parametrize("numbered", [False, True], ids=["plain", "with the page's number"])
def test_the_running_heads_of_chapters_go(read: Callable[..., Document], numbered: bool) -> None:
    """Eight pages a chapter: no head stands on two fifths of the pages."""

    def page(index: int) -> list[tuple[float, float, str]]:
        head = CHAPTERS[index // 8] + (f" {index + 1}" if numbered else "")
        return [(60, 770, head), *prose(), (60, 620, f"Chapter on {CHAPTERS[index // 8].lower()}.")]

    document = read(*(page(index) for index in range(32)))
    assert not any(chapter in document.text for chapter in CHAPTERS)
    assert document.text.count("Chapter on") == 32
    assert document.text.count(PROSE[0]) == 32


def test_heads_of_left_and_right_pages_go(read: Callable[..., Document]) -> None:
    """The chapter on the left, its section on the right; five chapters of six pages."""

    def page(index: int) -> list[tuple[float, float, str]]:
        chapter = index // 6
        head = f"Section {'abcde'[chapter]}" if index % 2 else f"Part {'vwxyz'[chapter]}"
        return [(60, 770, head), *prose()]

    document = read(*(page(index) for index in range(30)))
    assert "Section" not in document.text
    assert "Part" not in document.text


def test_what_opens_the_text_of_several_pages_is_no_running_head(read: Callable[..., Document]) -> None:
    """The first row of a table that goes on, close to what follows; and a title that two pages of twelve share."""
    row = [(60, 740, "Student"), (300, 740, "Mark")]
    table = [[*row, *((60, 727 - 13 * n, f"Name {page} {n}") for n in range(40))] for page in range(3)]
    plain = [prose()] * 7
    document = read(*table, *plain, *([[(60, 770, "Homework"), *prose()]] * 2))
    assert document.text.count("Student") == 3
    assert document.text.count("Homework") == 2


def test_titles_that_are_continued_on_the_next_slides_stay(read: Callable[..., Document]) -> None:
    slides = [
        [(60, 370, title), (60, 250, f"Point {n} of it.")]
        for title in ("Loss", "Step", "Data")
        for n in range(3)
    ]
    document = read(*slides, size=(600, 400))
    assert [document.text.count(title) for title in ("Loss", "Step", "Data")] == [3, 3, 3]


def test_a_number_that_ends_the_text_is_no_page_number(read: Callable[..., Document]) -> None:
    """It follows the line before as text does; the number that stands apart is the page's."""
    answer = [*prose(), (60, 120, "The answer to all of it is the number"), (60, 108, "42")]
    assert read(answer).text.endswith("42")
    assert "7" not in read([*prose(), (300, 30, "7")]).text


def test_the_problems_of_an_exam_stay_and_its_pages_feet_go(read: Callable[..., Document]) -> None:
    """One problem a page: its number counts the pages as well."""
    document = read(
        *(
            [(60, 760, f"Problem {n}"), *prose(), (60, 30, f"Final exam, page {n}"), (300, 30, f"{n} of 4")]
            for n in range(1, 5)
        )
    )
    assert [f"Problem {n}" in document.text for n in range(1, 5)] == [True] * 4
    assert "exam" not in document.text
    assert "of 4" not in document.text


# ---- letters ----------------------------------------------------------------------------------------------------


def test_words_broken_at_the_end_of_a_line_are_joined(read: Callable[..., Document]) -> None:
    """As the rest of the document writes them: `well-known` keeps its hyphen."""
    lines = (
        "Everybody in this course has heard of the well-known rule and of regularisation, and of the well-",
        "known exception to it, which is the reason for most of what is said about regulari-",
        "sation here.",
    )
    text = read([(60, 700 - 12 * number, line) for number, line in enumerate(lines)]).text
    assert "about regularisation here" in text
    assert "the well-known exception" in text


def test_ligatures_are_spelled_out(read: Callable[..., Document]) -> None:
    import reportlab
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Vera", Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"))

    def page(canvas: Any) -> None:
        canvas.setFont("Vera", 10)
        canvas.drawString(60, 700, "The ﬁrst reﬂection is deﬁned here.")

    assert read(page).text == "The first reflection is defined here."


def test_symbols_without_text_are_named(tmp_path: Path) -> None:
    """A font that says nothing about its letters, as formulas have them: their place stays, and a warning says so."""
    content = b"BT /F1 12 Tf 60 700 Td (The energy of a body at rest is) Tj 0 -20 Td /F2 12 Tf <00010002> Tj /F1 12 Tf ( = mc) Tj ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Font/Subtype/Type0/BaseFont/Signs/Encoding/Identity-H/DescendantFonts[7 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/Signs/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor 8 0 R/DW 600>>",
        b"<</Type/FontDescriptor/FontName/Signs/Flags 4/FontBBox[0 -200 1000 800]/ItalicAngle 0/Ascent 800/Descent -200"
        b"/CapHeight 700/StemV 80>>",
    )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, value) for number, value in enumerate(objects, 1))
    file = tmp_path / "signs.pdf"
    file.write_bytes(b"%PDF-1.4\n" + body + b"trailer\n<</Size 9/Root 1 0 R>>\n%%EOF\n")
    document = read_document(file, "signs.pdf")
    assert "\ufffd\ufffd = mc" in document.text
    assert tuple(map(str, document.warnings)) == (
        "page 1: holds symbols that the file gives no text for (parts of formulas, usually)",
    )


def test_a_file_of_many_scans_says_what_was_not_read_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time for OCR at all: no page is started, all are named."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "scans.pdf"), pagesize=(WIDTH, HEIGHT))
    for _ in range(3):
        canvas.rect(100, 100, 300, 300, fill=1)
        canvas.showPage()
    canvas.save()
    monkeypatch.setattr("ingest.parsers.pdf.ocr_is_installed", lambda: True)
    document = read_document(tmp_path / "scans.pdf", "scans.pdf", IngestSettings(max_seconds=1e-9))
    (warning,) = map(str, document.warnings)
    assert warning.startswith("pages 1-3: needs OCR and was not read")
    assert "raise ingest.max_seconds" in warning
    assert "lectern documents remove" in warning


CODE_LINES = (
    "def fill(tank, litres):",
    "    level = tank.level + litres",
    "    if level > tank.most:",
    "        level = tank.most",
    "",
    "    return level",
)


def drawn_code(canvas: Any, font: str = "Courier", size: int = 9) -> None:
    """Draws prose, code whose indentation is a place and no spaces, and prose again."""
    for left, bottom, text in prose():
        canvas.drawString(left, bottom, text)
    canvas.setFont(font, size)
    for number, line in enumerate(CODE_LINES):
        indent = len(line) - len(line.lstrip())
        canvas.drawString(90 + indent * 0.6 * size, 630 - 11 * number, line.strip())
    canvas.setFont("Helvetica", 10)
    for left, bottom, text in prose(550):
        canvas.drawString(left, bottom, text)


@pytest.mark.parametrize("size", [7, 9, 10])
def test_code_keeps_its_lines_and_its_indentation(read: Callable[..., Document], size: int) -> None:
    document = read(lambda canvas: drawn_code(canvas, size=size))
    assert texts(document, BlockKind.CODE) == ["\n".join(CODE_LINES)]
    assert texts(document, BlockKind.PARAGRAPH) == [" ".join(PROSE)] * 2


def test_a_page_in_a_fixed_font_alone_is_prose(read: Callable[..., Document]) -> None:
    def draw(canvas: Any) -> None:
        canvas.setFont("Courier", 9)
        for left, bottom, text in prose():
            canvas.drawString(left, bottom, text)

    assert texts(read(draw)) == [" ".join(PROSE)]


def test_addresses_in_a_sentence_are_no_code(read: Callable[..., Document]) -> None:
    def draw(canvas: Any) -> None:
        for left, bottom, text in prose():
            canvas.drawString(left, bottom, text)
        canvas.setFont("Courier", 10)
        for number in range(2):
            canvas.drawString(60, 644 - 12 * number, f"https://foxes.example/{'den' * 20}/{number}")

    assert not texts(read(draw), BlockKind.CODE)
