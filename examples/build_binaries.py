"""Knows how the slide deck, the PDF, the Word hand-out and the notebook outputs of the course are made.

Run `python examples/build_binaries.py` after editing a file in `examples/sources/`. With `--notebooks` the two
notebooks are executed again in a fresh kernel and their outputs replaced; this needs nbclient, ipykernel and matplotlib,
which the project itself does not depend on. The slides, the PDF and the hand-out come out byte for byte the same when
nothing was edited and the libraries are the same.
"""

from __future__ import annotations

import argparse
import datetime
import io
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus.doctemplate import BaseDocTemplate

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
COURSE = HERE / "course"
AUTHOR = "Lectern example course"
# Office files carry dates; a fixed one keeps rebuilt files identical.
MADE_ON = datetime.datetime(2026, 9, 1, 9, 0, 0)


def read_source(name: str) -> dict[str, Any]:
    """Return the parsed TOML source of one course file."""
    return tomllib.loads((SOURCES / f"{name}.toml").read_text(encoding="utf-8"))


def write_office_file(data: bytes, target: Path) -> None:
    """Write a zipped Office file with fixed entry dates, so that equal content gives equal bytes."""
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as result,
    ):
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=MADE_ON.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            result.writestr(entry, source.read(name))


def stamp(properties: Any, title: str) -> None:
    """Set the title, author and dates of an Office document."""
    properties.title = title
    properties.author = AUTHOR
    properties.last_modified_by = AUTHOR
    properties.created = MADE_ON
    properties.modified = MADE_ON


def build_slides(target: Path) -> None:
    """Write the slide deck: a title slide, then one slide per entry with bullets, an optional table and notes."""
    from pptx import Presentation
    from pptx.util import Pt

    source = read_source("slides-spectrum")
    deck = Presentation()
    opening = deck.slides.add_slide(deck.slide_layouts[0])
    opening.shapes.title.text = source["title"]
    opening.placeholders[1].text = source["subtitle"]
    opening.notes_slide.notes_text_frame.text = source["notes"]
    for entry in source["slide"]:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = entry["title"]
        slide.shapes.title.text_frame.paragraphs[0].font.size = Pt(36)
        fill_bullets(slide.placeholders[1], entry["bullets"], beside_table="table" in entry)
        if "table" in entry:
            add_slide_table(slide, entry["table"])
        slide.notes_slide.notes_text_frame.text = entry["notes"]
    stamp(deck.core_properties, source["title"])
    buffer = io.BytesIO()
    deck.save(buffer)
    write_office_file(buffer.getvalue(), target)


def fill_bullets(placeholder: Any, bullets: list[str], *, beside_table: bool) -> None:
    """Put the bullets into the body of a slide; above a table the body shrinks to one line."""
    from pptx.util import Inches, Pt

    if beside_table:
        placeholder.left, placeholder.top = Inches(0.5), Inches(1.5)
        placeholder.width, placeholder.height = Inches(9), Inches(0.9)
    frame = placeholder.text_frame
    frame.text = bullets[0]
    for bullet in bullets[1:]:
        frame.add_paragraph().text = bullet
    for paragraph in frame.paragraphs:
        paragraph.font.size = Pt(24)
        paragraph.space_after = Pt(6)


def add_slide_table(slide: Any, rows: list[list[str]]) -> None:
    """Add a table below the body of a slide; the first row is the header."""
    from pptx.util import Inches, Pt

    shape = slide.shapes.add_table(
        len(rows), len(rows[0]), Inches(0.7), Inches(2.6), Inches(8.6), Inches(0.5 * len(rows))
    )
    for row_number, row in enumerate(rows):
        for column_number, text in enumerate(row):
            cell = shape.table.cell(row_number, column_number)
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = Pt(18)


def build_handout(target: Path) -> None:
    """Write the Word hand-out from its blocks: headings, paragraphs, bullet lists and tables."""
    from docx import Document

    source = read_source("syllabus")
    document = Document()
    document.add_heading(source["title"], level=0)
    for block in source["block"]:
        match block:
            case {"heading": text}:
                document.add_heading(text, level=1)
            case {"paragraph": text}:
                document.add_paragraph(text)
            case {"list": items}:
                for item in items:
                    document.add_paragraph(item, style="List Bullet")
            case {"table": rows}:
                add_handout_table(document, rows)
    stamp(document.core_properties, source["title"])
    buffer = io.BytesIO()
    document.save(buffer)
    write_office_file(buffer.getvalue(), target)


def add_handout_table(document: Any, rows: list[list[str]]) -> None:
    """Add a table with a bold header row, and an empty paragraph after it."""
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True
    document.add_paragraph()


def build_reading(target: Path) -> None:
    """Write the PDF reading on A4 with a running header and page numbers."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import SimpleDocTemplate

    source = read_source("reading-sensor-buses")

    def decorate(canvas: Canvas, template: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 9)
        canvas.drawString(2.5 * cm, A4[1] - 1.5 * cm, source["header"])
        canvas.drawCentredString(A4[0] / 2, 1.3 * cm, f"Page {template.page}")
        canvas.restoreState()

    template = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=2.5 * cm,
        rightMargin=2.5 * cm,
        topMargin=2.5 * cm,
        bottomMargin=2.3 * cm,
        title=source["title"],
        author=AUTHOR,
        invariant=1,
    )
    template.build(reading_flow(source), onFirstPage=decorate, onLaterPages=decorate)


def reading_flow(source: dict[str, Any]) -> list[Any]:
    """Return the flowables of the PDF in reading order."""
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import KeepTogether, ListFlowable, ListItem, Paragraph, Preformatted, Spacer

    styles = getSampleStyleSheet()
    body = styles["BodyText"]
    body.fontSize, body.leading, body.spaceAfter = 11, 15, 6
    code = styles["Code"]
    code.fontSize, code.leading = 10, 13
    flow: list[Any] = [Paragraph(source["title"], styles["Title"])]
    for block in source["block"]:
        match block:
            case {"heading": text}:
                flow.append(Paragraph(text, styles["Heading2"]))
            case {"subheading": text}:
                flow.append(Paragraph(text, styles["Heading3"]))
            case {"paragraph": text}:
                flow.append(Paragraph(text, body))
            case {"code": text}:
                flow += [Preformatted(text, code), Spacer(1, 8)]
            case {"list": items}:
                entries = [ListItem(Paragraph(item, body)) for item in items]
                flow.append(ListFlowable(entries, bulletType="1", bulletFormat="%s."))
            case {"table": rows}:
                flow += [KeepTogether(reading_table(rows, body)), Spacer(1, 8)]
    return flow


def reading_table(rows: list[list[str]], style: Any) -> Any:
    """Return a ruled PDF table with a shaded first row."""
    from reportlab.lib import colors
    from reportlab.platypus import Paragraph, Table

    cells = [[Paragraph(text, style) for text in row] for row in rows]
    return Table(
        cells,
        style=[
            ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ],
    )


def execute_notebooks() -> None:
    """Run both notebooks in a fresh kernel and write their outputs back, without time stamps."""
    import nbformat
    from nbclient import NotebookClient  # type: ignore[import-not-found, unused-ignore]

    for path in sorted(COURSE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=120, record_timing=False).execute()
        notebook.metadata["language_info"] = {"name": "python"}
        nbformat.validate(notebook)
        nbformat.write(notebook, path)


def main() -> int:
    """Build what the flags ask for; return the exit status."""
    parser = argparse.ArgumentParser(description="Build the binary files of the example course.")
    parser.add_argument("--notebooks", action="store_true", help="execute the notebooks instead")
    if parser.parse_args().notebooks:
        execute_notebooks()
        return 0
    build_slides(COURSE / "slides-spectrum.pptx")
    build_handout(COURSE / "syllabus.docx")
    build_reading(COURSE / "reading-sensor-buses.pdf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
