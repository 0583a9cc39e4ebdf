"""Content of slides, Word files and notebooks that is more than paragraphs: read, or named with its place."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ingest.parsers.missed import described
from ingest.parsers.office_charts import chart_table, diagram_list
from ingest.parsers.raised import raised
from ingest.parsers.table_text import Cell, row_text, table_text
from rag.note_warnings import NoteWarning, WarningCode, warnings_from_json, warnings_json
from rag.types import BlockKind
from tests.ingest.reading import PNG, read_bytes, saved, texts, warned

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


# ---- slides -----------------------------------------------------------------------------------------------------


def deck(slides: int = 1) -> Any:
    import pptx

    made = pptx.Presentation()
    for number in range(slides):
        made.slides.add_slide(made.slide_layouts[5]).shapes.title.text = f"Slide {number + 1}"
    return made


def test_a_chart_of_a_deck_is_a_table(tmp_path: Path) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    made = deck()
    data = CategoryChartData()
    data.categories = ["oats", "rye"]
    data.add_series("2023", (4.5, 3))
    data.add_series("2024", (5, 2.25))
    frame = made.slides[0].shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), data
    )
    frame.chart.has_title = True
    frame.chart.chart_title.text_frame.text = "Yield in t/ha"
    document = read_bytes(tmp_path, "d.pptx", saved(made))
    assert texts(document) == [
        "Slide 1",
        "Yield in t/ha",
        "|  | 2023 | 2024 |\noats | 4.5 | 5\nrye | 3 | 2.25",
    ]
    assert warned(document) == []


def test_a_chart_without_data_is_named_with_its_slide(tmp_path: Path) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    made = deck(2)
    data = CategoryChartData()
    data.categories = ["a"]
    data.add_series("b", (1,))
    made.slides[1].shapes.add_chart(XL_CHART_TYPE.PIE, Inches(1), Inches(1), Inches(4), Inches(3), data)

    def empty_chart(parts: dict[str, bytes]) -> None:
        name = next(name for name in parts if name.startswith("ppt/charts/chart"))
        parts[name] = b"<none/>"

    document = read_bytes(tmp_path, "d.pptx", saved(made, empty_chart))
    assert warned(document) == ["slide 2: a chart without text"]


def test_a_scatter_chart_has_both_axes() -> None:
    root = etree.fromstring(
        '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart><c:plotArea>'
        "<c:scatterChart><c:ser><c:tx><c:v>run 1</c:v></c:tx>"
        '<c:xVal><c:numRef><c:numCache><c:pt idx="0"><c:v>0.1</c:v></c:pt><c:pt idx="2"><c:v>0.30000000000000004</c:v></c:pt>'
        "</c:numCache></c:numRef></c:xVal>"
        '<c:yVal><c:numLit><c:pt idx="0"><c:v>7</c:v></c:pt><c:pt idx="2"><c:v>9</c:v></c:pt></c:numLit></c:yVal>'
        "</c:ser></c:scatterChart></c:plotArea></c:chart></c:chartSpace>"
    )
    assert chart_table(root) == ("", "x | run 1\n0.1 | 7\n0.3 | 9")


def test_a_diagram_is_a_nested_list_and_a_circle_ends() -> None:
    def point(identity: str, text: str, kind: str = "node") -> str:
        return f'<d:pt modelId="{identity}" type="{kind}"><d:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></d:t></d:pt>'

    def link(source: str, target: str, order: int) -> str:
        return f'<d:cxn modelId="l{source}{target}" srcId="{source}" destId="{target}" srcOrd="{order}"/>'

    root = etree.fromstring(
        '<d:dataModel xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><d:ptLst>'
        + point("0", "", "doc") + point("1", "Chordates") + point("2", "Birds") + point("3", "Mammals")
        + point("4", "Bats") + point("9", "shape text", "pres") + point("5", "a") + point("6", "b")
        + "</d:ptLst><d:cxnLst>" + link("0", "1", 0) + link("1", "3", 1) + link("1", "2", 0) + link("3", "4", 0)
        + link("5", "6", 0) + link("6", "5", 0)
        + "</d:cxnLst></d:dataModel>"
    )  # fmt: skip
    assert diagram_list(root) == "- Chordates\n  - Birds\n  - Mammals\n    - Bats\n- a\n  - b"


def test_pictures_of_slides_are_described_named_or_decoration(tmp_path: Path) -> None:
    from pptx.util import Inches

    made = deck(4)

    def add(slide: int, picture: bytes = PNG, text: str = "") -> None:
        shape = made.slides[slide].shapes.add_picture(io.BytesIO(picture), Inches(1), Inches(1))
        shape._element.nvPicPr.cNvPr.set("descr", text)

    for slide in range(4):
        add(slide, text="logo.png")
    other = PNG + b"\0"  # another file to python-pptx
    add(1, other)
    add(1, other, "image12.jpeg")
    add(3, other, "The aorta leaves the left ventricle")
    document = read_bytes(tmp_path, "d.pptx", saved(made))
    assert warned(document) == ["slide 2: 2 pictures without a description"]
    assert texts(document)[-1] == "The aorta leaves the left ventricle"


def test_cells_that_span_are_repeated_in_a_table_of_slides(tmp_path: Path) -> None:
    from pptx.util import Inches

    made = deck()
    table = made.slides[0].shapes.add_table(3, 3, *map(Inches, (1, 1, 4, 2))).table
    for row, cells in enumerate((["Stage", "Days", ""], ["", "mouse", "rat"], ["Cleavage", "1", "2"])):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    document = read_bytes(tmp_path, "d.pptx", saved(made))
    assert texts(document, BlockKind.TABLE) == ["Stage | Days mouse | Days rat\nCleavage | 1 | 2"]


def test_a_described_group_describes_its_pictures(tmp_path: Path) -> None:
    from pptx.util import Inches

    made = deck()
    group = made.slides[0].shapes.add_group_shape()
    for _ in range(2):
        group.shapes.add_picture(io.BytesIO(PNG), Inches(1), Inches(1))._element.nvPicPr.cNvPr.set(
            "descr", ""
        )
    group._element.nvGrpSpPr.cNvPr.set("descr", "A cell before and after the salt")
    document = read_bytes(tmp_path, "d.pptx", saved(made))
    assert texts(document)[1:] == ["A cell before and after the salt"]
    assert warned(document) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("8", "⁸"),
        ("-3", "⁻³"),
        ("th", "th"),
        ("x+1", "^(x+1)"),
        ("T", "^T"),
        ("[2]", "[2]"),
        ("2+", "²⁺"),
        ("", ""),
    ],
)
def test_raised_text_is_no_digit_of_the_number_before(text: str, shown: str) -> None:
    assert raised(text) == shown


def test_powers_of_slides_word_and_pages(tmp_path: Path) -> None:
    import docx
    from pptx.util import Inches

    made = deck()
    frame = made.slides[0].shapes.add_textbox(*map(Inches, (1, 1, 3, 1))).text_frame
    for text, baseline in (("2 x 10", ""), ("8", "30000"), (" m/s in H", ""), ("2", "-25000"), ("O", "")):
        run = frame.paragraphs[0].add_run()
        run.text = text
        if baseline:
            run._r.get_or_add_rPr().set("baseline", baseline)
    assert texts(read_bytes(tmp_path, "d.pptx", saved(made)))[1] == "2 x 10⁸ m/s in H2O"
    word = docx.Document()
    paragraph = word.add_paragraph("2 x 10")
    paragraph.add_run("8").font.superscript = True
    assert read_bytes(tmp_path, "w.docx", saved(word)).text == "2 x 10⁸"
    page = read_bytes(tmp_path, "p.html", "<p>2 x 10<sup>8</sup> m, the 3<sup>rd</sup>, H<sub>2</sub>O</p>")
    assert page.text == "2 x 10⁸ m, the 3rd, H2O"


# ---- Word -------------------------------------------------------------------------------------------------------


def test_symbols_of_word_are_characters(tmp_path: Path) -> None:
    import docx
    from docx.oxml import parse_xml

    made = docx.Document()
    paragraph = made.add_paragraph("Pass mark ")
    for font, code in (("Symbol", "F0A3"), ("Wingdings", "F0FC"), ("Webdings", "F04E")):
        paragraph._p.append(parse_xml(f'<w:r xmlns:w="{W}"><w:sym w:font="{font}" w:char="{code}"/></w:r>'))
    paragraph._p.append(
        parse_xml(f'<w:r xmlns:w="{W}"><w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t>\uf06d</w:t></w:r>')
    )
    document = read_bytes(tmp_path, "s.docx", saved(made))
    assert document.text == "Pass mark ≤✓\ufffdμ"
    assert warned(document) == [
        "paragraph 1: holds symbols that the file gives no text for (parts of formulas, usually)"
    ]


def test_comments_heads_and_feet_of_word_are_read_once(tmp_path: Path) -> None:
    import docx

    made = docx.Document()
    paragraph = made.add_paragraph("Cite every figure.")
    made.add_comment(paragraph.runs, text="Only in APA style.", author="Marker", initials="M")
    made.add_paragraph("Hand it in.")
    made.sections[0].footer.paragraphs[0].text = "GEO-310, hall 4"
    made.sections[0].header.paragraphs[0].text = "Page 3"
    made.sections[0].header.paragraphs[0]._p.append(
        etree.fromstring(f'<w:r xmlns:w="{W}"><w:instrText>PAGE</w:instrText></w:r>')
    )
    section = made.add_section()
    section.footer.is_linked_to_previous = False
    section.footer.paragraphs[0].text = "GEO-310, hall 4"
    document = read_bytes(tmp_path, "c.docx", saved(made))
    assert texts(document) == [
        "Cite every figure.",
        "Comment (Marker): Only in APA style.",
        "Hand it in.",
        "GEO-310, hall 4",
    ]


def test_pictures_and_objects_of_word_are_named_with_their_paragraph(tmp_path: Path) -> None:
    import docx
    from docx.oxml import parse_xml

    made = docx.Document()
    made.add_paragraph("Before.")
    made.add_picture(io.BytesIO(PNG))
    made.add_picture(io.BytesIO(PNG))
    made.inline_shapes[1]._inline.docPr.set("descr", "The dam seen from the south")
    made.add_paragraph()._p.append(
        parse_xml(
            f'<w:r xmlns:w="{W}"><w:object><o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office" '
            'ProgID="Equation.3"/></w:object></w:r>'
        )
    )
    document = read_bytes(tmp_path, "p.docx", saved(made))
    assert texts(document) == ["Before.", "The dam seen from the south"]
    assert warned(document) == [
        "paragraph 1: a picture without a description",
        "paragraph 2: an object of another program without text (Equation.3)",
    ]


def test_tables_of_word_keep_merged_cells_heads_and_inner_tables(tmp_path: Path) -> None:
    import docx

    made = docx.Document()
    table = made.add_table(4, 3)
    rows = (["Lab", "Time", ""], ["", "start", "end"], ["A", "9:00", "11:00"], ["", "12:00", "14:00"])
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(2, 0).merge(table.cell(3, 0))
    inner = table.cell(3, 2).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "or", "15:00"
    found = texts(read_bytes(tmp_path, "t.docx", saved(made)), BlockKind.TABLE)[0]
    assert found.splitlines() == [
        "Lab | Time start | Time end",
        "A | 9:00 | 11:00",
        "A | 12:00 | 14:00 or: 15:00",
    ]


def test_a_damaged_part_of_word_costs_only_itself(tmp_path: Path) -> None:
    import docx

    made = docx.Document()
    made.add_comment(made.add_paragraph("The body stays.").runs, text="gone", author="", initials="")

    def break_comments(parts: dict[str, bytes]) -> None:
        parts["word/comments.xml"] = parts["word/comments.xml"][:-40]

    try:
        document = read_bytes(tmp_path, "d.docx", saved(made, break_comments))
    except Exception as exc:  # noqa: BLE001 - python-docx reads the part itself in some versions
        assert "can be opened" in str(exc)
        return
    assert texts(document) == ["The body stays."]
    assert warned(document) == ["a part that cannot be read (comments)"]


# ---- notebooks --------------------------------------------------------------------------------------------------


def output(**data: Any) -> dict[str, Any]:
    forms = {name.replace("__", "/"): value for name, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": forms}


NAMELESS = "<IPython.core.display.HTML object>"


@pytest.mark.parametrize(
    ("data", "kind", "text"),
    [
        ({"text__plain": NAMELESS, "text__markdown": "**k** is 4"}, BlockKind.PARAGRAPH, "**k** is 4"),
        ({"text__plain": "sqrt(2)", "text__latex": r"$\sqrt{2}$"}, BlockKind.FORMULA, r"$\sqrt{2}$"),
        (
            {
                "text__plain": "   dose\n0     5",
                "text__html": "<style>b{}</style><table><tr><th></th><th>dose</th></tr><tr><th>0</th><td>5</td></tr></table>",
            },
            BlockKind.TABLE,
            "|  | dose |\n0 | 5",
        ),
        ({"text__plain": NAMELESS, "text__html": "<p>p &lt; 0.05</p>"}, BlockKind.PARAGRAPH, "p < 0.05"),
        (
            {"text__plain": "Ridge()", "text__html": "<div><pre>Ridge()</pre>x</div>"},
            BlockKind.OUTPUT,
            "Ridge()",
        ),
        (
            {"text__plain": "<IPython.core.display.JSON object>", "application/json": {"n": 3}},
            BlockKind.OUTPUT,
            '{\n "n": 3\n}',
        ),
    ],
)
def test_the_form_of_an_output_that_people_read_is_taken(
    data: dict[str, Any], kind: BlockKind, text: str, tmp_path: Path, notebook: Callable[..., str]
) -> None:
    document = read_bytes(tmp_path, "n.ipynb", notebook(("code", "show()", [output(**data)])))
    assert [(b.kind, document.text[b.start : b.end]) for b in document.blocks[1:]] == [(kind, text)]
    assert warned(document) == []


def test_outputs_without_text_are_named_with_their_cell(tmp_path: Path, notebook: Callable[..., str]) -> None:
    figure = output(image__png="AAAA", text__plain="<Figure size 640x480 with 1 Axes>")
    told = output(image__png="AAAA") | {"metadata": {"image/png": {"alt": "Loss falls from 2 to 0.5"}}}
    slider = output(text__plain="IntSlider(value=3)") | {
        "data": {"application/vnd.jupyter.widget-view+json": {}}
    }
    plotly = {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": {}}}
    long = {"output_type": "stream", "text": "".join(f"row {n}\n" for n in range(90))}
    cells = [("code", f"c{n}", [made]) for n, made in enumerate((figure, told, slider, plotly, long))]
    document = read_bytes(tmp_path, "n.ipynb", notebook(*cells))
    assert warned(document) == [
        "cell 1: a picture without a description",
        "cell 3: an interactive output",
        "cell 4: a chart without text",
        "cell 5: a long output, shortened",
    ]


def test_outputs_that_are_no_outputs_do_no_harm(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": "x", "outputs": bad}
        for bad in (None, "text", 5, [None, 3, {}], [{"data": {"text/plain": None}}], [{"data": ["a"]}])
    ]
    document = read_bytes(tmp_path, "n.ipynb", json.dumps({"nbformat": 4, "cells": cells}))
    assert texts(document) == ["x"] * 6


# ---- warnings, descriptions, rows -------------------------------------------------------------------------------


def test_a_warning_names_what_and_where_and_comes_back() -> None:
    given = (
        NoteWarning(WarningCode.CHARTS, (2,), count=1, unit="slide"),
        NoteWarning(WarningCode.PICTURES, (1, 2, 3, 7), count=5, unit="cell"),
        NoteWarning(WarningCode.MISSING_EMBEDS, (4,), count=7, unit="line", names=tuple("abcdefg")),
    )
    assert [str(warning) for warning in given] == [
        "slide 2: a chart without text",
        "cells 1-3, 7: 5 pictures without a description",
        "line 4: 7 embedded notes that are not there (a, b, c, d, e and 2 more)",
    ]
    assert warnings_from_json(warnings_json(given)) == given
    assert all(warning.unread for warning in given)
    assert not NoteWarning(WarningCode.REPLACED_CHARACTERS, count=1, encoding="utf-8").unread


def test_pages_of_an_older_library_are_places() -> None:
    (found,) = warnings_from_json('[{"code": "broken_pages", "pages": [3]}]')
    assert str(found) == "page 3: cannot be opened"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Picture 4", ""),
        ("IMG_2041.jpeg", ""),
        ("image", ""),
        (" The  heart\nin section ", "The heart in section"),
        ("图3 细胞膜", "图3 细胞膜"),
        (None, ""),
        ("--", ""),
    ],
)
def test_a_file_name_describes_nothing(text: str | None, words: str) -> None:
    assert described(text) == words


def test_rows_can_be_read_one_by_one() -> None:
    head = [Cell("Group", rows=2), Cell("Session", columns=2)]
    rows = [head, [Cell("Lab"), Cell("Seminar")], [Cell("A"), Cell("Mon"), Cell("Wed")]]
    assert table_text(rows) == "Group | Session Lab | Session Seminar\nA | Mon | Wed"
    assert table_text([[Cell("x", columns=10**9, rows=10**9)]] * 3).count("x") < 1000
    assert row_text(["", "a"]) == "|  | a |"
    assert row_text(["all", "all"]) == "all"
    assert row_text(["p|q", "r"]) == "p¦q | r"
