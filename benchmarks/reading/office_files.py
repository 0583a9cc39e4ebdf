"""Office files, PDF, e-books, archives and pictures with known facts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from benchmarks.reading.facts import Bank, Fact
from benchmarks.reading.text_files import Made, head, rows_of

_ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {"office": "office", "text": "text", "table": "table", "draw": "drawing", "presentation": "presentation"}.items()
)  # fmt: skip
_MIME = {"text": "text", "presentation": "presentation", "spreadsheet": "spreadsheet"}


def office_files(bank: Bank) -> Iterator[Made]:
    """Yield the files."""
    for make in (_word, _slides, _workbooks, _opendocument, _rtf, _pdf, _books, _archives, _pictures):
        yield from make(bank)


def _saved(document: Any) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _word(bank: Bank) -> Iterator[Made]:
    import docx

    for number in range(2):
        a, b, c = bank.take(), bank.take("list"), bank.take("heading")
        made = docx.Document()
        made.add_heading(f"Birds {number}")
        made.add_paragraph(a.statement)
        made.add_paragraph(b.statement, style="List Bullet")
        made.add_heading(c.statement, 2)
        yield f"word/prose{number}.docx", _saved(made), [a, b, c]
    rows, facts = rows_of(bank, 3)
    made = docx.Document()
    table = made.add_table(0, len(head()))
    for row in [head(), *rows]:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    yield "word/table.docx", _saved(made), facts
    a, b, c = bank.take(), bank.take("comment"), bank.take("footer")
    made = docx.Document()
    paragraph = made.add_paragraph(a.statement)
    made.add_comment(paragraph.runs, b.statement, author="Tutor")
    made.sections[0].footer.paragraphs[0].text = c.statement
    yield "word/review.docx", _saved(made), [a, b, c]


def _slides(bank: Bank) -> Iterator[Made]:
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    for number in range(2):
        facts = []
        deck = pptx.Presentation()
        for place in ("bullet", "notes"):
            one = bank.take(place)
            slide = deck.slides.add_slide(deck.slide_layouts[1])
            slide.shapes.title.text = f"Birds {place}"
            (
                slide.notes_slide.notes_text_frame if place == "notes" else slide.placeholders[1]
            ).text = one.statement
            facts.append(one)
        yield f"slides/deck{number}.pptx", _saved(deck), facts
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Table"
    rows, facts = rows_of(bank, 3)
    table = slide.shapes.add_table(4, len(head()), 0, Inches(2), Inches(8), Inches(3)).table
    for place, row in enumerate([head(), *rows]):
        for column, text in enumerate(row):
            table.cell(place, column).text = text
    one = bank.cell("chart")
    chart = CategoryChartData()
    chart.categories = [one.subject, "other"]
    chart.add_series(one.measure, (int(one.value), 1))
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Chart"
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, Inches(2), Inches(8), Inches(4), chart)
    yield "slides/table.pptx", _saved(deck), [*facts, one]


def _workbooks(bank: Bank) -> Iterator[Made]:
    import openpyxl
    from openpyxl.comments import Comment

    book = openpyxl.Workbook()
    facts = []
    for sheet in (book.active, book.create_sheet("Second")):
        rows, found = rows_of(bank, 30)
        for row in [head(), *rows]:
            sheet.append(row)
        facts += found[::10]
    yield "sheets/two.xlsx", _saved(book), facts
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Survey of the year"])
    sheet.append([])
    rows, facts = rows_of(bank, 3, "table under a title")
    for row in [head(), *rows]:
        sheet.append(row)
    a = bank.take("cell comment")
    sheet["A4"].comment = Comment(a.statement, "Tutor")
    yield "sheets/title.xlsx", _saved(book), [*facts, a]
    one, two = bank.cell("merged"), bank.cell("merged")
    book = openpyxl.Workbook()
    for row in (
        ["place", "bird", one.measure, two.measure],
        ["North", one.subject, int(one.value), 0],
        [None, two.subject, 0, int(two.value)],
    ):
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    merged = Fact(
        two.question, two.statement, (*two.needles, "North"), two.subject, two.measure, two.value, "merged"
    )
    yield "sheets/merged.xlsx", _saved(book), [one, merged]


def _packed(kind: str, body: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {_ODF} office:version="1.3"><office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>',
        )
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.{kind}"/></manifest:manifest>',
        )
    return stream.getvalue()


def _odf_table(rows: list[list[str]], name: str = "Table") -> str:
    made = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{cell}</text:p></table:table-cell>' for cell in row)}</table:table-row>"
        for row in rows
    )
    return f'<table:table table:name="{name}">{made}</table:table>'


def _opendocument(bank: Bank) -> Iterator[Made]:
    for number in range(2):
        a, b = bank.take(), bank.take("footnote")
        rows, facts = rows_of(bank, 2)
        note = f"<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>{b.statement}</text:p></text:note-body></text:note>"
        body = f'<text:h text:outline-level="1">Birds {number}</text:h><text:p>{a.statement}{note}</text:p>{_odf_table([head(), *rows])}'
        yield f"opendocument/text{number}.odt", _packed("text", body), [a, b, *facts]
    rows, facts = rows_of(bank, 12)
    yield "opendocument/sheet.ods", _packed("spreadsheet", _odf_table([head(), *rows], "Survey")), facts[::4]
    a, b = bank.take("slide"), bank.take("notes")
    slide = f'<draw:page draw:name="1"><draw:frame><draw:text-box><text:p>{a.statement}</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>{b.statement}</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>'
    yield "opendocument/deck.odp", _packed("presentation", slide), [a, b]


def _rtf(bank: Bank) -> Iterator[Made]:
    for number in range(2):
        a, b = bank.take(), bank.take()
        text = rf"{{\rtf1\ansi\ansicpg1252{{\fonttbl\f0 Arial;}}\f0\pard {{\b Birds}} {number}\par {a.statement}\par {b.statement}\par}}"
        yield f"rtf/notes{number}.rtf", text.encode(), [a, b]


def _pdf(bank: Bank) -> Iterator[Made]:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

    styles = getSampleStyleSheet()
    for number in range(3):
        facts = [bank.take() for _ in range(3)]
        stream = io.BytesIO()
        story: list[Any] = [Paragraph(f"Birds {number}", styles["Heading1"])]
        for one in facts:
            story += [
                Paragraph(
                    one.statement + " It was seen at dawn by the whole class on the way to the lake.",
                    styles["BodyText"],
                ),
                PageBreak(),
            ]
        SimpleDocTemplate(stream).build(story)
        yield f"pdf/prose{number}.pdf", stream.getvalue(), facts
    rows, facts = rows_of(bank, 4)
    stream = io.BytesIO()
    SimpleDocTemplate(stream).build([Paragraph("Table", styles["Heading1"]), Table([head(), *rows])])
    yield "pdf/table.pdf", stream.getvalue(), facts


def _books(bank: Bank) -> Iterator[Made]:
    for number in range(2):
        facts = [bank.take(f"chapter {chapter}") for chapter in (1, 2, 3)]
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("mimetype", "application/epub+zip")
            archive.writestr(
                "META-INF/container.xml",
                '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            )
            items = "".join(
                f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(3)
            )
            spine = "".join(f'<itemref idref="c{n}"/>' for n in range(3))
            archive.writestr(
                "book.opf",
                f'<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Birds {number}</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>',
            )
            for place, one in enumerate(facts):
                archive.writestr(
                    f"c{place}.xhtml",
                    f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Chapter</title></head><body><h1>Chapter {place + 1}</h1><p>{one.statement}</p></body></html>',
                )
        yield f"books/birds{number}.epub", stream.getvalue(), facts


def _archives(bank: Bank) -> Iterator[Made]:
    a, b = bank.take("file in an archive"), bank.take("file in an archive")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("week1/slides.md", f"# Week 1\n\n{a.statement}\n")
        archive.writestr("week2/slides.md", f"# Week 2\n\n{b.statement}\n")
    yield "archives/export.zip", stream.getvalue(), [a, b]


def _pictures(bank: Bank) -> Iterator[Made]:
    from PIL import Image, ImageDraw, ImageFont

    for suffix in ("png", "jpg"):
        one = bank.take("picture")
        page = Image.new("RGB", (1600, 400), "white")
        draw = ImageDraw.Draw(page)
        words = one.statement.split()
        for number, line in enumerate((words[:6], words[6:])):
            draw.text((60, 80 + 90 * number), " ".join(line), font=ImageFont.load_default(48), fill="black")
        stream = io.BytesIO()
        page.save(stream, format={"png": "PNG", "jpg": "JPEG"}[suffix])
        yield f"pictures/board.{suffix}", stream.getvalue(), [one]
