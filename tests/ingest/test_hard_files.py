"""Ordinary files that are hard to read: what each of them says is in its document, or named."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference

from ingest.parsers import read_document
from rag.errors import UnreadableNote
from rag.types import BlockKind
from tests.ingest.reading import read_bytes, saved, texts, warned

_ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "style": "style",
    }.items()
)  # fmt: skip


def opendocument(kind: str, body: str, styles: str = "") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        inner = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        archive.writestr("content.xml", f"<office:document-content {_ODF}>{inner}</office:document-content>")
        if styles:
            archive.writestr(
                "styles.xml", f"<office:document-styles {_ODF}>{styles}</office:document-styles>"
            )
    return stream.getvalue()


def test_latex_keeps_code_and_links_with_a_percent_sign(tmp_path: Path) -> None:
    source = (
        r"Use \verb|a%b_{2}| or \lstinline!c % d!, not \texttt{fork}. % no note"
        "\n"
        r"See \href{http://example.org/a%20b}{the page} and \mbox{one box}."
    )
    assert texts(read_bytes(tmp_path, "code.tex", source)) == [
        "Use a%b_{2} or c % d, not fork. See the page and one box."
    ]


def test_latex_exam_parts_are_paragraphs_and_not_parts_of_a_book(tmp_path: Path) -> None:
    source = r"\begin{questions}\question[5] Why? \begin{parts}\part First. \part[2] Second.\end{parts}\end{questions}"
    assert texts(read_bytes(tmp_path, "exam.tex", source)) == ["[5] Why?", "First.", "[2] Second."]
    assert texts(read_bytes(tmp_path, "book.tex", r"\part{One} Words."), BlockKind.HEADING) == ["One"]


def test_latex_slides_are_read_without_their_steps(tmp_path: Path) -> None:
    source = r"\begin{frame}<2->\only<1>{Now} \column{.5\textwidth} \alert<3>{that} $a<2>b$\end{frame}"
    assert texts(read_bytes(tmp_path, "deck.tex", source)) == ["Now that a<2>b"]


def test_latex_captions_of_listings_and_cells_over_several_columns(tmp_path: Path) -> None:
    source = (
        "\\begin{lstlisting}[language=C,caption={Sum of two, in C}]\nint f;\n\\end{lstlisting}\n"
        "\\begin{tabular}{lcc}Name & \\multicolumn{2}{c}{Marks} \\\\ & Lab & Exam \\\\ "
        "\\multirow{2}{*}{Ann} & 5 & 6 \\\\ & 7 & 8\\end{tabular}"
    )
    found = read_bytes(tmp_path, "table.tex", source)
    assert texts(found, BlockKind.TABLE) == ["Name | Marks Lab | Marks Exam\nAnn | 5 | 6\nAnn | 7 | 8"]
    assert texts(found)[:2] == ["Sum of two, in C", "int f;"]


def test_workbook_with_a_head_of_two_rows_tables_side_by_side_and_charts(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Group", "Session", None, None, None, None],
        [None, "Lab", "Seminar", None, "Key", "Value"],
        ["A", "Mon", "Tue", None, "late days", 3],
        ["B", "Wed", "Thu", None, None, None],
    ):
        sheet.append(row)
    for cells in ("A1:A2", "B1:C1"):
        sheet.merge_cells(cells)
    chart = BarChart()
    chart.title = "Marks of the year"
    chart.add_data(Reference(sheet, min_col=6, min_row=3, max_row=3))
    book.create_chartsheet("Figure").add_chart(chart)
    stream = io.BytesIO()
    book.save(stream)
    found = read_bytes(tmp_path, "plan.xlsx", stream.getvalue())
    assert texts(found, BlockKind.TABLE) == [
        "Group | Session Lab | Session Seminar\nA | Mon | Tue\nB | Wed | Thu",
        "Key | Value\nlate days | 3",
    ]
    assert texts(found)[-1] == "Marks of the year"


def test_lines_of_a_slide_are_items_with_their_numbers_and_levels_and_code_is_code(tmp_path: Path) -> None:
    import pptx
    from pptx.oxml.ns import qn
    from pptx.util import Inches

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.placeholders[1].text = "Prof. Iwu\nHall 2.05\n17 February 2026"
    slide.placeholders[1].text_frame.paragraphs[1].level = 1
    numbered = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(2), Inches(1)).text_frame
    numbered.text = "Mix\nHeat"
    for paragraph in numbered.paragraphs:
        properties = paragraph._p.get_or_add_pPr()
        properties.append(properties.makeelement(qn("a:buAutoNum"), {"type": "arabicPeriod"}))
    code = slide.shapes.add_textbox(Inches(1), Inches(3), Inches(2), Inches(1)).text_frame
    code.text = "def half(n):\nreturn n // 2"
    assert texts(read_bytes(tmp_path, "d.pptx", saved(deck))) == [
        "- Prof. Iwu\n  - Hall 2.05\n- 17 February 2026",
        "1. Mix\n2. Heat",
        "def half(n):\nreturn n // 2",
    ]


def test_properties_and_drawers_of_org_are_read_without_what_is_for_emacs(tmp_path: Path) -> None:
    source = (
        "* Thesis\n:PROPERTIES:\n:Supervisor: Dr. Okafor\n:ID: 4f1c\n:CUSTOM_ID: thesis\n:END:\n"
        ":LOGBOOK:\nCLOCK: [2026-01-01 Thu]\n:END:\n:HINT:\nBegin with the data.\n:END:\nWords.\n"
    )
    assert texts(read_bytes(tmp_path, "a.org", source)) == [
        "Thesis",
        "Supervisor: Dr. Okafor",
        "Begin with the data.",
        "Words.",
    ]


def test_asciidoc_tables_of_separated_values(tmp_path: Path) -> None:
    source = (
        '[%header,format=csv]\n|===\nDrug,Dose\n"Aspirin, oral",481 mg\n|===\n\n'
        ",===\nKey,Value\nroom,B12\n,===\n\n|===\n|A |B\n|c, d |e\n|===\n"
    )
    assert texts(read_bytes(tmp_path, "a.adoc", source)) == [
        "Drug | Dose\nAspirin, oral | 481 mg",
        "Key | Value\nroom | B12",
        "A | B\nc, d | e",
    ]


def test_texts_of_shapes_in_rich_text_are_read_once(tmp_path: Path) -> None:
    shape = r"{\shp{\*\shpinst{\shptxt The quota is 417 litres\par}}{\shprslt {%s}}}"
    for copy in ("", r"The quota is 417 litres\par"):
        source = r"{\rtf1\ansi Words\par " + shape % copy + r"\par}"
        assert texts(read_bytes(tmp_path, "a.rtf", source)).count("The quota is 417 litres") == 1


def test_menus_without_a_choice_and_areas_of_a_picture(tmp_path: Path) -> None:
    many = "".join(f"<option>{year}" for year in range(1950, 2026))
    page = (
        "<body><p>Slot: <select><option>Mon 9:00<option>Tue 14:00</select></p>"
        f"<p>Year: <select>{many}</select></p><map><area alt='The left atrium of the heart' href=a></map></body>"
    )
    assert texts(read_bytes(tmp_path, "a.html", page)) == [
        "Slot: Mon 9:00, Tue 14:00",
        "Year:",
        "The left atrium of the heart",
    ]


def test_opendocument_margins_shapes_and_comments(tmp_path: Path) -> None:
    margins = "<office:master-styles><style:master-page><style:footer><text:p>Room 12, Mondays</text:p></style:footer></style:master-page></office:master-styles>"
    body = "<text:numbered-paragraph><text:p>First step</text:p></text:numbered-paragraph>"
    assert texts(read_bytes(tmp_path, "t.odt", opendocument("text", body, margins))) == [
        "First step",
        "Room 12, Mondays",
    ]
    body = "<draw:page><draw:ellipse><text:p>cell</text:p></draw:ellipse><draw:g><draw:rect><text:p>wall</text:p></draw:rect></draw:g><office:annotation><text:p>ask</text:p></office:annotation></draw:page>"
    assert texts(read_bytes(tmp_path, "p.odp", opendocument("presentation", body))) == ["cell", "wall", "ask"]
    body = "<table:table table:name='S'><table:table-row><table:table-cell><text:p>k</text:p></table:table-cell><table:table-cell><text:p>v</text:p></table:table-cell></table:table-row><table:shapes><draw:custom-shape><text:p>over the cells</text:p></draw:custom-shape></table:shapes></table:table>"
    assert "over the cells" in texts(read_bytes(tmp_path, "s.ods", opendocument("spreadsheet", body)))


def test_rich_text_notes_and_margins(tmp_path: Path) -> None:
    source = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\header Biology 2}\pard Cells\par Words{\footnote\pard see caf\'e9 {\i p. 3}}{\*\annotation well done}\par}"
    assert texts(read_bytes(tmp_path, "a.rtf", source))[1:] == [
        "Words",
        "Biology 2",
        "see café p. 3",
        "Comment: well done",
    ]


def test_page_with_a_quoted_source_an_abbreviation_and_frames(tmp_path: Path) -> None:
    page = "<body><blockquote>To be<footer>Hamlet</footer></blockquote><p>The <abbr title='deoxyribonucleic acid'>DNA</abbr></p><table><caption>Exam</caption><tr><th>Points<td>30</table></body>"
    assert texts(read_bytes(tmp_path, "a.html", page)) == [
        "To be Hamlet",
        "The DNA (deoxyribonucleic acid)",
        "Exam",
        "- Points: 30",
    ]
    frames = read_bytes(tmp_path, "b.html", "<frameset><frame src=a.html></frameset>")
    assert any("frame" in warning for warning in warned(frames))


def test_directives_without_a_blank_line_captions_and_drawings(tmp_path: Path) -> None:
    source = (
        ".. tab-set::\n   .. tab-item:: Linux\n      Use apt.\n\n.. only:: html\n\n   Shown.\n\n"
        ".. code-block:: c\n   :caption: The sum\n\n   int f;\n\n.. graphviz::\n\n   digraph { a -> b }\n\n"
        "+---+---+\n| wide  |\n+---+---+\n| 1 | 2 |\n+---+---+\n"
    )
    found = read_bytes(tmp_path, "a.rst", source)
    assert texts(found) == ["Linux\nUse apt.", "Shown.", "The sum", "int f;", "wide\n1 | 2"]
    assert warned(found) == ["line 14: a diagram without text"]


def test_asciidoc_spans_conditions_and_quoted_authors(tmp_path: Path) -> None:
    source = '[cols="1,1,1"]\n|===\n|Day 2+|Topic\n.2+|Mon |a |b\n|c |d\n3*|x\n|===\n\nifdef::web[]\nShown.\nendif::[]\n\n[quote, Ada]\n____\nNotes.\n____\n'
    assert texts(read_bytes(tmp_path, "a.adoc", source)) == [
        "Day | Topic | Topic\nMon | a | b\nMon | c | d\nx",
        "Shown.",
        "Ada: Notes.",
    ]


def test_mail_reads_a_note_that_is_attached_as_bytes(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"], message["From"] = "Notes", "a@example.org"
    message.set_content("Dear all")
    message.add_attachment(b"# Week 3\n", maintype="application", subtype="octet-stream", filename="w.md")
    found = read_bytes(tmp_path, "a.eml", message.as_bytes())
    assert texts(found)[-1] == "# Week 3"
    assert not found.warnings


def test_subtitles_have_their_signs(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nif a &lt; b &amp;&amp; c\n")
    assert texts(found) == ["if a < b && c"]


def test_size_of_an_embedded_picture_is_no_description(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.md", "See ![[cell.png|300]] there.")
    assert "300" not in found.text
    assert warned(found) == ["line 1: a picture without a description (cell.png)"]


@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("upright", [True, False])
def test_page_that_is_turned_is_read_line_by_line(turn: int, upright: bool, tmp_path: Path) -> None:
    """As a landscape page in a document, whose text is turned too, and as a page turned by mistake."""
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(600, 800))
    canvas.setPageRotation(turn)
    if upright:
        canvas.translate(*{90: (600, 0), 180: (600, 800), 270: (0, 800)}[turn])
        canvas.rotate(turn)
    lines = [f"The page was turned, says line {number}." for number in range(4)]
    for number, line in enumerate(lines):
        canvas.drawString(60, 400 - 16 * number, line)
    canvas.save()
    assert " ".join(read_bytes(tmp_path, "a.pdf", stream.getvalue()).text.split()) == " ".join(lines)


def test_files_inside_a_pdf_are_named(tmp_path: Path) -> None:
    import pypdfium2

    pdf = pypdfium2.PdfDocument.new()
    pdf.new_page(200, 200)
    pdf.new_attachment("marks.csv").set_data(b"a,b\n")
    stream = io.BytesIO()
    pdf.save(stream)
    assert "an attached file that is not read (marks.csv)" in warned(
        read_bytes(tmp_path, "a.pdf", stream.getvalue())
    )


def test_page_of_an_encyclopedia_has_no_links_to_its_references(tmp_path: Path) -> None:
    page = "<body><h2>Cell<span class='mw-editsection'>[edit]</span></h2><p>Small<sup class='reference'><a href='#n1'>[1]</a></sup> parts.</p></body>"
    assert texts(read_bytes(tmp_path, "a.html", page)) == ["Cell", "Small¹ parts."]


def test_links_have_their_address_where_it_says_more(tmp_path: Path) -> None:
    import docx
    import pptx
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    made = docx.Document()
    for words, address in (("here", "https://example.org/form"), ("example.org/a", "http://example.org/a/")):
        paragraph = made.add_paragraph("Hand in ")
        link = OxmlElement("w:hyperlink")
        link.set(qn("r:id"), made.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
        link.append(paragraph.add_run(words)._r)
        paragraph._p.append(link)
    assert texts(read_bytes(tmp_path, "a.docx", saved(made))) == [
        "Hand in here (https://example.org/form)",
        "Hand in example.org/a",
    ]
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    for words in ("Write", " to me"):
        run = slide.placeholders[1].text_frame.paragraphs[0].add_run()
        run.text, run.hyperlink.address = words, "mailto:owl@example.org"
    assert "Write to me (owl@example.org)" in texts(read_bytes(tmp_path, "a.pptx", saved(deck)))
    body = "<text:p>Join <text:a xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href='https://example.org/1'>the lecture</text:a>.</text:p>"
    assert texts(read_bytes(tmp_path, "a.odt", opendocument("text", body))) == [
        "Join the lecture (https://example.org/1)."
    ]


def test_file_of_nul_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(50))
    with pytest.raises(UnreadableNote, match="binary"):
        read_document(tmp_path / "a.txt", "a.txt")
