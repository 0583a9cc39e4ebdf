"""Thirty damaged copies of a note of each format: an error in one sentence, or a document; never a crash."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from ingest.worker import ParserProcess
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from tests.ingest.reading import PNG, saved
from tests.patience import PATIENCE_SECONDS

COPIES = 30


def word() -> bytes:
    import docx

    made = docx.Document()
    made.add_heading("Tides", 1)
    made.add_comment(
        made.add_paragraph("The moon pulls the sea.").runs, text="Ask why.", author="A", initials="A"
    )
    table = made.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "Place", "3 m"
    made.add_picture(io.BytesIO(PNG))
    made.sections[0].footer.paragraphs[0].text = "GEO-101"
    return saved(made)


def slides() -> bytes:
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    slide.shapes.title.text = "Tides"
    data = CategoryChartData()
    data.categories = ["spring", "neap"]
    data.add_series("height", (6, 3))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, *map(Inches, (1, 1, 4, 3)), data)
    slide.shapes.add_picture(io.BytesIO(PNG), Inches(1), Inches(1))
    slide.notes_slide.notes_text_frame.text = "Twice a day."
    return saved(made)


def pdf() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream)
    canvas.drawString(72, 700, "The moon pulls the sea twice a day.")
    canvas.highlightAnnotation(
        "Why?", Rect=[72, 697, 200, 710], QuadPoints=[72, 710, 200, 710, 72, 697, 200, 697]
    )
    canvas.acroForm.textfield(name="q", value="gravity", x=72, y=600, width=99, height=20)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def notebook() -> bytes:
    data = {"text/html": "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>", "text/plain": "x"}
    outputs = [{"output_type": "display_data", "data": data}, {"output_type": "stream", "text": ["done"]}]
    cells = [
        {"cell_type": "markdown", "source": ["# Tides\n", "![[x]]"]},
        {"cell_type": "code", "source": "go()", "outputs": outputs},
    ]
    return json.dumps({"nbformat": 4, "cells": cells}).encode()


def html() -> bytes:
    return (
        b"<html><body><main><h1>Tides</h1><p>The <math><mi>x</mi></math> sea.</p><table><tr><th rowspan=2 colspan=3>a"
        b"</th></tr><tr><td>b</td></tr></table><button aria-controls=a>Why?</button><div hidden id=a><p>c</p></div></main>"
    )


def markdown() -> bytes:
    return (
        b"---\ntags: [a]\nlecturer: \"B\"\n---\n# Tides\n\n> [!note] Moon\n> [[Sea|It]] ==pulls==. ^a1\n\n%%x%%\n\n"
        b"| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\n```\n\n![[Other#Part]] $x^2$\n"
    )  # fmt: skip


def canvas() -> bytes:
    node = {"id": "a", "type": "text", "text": "## Tides\n\n[[Moon]]", "x": 1, "y": 2}
    return json.dumps(
        {"nodes": [node], "edges": [{"fromNode": "a", "toNode": "a", "label": "pulls"}]}
    ).encode()


FORMATS: dict[str, Callable[[], bytes]] = {
    "a.docx": word, "a.pptx": slides, "a.pdf": pdf, "a.ipynb": notebook, "a.html": html, "a.md": markdown,
    "a.mdx": markdown, "a.canvas": canvas,
}  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return the content with bytes changed, cut out, repeated or cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 3, 20))):
        at, length = chance.randrange(len(data)), chance.choice((1, 4, 60))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1 if len(data) > 2 * length:
                del data[at : at + length]
            case 2:
                data[at:at] = data[max(0, at - length) : at] * chance.choice((1, 50))
            case 3:
                data[at : at + length] = chance.randbytes(length)
            case 4 if at > len(data) // 2:
                del data[at:]
    return bytes(data)


def mutated_inside(content: bytes, chance: random.Random) -> bytes:
    """Return an archive of which one part is changed."""
    with ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name in parts if name.endswith((".xml", ".rels")) and parts[name]])
    parts[name] = mutated(parts[name], chance)
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    return stream.getvalue()


@pytest.fixture(scope="module")
def process() -> Iterator[ParserProcess]:
    parsers = ParserProcess(IngestSettings(max_seconds=PATIENCE_SECONDS))
    yield parsers
    parsers.close()


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_copies_are_read_or_have_a_reason(name: str, process: ParserProcess, tmp_path: Path) -> None:
    chance = random.Random(name)
    whole = FORMATS[name]()
    file = tmp_path / name
    read = 0
    for copy in range(COPIES):
        inside = name.endswith((".docx", ".pptx")) and copy % 3
        file.write_bytes(mutated_inside(whole, chance) if inside else mutated(whole, chance))
        try:
            document = process.read(file, name)
        except UnreadableNote as exc:
            assert str(exc).startswith("It ") or "The parser failed on it" in str(exc)
            assert "died" not in str(exc)
            continue
        read += 1
        assert document.blocks or document.warnings
        assert all(one.end <= other.start for one, other in pairwise(document.blocks))
        assert all(0 <= block.start < block.end <= len(document.text) for block in document.blocks)
    assert read or name.endswith((".ipynb", ".canvas"))
