"""What each format's reader makes of small notes: text, kinds, places, and reasons for what cannot be read."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers import read_document
from ingest.parsers.decoding import decode
from ingest.parsers.markdown import markdown_blocks
from ingest.parsers.mdx import mask_jsx
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, Document, Unit

Read = Callable[[str, str | bytes], Document]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads content as a file of that name; every block must be a span of the text, in order."""

    def make(name: str, content: str | bytes) -> Document:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        document = read_document(file, name)
        end = 0
        for block in document.blocks:
            assert end <= block.start < block.end <= len(document.text)
            end = block.end
        return document

    return make


def texts(document: Document, kind: BlockKind | None = None) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if kind in {None, b.kind}]


# ---- Markdown ---------------------------------------------------------------------------------------------------


def test_markdown_is_its_own_text_with_exact_lines(read: Read) -> None:
    text = "---\ntitle: The Title\n---\n\n# Head *one*\n\nWords\nmore.\n\n```py\nx = 1\n\ny = 2\n```\n\n$$\na^2\n\nb^2\n$$\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    document = read("a.md", text)
    assert document.text == text
    assert document.title == "The Title"
    kinds = [block.kind for block in document.blocks]
    assert kinds == [
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
        BlockKind.CODE,
        BlockKind.FORMULA,
        BlockKind.TABLE,
    ]
    assert texts(document, BlockKind.CODE) == ["```py\nx = 1\n\ny = 2\n```"]
    assert texts(document, BlockKind.FORMULA) == ["$$\na^2\n\nb^2\n$$"]
    paragraph = document.blocks[1].locator
    assert (paragraph.unit, paragraph.first, paragraph.last, paragraph.heading) == (
        Unit.LINE,
        7,
        8,
        "Head one",
    )


def test_markdown_keeps_the_text_of_html_and_drops_pictures_in_the_text(read: Read) -> None:
    data = "data:image/png;base64," + "A" * 400
    document = read(
        "a.md", f"<div>\nInside <b>bold</b>\n</div>\n<!-- gone -->\n\nBefore ![x]({data}) after.\n"
    )
    found = " ".join(texts(document))
    assert "Inside" in found
    assert "bold" in found
    assert "gone" not in found
    assert "AAAA" not in found
    assert "after." in found


def test_windows_line_ends_and_byte_order_marks_are_dropped(read: Read) -> None:
    assert read("a.md", b"\xef\xbb\xbf# A\r\n\r\nb\r\n").text == "# A\n\nb\n"


def test_mdx_components_are_unwrapped_and_their_visible_text_kept(read: Read) -> None:
    text = (
        'import Tip from "./tip"\n\n# Quiz[[quiz]]\n\n<Banner chapter={1} classNames="absolute z-10" />\n\n<Tip>\n\nInside the tip.\n\n</Tip>\n\n'
        '<Question\n\tchoices={[\n\t\t{\n\t\t\ttext: "Forty-two",\n\t\t\texplain: "It is <em>always</em> so.",\n\t\t\tcorrect: true\n\t\t},\n\t]}\n/>\n\n'
        "```jsx\n<Code stays={1} />\n```\n\nWhen a < b and `<s>` begins.\n"
    )
    document = read("a.mdx", text)
    found = texts(document)
    assert document.text == text
    assert document.title == "Quiz"
    assert "Inside the tip." in found
    assert "Forty-two" in found
    assert any("always" in part for part in found)
    assert "```jsx\n<Code stays={1} />\n```" in found
    assert "When a < b and `<s>` begins." in found
    joined = "\n".join(found)
    assert not any(word in joined for word in ("import", "Banner", "choices", "correct", "absolute"))


def test_wrong_choices_of_a_quiz_are_not_read(read: Read) -> None:
    choices = (
        '{text: "Owls sing.", explain: "No, larks do."}, {text: "Owls hunt.", explain: "Yes.", correct: true}'
    )
    assert texts(read("a.mdx", f"<Quiz choices={{[{choices}]}} />\n")) == ["Owls hunt.", "Yes."]


@given(st.text(alphabet="ab<>/{}\"'` \n$#=T", max_size=200))
def test_masking_never_moves_anything(text: str) -> None:
    masked = mask_jsx(text)
    assert len(masked) == len(text)
    assert all(a in {b, " "} for a, b in zip(masked, text, strict=True))
    for block in markdown_blocks(text, mdx=True):
        assert text[block.start : block.end].strip()


# ---- notebooks --------------------------------------------------------------------------------------------------


def test_a_notebook_is_read_cell_by_cell(read: Read, notebook: Callable[..., str]) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": ["loss ", "0.5\n"]}
    table = {
        "output_type": "execute_result",
        "metadata": {},
        "data": {"text/plain": "  a\n0 1", "text/html": "<table>x</table>"},
    }
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "A" * 500, "text/plain": "<Figure size 640x480 with 1 Axes>"},
    }
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "too big",
        "traceback": ["\x1b[0;31mline 1\x1b[0m"] * 50,
    }
    document = read(
        "n.ipynb",
        notebook(
            ("markdown", "# Train\n\nWe fit.", []),
            ("code", "fit()", [stream, table, picture]),
            ("code", "fail()", [error]),
        ),
    )
    assert document.title == "Train"
    assert texts(document, BlockKind.OUTPUT) == ["loss 0.5\n  a\n0 1", "ValueError: too big"]
    code = [block for block in document.blocks if block.kind is BlockKind.CODE]
    assert [(b.identity, b.part, b.locator.unit, b.locator.first, b.locator.heading) for b in code] == [
        ("cell-1", 2, Unit.CELL, 2, "Train"),
        ("cell-2", 3, Unit.CELL, 3, "Train"),
    ]
    assert "table" not in document.text
    assert "AAAA" not in document.text


def test_progress_bars_and_long_outputs_are_shortened(read: Read, notebook: Callable[..., str]) -> None:
    bar = {
        "output_type": "stream",
        "name": "stderr",
        "text": " 50%|█████     | 5/10 [00:01<00:01]\r100%|██████████| 10/10 [00:02<00:00]\n",
    }
    long = {"output_type": "stream", "name": "stdout", "text": "".join(f"line {n}\n" for n in range(1000))}
    output = texts(read("n.ipynb", notebook(("code", "go()", [bar, long]))), BlockKind.OUTPUT)[0]
    assert output.startswith("line 0\n")
    assert output.endswith("line 999")
    assert "lines left out" in output
    assert "%|" not in output


def test_older_formats_are_read(read: Read) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old head"},
        {
            "cell_type": "code",
            "input": ["x = 1\n", "print(x)"],
            "outputs": [{"output_type": "stream", "text": "1"}],
            "language": "python",
        },
        {
            "cell_type": "code",
            "input": "y",
            "outputs": [{"output_type": "pyerr", "ename": "NameError", "evalue": "y"}],
        },
    ]
    for version in (2, 3):
        document = read(
            "o.ipynb",
            json.dumps({"nbformat": version, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}),
        )
        assert document.title == "Old head"
        assert texts(document, BlockKind.CODE) == ["x = 1\nprint(x)", "y"]
        assert texts(document, BlockKind.OUTPUT) == ["1", "NameError: y"]
        again = read("o.ipynb", json.dumps({"nbformat": version, "worksheets": [{"cells": cells}]}))
        assert [block.identity for block in again.blocks] == [block.identity for block in document.blocks]


def test_cells_without_an_id_are_named_by_their_content_and_never_alike(read: Read) -> None:
    """A cell put in front of them moves no name."""
    cells = [
        {"cell_type": "code", "source": source, "outputs": []} for source in ("fit()", "plot()", "fit()")
    ]
    first = {"cell_type": "markdown", "source": "New."}
    names = [block.identity for block in read("n.ipynb", json.dumps({"cells": cells})).blocks]
    assert len(set(names)) == 3
    assert names[2] == f"{names[0]}-2"
    later = read("n.ipynb", json.dumps({"cells": [first, *cells]})).blocks
    assert [block.identity for block in later[1:]] == names


def test_results_in_the_older_formats_give_their_text(read: Read) -> None:
    """Format 3 keeps a result's forms beside each other: text, LaTeX, HTML, a picture."""
    outputs = [
        {
            "output_type": "pyout",
            "prompt_number": 1,
            "text": ["  a\n", "0 1"],
            "html": "<table>x</table>",
            "png": "A" * 300,
        },
        {"output_type": "display_data", "latex": "$x^2$", "png": "A" * 300},
        {"output_type": "stream", "stream": "stdout", "text": "done\n"},
    ]
    cell = {"cell_type": "code", "language": "python", "input": "show()", "outputs": outputs}
    document = read("o.ipynb", json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}))
    assert texts(document)[1:] == ["  a\n0 1", "$x^2$", "done"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("x = 1", "expected JSON"), ("[1]", "not a notebook"), ('{"a": 1}', "not a notebook")],
)
def test_what_is_no_notebook_is_told(read: Read, content: str, reason: str) -> None:
    with pytest.raises(UnreadableNote, match=reason):
        read("n.ipynb", content)


# ---- PDF --------------------------------------------------------------------------------------------------------


def pdf(*pages: Callable[..., None], **encryption: str) -> bytes:
    """A PDF; each page is a function of the canvas."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    secret = StandardEncryption(encryption["user"], encryption["owner"]) if encryption else None
    canvas = Canvas(stream, pagesize=(600, 800), encrypt=secret)
    for page in pages:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def page_with(lines: list[str], left: float = 60, top: float = 700, size: float = 10) -> Callable[..., None]:
    def draw(canvas: object) -> None:
        canvas.setFont("Helvetica", size)  # type: ignore[attr-defined]
        for number, line in enumerate(lines):
            canvas.drawString(left, top - 12 * number, line)  # type: ignore[attr-defined]

    return draw


PROSE = [
    "The quick brown fox jumps over the lazy dog and runs into the deep forest, where it",
    "meets another fox that is neither quick nor brown, and both of them decide to go on",
    "together until the evening comes and the light between the trees becomes too weak.",
]


def test_pdf_pages_lose_heads_and_numbers_and_keep_their_places(read: Read) -> None:
    def numbered(number: int) -> Callable[..., None]:
        def draw(canvas: object) -> None:
            page_with([*PROSE, f"Own line of page {number}."], top=680)(canvas)
            canvas.drawString(60, 770, "Machine Learning, autumn term")  # type: ignore[attr-defined]
            canvas.drawString(300, 30, str(number))  # type: ignore[attr-defined]

        return draw

    document = read("a.pdf", pdf(*(numbered(n) for n in range(1, 5))))
    assert "autumn term" not in document.text
    assert [block.locator.first for block in document.blocks] == [1, 2, 3, 4]
    assert all(block.locator.unit is Unit.PAGE for block in document.blocks)
    first = texts(document)[0]
    assert first.startswith(f"{' '.join(PROSE)}")
    assert first.endswith("Own line of page 1.")


def test_two_columns_drawn_line_by_line_are_read_column_by_column(read: Read) -> None:
    def draw(canvas: object) -> None:
        canvas.setFont("Helvetica", 10)  # type: ignore[attr-defined]
        for row in range(14):
            canvas.drawString(50, 700 - 12 * row, f"left{row} these words fill the whole left column{row}")  # type: ignore[attr-defined]
            canvas.drawString(320, 700 - 12 * row, f"right{row} these words fill the right column{row}")  # type: ignore[attr-defined]

    text = read("c.pdf", pdf(draw)).text
    order = [text.index(f"{side}{row} ") for side in ("left", "right") for row in range(14)]
    assert order == sorted(order)


def test_a_large_line_is_a_heading(read: Read) -> None:
    def draw(canvas: object) -> None:
        canvas.setFont("Helvetica", 20)  # type: ignore[attr-defined]
        canvas.drawString(60, 740, "Sampling")  # type: ignore[attr-defined]
        page_with(PROSE * 4)(canvas)

    document = read("h.pdf", pdf(draw))
    assert texts(document, BlockKind.HEADING) == ["Sampling"]
    assert document.title == "Sampling"
    assert str(document.blocks[1].locator) == '"Sampling" › p. 1'


def test_encrypted_broken_and_long_pdfs(read: Read, tmp_path: Path) -> None:
    assert "quick brown" in read("empty.pdf", pdf(page_with(PROSE), user="", owner="secret")).text
    with pytest.raises(UnreadableNote, match="encrypted with a password"):
        read("locked.pdf", pdf(page_with(PROSE), user="secret", owner="secret"))
    with pytest.raises(UnreadableNote, match="not a PDF that can be opened"):
        read("broken.pdf", pdf(page_with(PROSE))[:100])
    (tmp_path / "long.pdf").write_bytes(pdf(*[page_with(PROSE)] * 3))
    with pytest.raises(UnreadableNote, match="It has 3 pages; at most 2 are read"):
        read_document(tmp_path / "long.pdf", "long.pdf", IngestSettings(max_pages=2))


def test_a_page_that_is_a_picture_needs_ocr(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parsers.pdf.ocr_is_installed", lambda: False)

    def picture(canvas: object) -> None:
        canvas.rect(100, 100, 300, 300, fill=1)  # type: ignore[attr-defined]

    document = read("s.pdf", pdf(page_with(PROSE), picture, lambda canvas: None))
    assert len(document.warnings) == 1
    assert str(document.warnings[0]).startswith("page 2: needs OCR")


def test_a_note_without_text_says_so(read: Read) -> None:
    assert tuple(map(str, read("blank.md", "\n \n").warnings)) == (
        "it holds no text: there is nothing to search in it",
    )
    assert read("a.md", "words").warnings == ()


# ---- Word, slides, HTML -----------------------------------------------------------------------------------------


def test_word_headings_lists_tables_and_insertions(read: Read) -> None:
    import docx
    from docx.oxml import parse_xml

    made = docx.Document()
    made.add_heading("Syllabus", 1)
    made.add_paragraph("The ﬁrst paragraph.")
    for text in ("one", "two"):
        made.add_paragraph(text, style="List Number")
    table = made.add_table(2, 2)
    for row, column, text in ((0, 0, "Week"), (0, 1, "Topic"), (1, 0, "1"), (1, 1, "Loss")):
        table.cell(row, column).text = text
    namespace = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = made.element.body
    body.insert(
        len(body) - 1,
        parse_xml(
            f"<w:p {namespace}><w:ins><w:r><w:t>Inserted</w:t></w:r></w:ins><w:del><w:r><w:delText>Gone</w:delText></w:r></w:del></w:p>"
        ),
    )
    body.insert(
        len(body) - 1,
        parse_xml(
            f"<w:sdt {namespace}><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ),
    )
    stream = io.BytesIO()
    made.save(stream)
    document = read("s.docx", stream.getvalue())
    assert document.title == "Syllabus"
    assert texts(document) == [
        "Syllabus",
        "The first paragraph.",
        "1. one\n2. two",
        "Week | Topic\n1 | Loss",
        "Inserted",
        "In a control",
    ]
    assert document.blocks[3].locator.heading == "Syllabus"


MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def math(markup: str) -> str:
    """Office Math in which `<f>`, `<num>`... are elements, and what stands in braces is the text of a run."""
    tagged = re.sub(r"<(/?)(\w)", r"<\1m:\2", markup).replace("val=", "m:val=")
    runs = re.sub(r"{(.*?)}", r"<m:r><m:t>\1</m:t></m:r>", tagged)
    return f"<m:oMath>{runs}</m:oMath>"


SOFTMAX = math(
    "{p=}<f><num><sSup><e>{e}</e><sup>{-x}</sup></sSup></num><den><nary><naryPr><chr val='∑'/></naryPr>"
    "<sub>{j=1}</sub><sup>{n}</sup><e><sSub><e>{z}</e><sub>{j}</sub></sSub></e></nary></den></f>"
)


@pytest.mark.parametrize(
    ("markup", "line"),
    [
        (SOFTMAX, r"p=\frac{e^{-x}}{\sum_{j=1}^n z_j}"),
        (math("<rad><deg/><e>{x+1}</e></rad>"), r"\sqrt{x+1}"),
        (math("<rad><deg>{3}</deg><e>{x}</e></rad>"), r"\sqrt[3]{x}"),
        (math("<d><dPr><begChr val='|'/><endChr val='|'/></dPr><e>{x}</e></d>"), r"\left| x \right|"),
        (math("<d><e>{a}</e></d><sSubSup><e>{x}</e><sub>{i}</sub><sup>{2}</sup></sSubSup>"), "(a)x_i^2"),
        (
            math("<m><mr><e>{a}</e><e>{b}</e></mr><mr><e>{c}</e><e>{d}</e></mr></m>"),
            r"\begin{matrix} a & b \\ c & d \end{matrix}",
        ),
        (
            math("<func><fName><limLow><e>{max}</e><lim>{x}</lim></limLow></fName><e>{f}</e></func>"),
            r"\max_x f",
        ),
        (math("<acc><accPr><chr val='\u0303'/></accPr><e>{n}</e></acc>"), r"\tilde{n}"),
        (math("<unknown><e>{kept}</e></unknown>"), "kept"),
    ],
)
def test_office_formulas_are_written_as_latex(markup: str, line: str) -> None:
    from lxml import etree

    from ingest.parsers.office_math import latex

    assert latex(etree.fromstring(markup.replace("<m:oMath>", f"<m:oMath {MATH}>", 1))) == line


def test_formulas_of_word_stand_where_they_are_written(read: Read) -> None:
    import docx
    from docx.oxml import parse_xml

    made = docx.Document()
    made.add_paragraph("The softmax is ")._p.append(
        parse_xml(SOFTMAX.replace("<m:oMath>", f"<m:oMath {MATH}>", 1))
    )
    stream = io.BytesIO()
    made.save(stream)
    assert read("f.docx", stream.getvalue()).text == r"The softmax is $p=\frac{e^{-x}}{\sum_{j=1}^n z_j}$"


def test_formulas_of_slides_are_read_with_the_shapes_that_hold_them(read: Read) -> None:
    """PowerPoint keeps such a shape twice: as it is, and as a picture of it for old programs."""
    import pptx
    from pptx.oxml import parse_xml

    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    slide.shapes.title.text = "Softmax"
    names = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" '
    )

    def shape(inner: str) -> str:
        head = '<p:nvSpPr><p:cNvPr id="9" name="Box"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
        return f"<p:sp>{head}<p:txBody><a:bodyPr/><a:p>{inner}</a:p></p:txBody></p:sp>"

    formula = f"<a:r><a:t>It is </a:t></a:r><a14:m><m:oMathPara>{SOFTMAX}</m:oMathPara></a14:m>"
    slide.shapes._spTree.append(
        parse_xml(
            f'<mc:AlternateContent {names} {MATH}><mc:Choice Requires="a14">{shape(formula)}</mc:Choice>'
            f"<mc:Fallback>{shape('<a:r><a:t>a picture</a:t></a:r>')}</mc:Fallback></mc:AlternateContent>"
        )
    )
    stream = io.BytesIO()
    made.save(stream)
    assert texts(read("f.pptx", stream.getvalue())) == [
        "Softmax",
        r"It is $p=\frac{e^{-x}}{\sum_{j=1}^n z_j}$",
    ]


def test_word_keeps_the_order_of_lists_and_tables(read: Read) -> None:
    import docx

    made = docx.Document()
    made.add_paragraph("before")
    made.add_paragraph("first", style="List Bullet")
    made.add_table(1, 1).cell(0, 0).text = "between"
    made.add_paragraph("second", style="List Bullet")
    made.add_paragraph("after")
    stream = io.BytesIO()
    made.save(stream)
    assert texts(read("o.docx", stream.getvalue())) == ["before", "- first", "between", "- second", "after"]


def test_an_archive_under_another_name_is_not_unpacked(read: Read, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "notes.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.md", "# Inside the archive\n\n" + "Words of a note. " * 200)
    with pytest.raises(UnreadableNote, match=r"binary file|not text"):
        read("renamed.md", (tmp_path / "notes.zip").read_bytes())


def test_a_heading_far_down_is_no_title(read: Read) -> None:
    assert read("late.md", "words " * 300 + "\n\n# Figure 1\n\nmore").title == "late"
    assert read("soon.md", "![badge](x.svg)\n\n# Sampling\n\nmore").title == "Sampling"


def test_slides_have_title_body_table_and_notes(read: Read) -> None:
    import pptx
    from pptx.util import Inches

    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[1])
    slide.shapes.title.text = "Filters"
    slide.placeholders[1].text = "Low pass\nHigh pass"
    made.slides.add_slide(made.slide_layouts[6])
    third = made.slides.add_slide(made.slide_layouts[5])
    third.shapes.title.text = "Table"
    cells = third.shapes.add_table(1, 2, Inches(1), Inches(1), Inches(2), Inches(1)).table
    cells.cell(0, 0).text, cells.cell(0, 1).text = "a", "b"
    third.notes_slide.notes_text_frame.text = "Say this."
    stream = io.BytesIO()
    made.save(stream)
    document = read("d.pptx", stream.getvalue())
    found = [
        (b.kind, b.locator.first, text) for b, text in zip(document.blocks, texts(document), strict=True)
    ]
    assert found == [
        (BlockKind.HEADING, 1, "Filters"),
        (BlockKind.LIST, 1, "- Low pass\n- High pass"),
        (BlockKind.HEADING, 3, "Table"),
        (BlockKind.TABLE, 3, "a | b"),
        (BlockKind.NOTES, 3, "Say this."),
    ]


@pytest.mark.parametrize("name", ["bad.docx", "bad.pptx"])
def test_broken_office_files_are_told(read: Read, name: str) -> None:
    with pytest.raises(UnreadableNote, match="can be opened"):
        read(name, b"PK\x03\x04 not really")


def test_html_gives_its_main_text(read: Read) -> None:
    page = (
        "<html><head><title>A  page</title><style>p{}</style></head><body><nav>Menu</nav><main><h1>Head</h1><div>Some <b>bold</b> text."
        "<p>Own paragraph, long enough to count.</p>tail</div><ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul><table><tr><th>x</th><th>y</th></tr>"
        "<tr><td>1</td><td>2</td></tr></table><pre>code\n  here</pre><script>evil()</script></main><footer>Foot</footer></body></html>"
    )
    document = read("p.html", page)
    assert document.title == "A page"
    assert texts(document) == [
        "Head",
        "Some bold text.",
        "Own paragraph, long enough to count.",
        "tail",
        "- one\n  - inner\n- two",
        "x | y\n1 | 2",
        "code\n  here",
    ]


# ---- text -------------------------------------------------------------------------------------------------------


def test_plain_text_paragraphs_have_lines(read: Read) -> None:
    document = read("a.txt", "one\ntwo\n\n\nthree\n")
    assert [(b.locator.first, b.locator.last) for b in document.blocks] == [(1, 2), (5, 5)]
    assert read("a.py", "def f():\n    pass\n").blocks[0].kind is BlockKind.CODE


ENCODED = [
    ("Größe und Länge sind für die Übung nötig, und das ist nicht schön.", "cp1252"),
    ("Größe und Länge sind für die Übung nötig, und das ist nicht schön: “so”.", "mac_roman"),
    ("Żółć jest w tym zdaniu, ale nie ma się czego bać, bo to jest próba źródła.", "iso8859_2"),
    ("Žluťoučký kůň se za to na mě nezlobí, ale šel pryč, protože je dnes „svátek“.", "cp1250"),
    ("Bu bir deneme ve çok güzel olan için ağaç gibi, ama şimdi değil, ışık var.", "cp1254"),
    ("Это простое предложение на русском языке для проверки кодировки текста.", "cp1251"),
    ("Это простое предложение на русском языке для проверки кодировки текста.", "koi8_r"),
    ("これは日本語の文章です。文字コードを調べるために書きました。", "shift_jis"),
    ("これは日本語の文章です。文字コードを調べるために書きました。", "euc_jp"),
    ("これは日本語の文章です。", "iso2022_jp"),
    ("这是一个用来测试编码的中文句子，没有别的意思。", "gb18030"),
    ("Any text — with “quotes” and 漢字.", "utf-8"),
    ("Any text — with “quotes” and 漢字.", "utf-8-sig"),
    ("Any text — with “quotes” and 漢字.", "utf-16"),
    ("Any text — with “quotes” and 漢字.", "utf-32"),
]


@pytest.mark.parametrize(("text", "encoding"), ENCODED, ids=[encoding for _, encoding in ENCODED])
def test_encodings_are_recognised(text: str, encoding: str) -> None:
    lines = "\n".join([text] * 6)
    assert decode(lines.encode(encoding)).text == lines


def test_a_declared_encoding_is_believed_if_it_fits() -> None:
    page = '<html><head><meta charset="iso-8859-2"></head><body>Łódź</body></html>'
    assert decode(page.encode("iso8859_2")).encoding == "iso-8859-2"
    assert "Łódź" in decode(page.encode()).text


def test_binary_files_are_refused() -> None:
    with pytest.raises(UnreadableNote, match=r"binary file|not text"):
        decode(bytes(range(256)) * 40)


@given(st.text())
def test_any_unicode_survives_in_utf8(text: str) -> None:
    wanted = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    if (
        not any(ord(c) < 32 and c not in "\t\n\r\x0b\x0c\0" for c in text)
        and "\0" not in text
        and "~{" not in text
    ):
        assert decode(text.encode()).text == wanted


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("# Bias and limits[[bias-and-limits]]", "Bias and limits"),
        ("# [[Unsupervised Learning]] in [[Python]]", "Unsupervised Learning in Python"),
        ("## See [[notes/owls|the owls]] *now*", "See the owls now"),
        ("## <ins>[Owls](https://a)</ins> {#owls}", "Owls"),
    ],
)
def test_the_words_of_a_heading(markup: str, words: str) -> None:
    from ingest.parsers.markdown import heading_text

    assert heading_text(markup) == words


@pytest.mark.timeout(60)
def test_a_long_line_that_a_notebook_printed(tmp_path: Path, notebook: Callable[..., str]) -> None:
    """The search for overwritten lines began anew at every character of a line."""
    printed = "\x1b[31m10%\r20%\rdone\n" + "ab " * 300_000
    output = [{"output_type": "stream", "name": "stdout", "text": printed}]
    (tmp_path / "a.ipynb").write_text(notebook(("code", "x", output)))
    text = read_document(tmp_path / "a.ipynb", "a.ipynb").text
    assert "done" in text
    assert "20%" not in text
    assert "31m" not in text
