"""A PDF's marks, form fields, page labels and pictures; hyphens of its words and broken formulas."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.parsers.pdf_hyphens import joined_word, known_words
from ingest.parsers.pdf_pictures import is_broken_formula
from rag.library.library import Library
from rag.types import BlockKind, Locator, Unit
from tests.ingest.reading import PNG, read_bytes, texts, warned

Draw = Callable[[Any], None]


def pdf(*pages: Draw, setup: Draw | None = None) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(595, 842))
    if setup is not None:
        setup(canvas)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def with_ink(content: bytes) -> bytes:
    """Return the file with a drawing by hand on its second page."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    file = pypdfium2.PdfDocument(content)
    pdfium.FPDFPage_CloseAnnot(pdfium.FPDFPage_CreateAnnot(file[1], pdfium.FPDF_ANNOT_INK))
    stream = io.BytesIO()
    file.save(stream)
    return stream.getvalue()


def words(*lines: str) -> Draw:
    def draw(canvas: Any) -> None:
        for number, line in enumerate(lines):
            canvas.drawString(72, 700 - 14 * number, line)

    return draw


def test_highlights_and_notes_of_a_reader_are_read(tmp_path: Path) -> None:
    def marked(canvas: Any) -> None:
        words("Enzymes lower the activation energy.", "They are not used up.")(canvas)
        quads = [72, 710, 290, 710, 72, 697, 290, 697]
        canvas.highlightAnnotation("In the exam!", Rect=[72, 697, 290, 710], QuadPoints=quads)
        lower = [72, 696, 200, 696, 72, 683, 200, 683]
        canvas.highlightAnnotation("", Rect=[72, 683, 200, 696], QuadPoints=lower)
        canvas.textAnnotation("See week 3", Rect=[400, 690, 420, 710])
        canvas.linkURL("https://example.org", (72, 600, 100, 612))

    document = read_bytes(tmp_path, "m.pdf", with_ink(pdf(words("First."), marked)))
    assert texts(document, BlockKind.NOTES) == [
        "Highlighted: Enzymes lower the activation energy. - note: In the exam!",
        "Highlighted: They are not used up.",
        "Note: See week 3",
    ]
    assert {b.locator.first for b in document.blocks if b.kind is BlockKind.NOTES} == {2}
    assert warned(document) == ["page 2: a drawing of which only the text is read"]


def test_filled_form_fields_are_read(tmp_path: Path) -> None:
    def form(canvas: Any) -> None:
        words("Quiz 4")(canvas)
        fields = canvas.acroForm
        fields.textfield(
            name="q1",
            tooltip="Name the organelle",
            value="Golgi apparatus",
            x=72,
            y=600,
            width=200,
            height=20,
        )
        fields.textfield(name="q2", tooltip="Name the enzyme", value="", x=72, y=570, width=200, height=20)
        fields.checkbox(name="late", tooltip="Handed in late", checked=True, x=72, y=540)
        fields.checkbox(name="group", tooltip="Group work", checked=False, x=72, y=520)
        fields.choice(
            name="slot",
            tooltip="Slot",
            value="Monday",
            options=["Monday", "Friday"],
            x=72,
            y=480,
            width=99,
            height=20,
        )

    document = read_bytes(tmp_path, "f.pdf", pdf(form))
    assert texts(document, BlockKind.LIST) == [
        "- Name the organelle: Golgi apparatus\n- [x] Handed in late\n- [ ] Group work\n- Slot: Monday"
    ]


def test_the_number_on_a_page_is_named_beside_its_number_in_the_file(
    tmp_path: Path, library: Library, embedder: Any
) -> None:
    from ingest.pipeline import ingest_paths
    from rag.settings import Settings

    def labels(canvas: Any) -> None:
        canvas.addPageLabel(0, style="ROMAN_LOWER", start=1)
        canvas.addPageLabel(2, style="ARABIC", start=3)

    content = pdf(words("A preface."), words("Thanks to all."), words("The first chapter."), setup=labels)
    document = read_bytes(tmp_path, "n/l.pdf", content)
    assert [str(block.locator) for block in document.blocks] == [
        "p. i (page 1 of the file)",
        "p. ii (page 2 of the file)",
        "p. 3",
    ]
    ingest_paths(library, [tmp_path / "n"], embedder, Settings())
    (chunk,) = library.chunks_of("l.pdf")
    assert chunk.label == "l.pdf › pp. 1-3"
    assert library.document("l.pdf").blocks == document.blocks


def test_labels_of_several_pages() -> None:
    both = Locator(Unit.PAGE, 4, 4, "Preface", "iv").to(Locator(Unit.PAGE, 6, 6, "", "vi"))
    assert str(both) == '"Preface" › pp. iv-vi (pages 4-6 of the file)'


def test_pictures_without_text_are_named_with_their_page(tmp_path: Path) -> None:
    from reportlab.lib.utils import ImageReader

    picture = ImageReader(io.BytesIO(PNG))

    def page(*boxes: tuple[float, float, float, float]) -> Draw:
        def draw(canvas: Any) -> None:
            words("Some words of prose that make a page with text.")(canvas)
            canvas.drawImage(picture, 500, 780, 70, 60)  # a logo, on each page
            for box in boxes:
                canvas.drawImage(picture, *box)

        return draw

    icon, figure, background = (300, 300, 20, 20), (100, 100, 200, 150), (0, 0, 595, 842)
    document = read_bytes(
        tmp_path, "p.pdf", pdf(page(), page(icon), page(figure, (350, 100, 99, 99)), page(background))
    )
    assert warned(document) == ["page 3: 2 pictures without a description"]


@pytest.mark.parametrize(
    ("text", "piece", "joined"),
    [
        ("the infor\ufffe", "mation is", "the information is"),
        ("a self\ufffe", "attention layer", "a self-attention layer"),
        ("state-of-the\ufffe", "art results", "state-of-the-art results"),
        ("the COVID\ufffe", "19 wave", "the COVID-19 wave"),
        ("pre\ufffe", "Columbian art", "pre-Columbian art"),
        ("we over\ufffe", "fitting, then", "we overfitting, then"),
        ("the cross\ufffe", "validation", "the cross-validation"),
    ],
)
def test_a_hyphen_that_belongs_to_the_word_stays(text: str, piece: str, joined: str) -> None:
    known = known_words(
        [
            "Overfitting is over the",
            "fitting. fitting",
            "attention and (Attention) to self",
            "Cross-validation",
        ]
    )
    assert joined_word(text, piece, known) == joined


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("n X i = 1 ( x i − µ ) 2", True),
        ("∂ L ∂ w = ∑ i x i δ i", True),
        ("The variance is x = 3 for all of the samples that we took", False),
        ("1 2 3 4 5 6 7 8 9 10", False),
        ("x = 2", False),
    ],
)
def test_loose_parts_of_a_formula_are_recognised(text: str, broken: bool) -> None:
    assert is_broken_formula(text) is broken
