"""A passage in its document: marked in place, with neighbours, and nothing live in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.parsers import read_document
from rag.library.library import Library
from rag.settings import IngestSettings, Settings
from rag.types import Answer, Chunk, Citation, Document, Hit, Sentence, Unit, Why, chunk_id
from ui.web.conversation import Exchange
from ui.web.desk import Desk
from ui.web.reading import Reading

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
NOTE = "\n\n".join(
    f"# Section {n}\n\nThe heron number {n} of the reed bed is seen at dawn. {'It waits. ' * 120}"
    for n in range(8)
)
POISON = "<script>alert(1)</script> ![x](http://evil.example/) [y](javascript:alert(1))"


class Application:
    """An application without models, as the desk needs it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings()
        self.library = Library.create(folder)

    def open_library(self) -> Library:
        return self.library


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Application(tmp_path / "library"))  # type: ignore[arg-type]


def added(desk: Desk, file: Path) -> Document:
    """The document of a file, in the library with one passage of all its text."""
    document = read_document(file, file.name, IngestSettings())
    chunk = Chunk(
        chunk_id(file.name, 0, document.text), file.name, 0, 0, len(document.text), document.text,
        document.blocks[0].locator,
    )  # fmt: skip
    found = file.stat()
    desk.library.bind("lengths", 3, "test")
    desk.library.replace_document(
        document, [chunk], np.zeros((1, 3), np.float32), size_bytes=found.st_size, mtime_ns=found.st_mtime_ns
    )
    return document


def exchange_about(document: Document, quote: str, make: Callable[..., Exchange], answer: Answer) -> Exchange:
    """An exchange with one passage, whose text is the quote."""
    start = document.text.index(quote)
    block = next(each for each in document.blocks if each.start <= start < each.end)
    chunk = Chunk("c", document.path, 0, start, start + len(quote), quote, block.locator)
    sentence = Sentence(quote, (1,), True, 1.0, "", quoted=True)
    citation = Citation(1, document.path, "", start, start + len(quote), quote)
    from dataclasses import replace

    hit = Hit(chunk, 0.9, Why())
    given = replace(answer, sentences=(sentence,), citations=(citation,), hits=(hit,))
    return make(given, hits=(hit,), shown=1)


def test_a_passage_is_marked_in_its_place_and_its_neighbours_are_a_step_away(
    desk: Desk, tmp_path: Path, make_exchange: Any, make_answer: Any
) -> None:
    (tmp_path / "reeds.md").write_text(NOTE, encoding="utf-8")
    document = added(desk, tmp_path / "reeds.md")
    quote = "The heron number 4 of the reed bed is seen at dawn."
    exchange = exchange_about(document, quote, make_exchange, make_answer())
    html = Reading(desk).view(exchange, 1, None, None)
    assert f"<mark>{quote}</mark>" in html
    assert html.count('class="here"') == 1
    assert "heron number 3" in html
    assert "heron number 5" in html
    assert "heron number 2" not in html
    assert 'data-first="2" data-last="5"' in html
    wider = Reading(desk).view(exchange, 1, 2, 5)
    assert "heron number 2" in wider
    assert "heron number 6" not in wider
    whole = Reading(desk).view(exchange, 1, 0, 999)
    assert all(f"heron number {n}" in whole for n in range(8))
    assert "Show what comes" not in whole
    assert Reading(desk).view(exchange, 2, None, None) == ""


def test_a_changed_or_removed_document_is_a_sentence(
    desk: Desk, tmp_path: Path, make_exchange: Any, make_answer: Any
) -> None:
    (tmp_path / "reeds.md").write_text(NOTE, encoding="utf-8")
    document = added(desk, tmp_path / "reeds.md")
    exchange = exchange_about(document, "The heron number 4", make_exchange, make_answer())
    desk.library.remove_document("reeds.md")
    assert "is not in the library any more, or has changed" in Reading(desk).view(exchange, 1, None, None)


def test_a_notebooks_cells_have_their_pictures_and_colours(
    desk: Desk, tmp_path: Path, make_exchange: Any, make_answer: Any
) -> None:
    outputs = [
        {"output_type": "display_data", "data": {"image/png": PIXEL}},
        {"output_type": "display_data", "data": {"image/png": '"><script>alert(1)</script>'}},
        {"output_type": "stream", "name": "stdout", "text": "1.9 kg\n"},
    ]
    cells = [
        {"cell_type": "markdown", "source": "# The heron of the reed bed", "metadata": {}},
        {"cell_type": "code", "source": "def weigh():\n    return 1.9\n", "outputs": outputs, "metadata": {}},
    ]
    notebook = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    (tmp_path / "heron.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    document = added(desk, tmp_path / "heron.ipynb")
    exchange = exchange_about(document, "The heron of the reed bed", make_exchange, make_answer())
    html = Reading(desk).view(exchange, 1, 0, 1)
    assert "<h3>Cell 1</h3>" in html
    assert html.count("<img") == 1
    assert f'src="data:image/png;base64,{PIXEL}"' in html
    assert '<span class="hl-k">def</span>' in html
    assert "1.9 kg" in html
    assert "<script" not in html


def test_a_page_of_a_pdf_is_a_picture_with_the_passage_marked(
    desk: Desk, tmp_path: Path, make_exchange: Any, make_answer: Any
) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "heron.pdf"))
    for page in ("The heron of the reed bed weighs 1.9 kilograms.", "The wren of the hedge weighs 9 grams."):
        canvas.drawString(50, 700, page)
        canvas.showPage()
    canvas.save()
    document = added(desk, tmp_path / "heron.pdf")
    assert document.blocks[0].locator.unit is Unit.PAGE
    exchange = exchange_about(document, "The wren of the hedge weighs 9 grams.", make_exchange, make_answer())
    html = Reading(desk).view(exchange, 1, None, None)
    assert html.count("<img") == 1
    assert html.count("<rect") == 1
    assert "<h3>Page 2</h3>" in html
    assert "Text of the page" in html


def test_a_poisoned_note_is_inert_in_the_viewer(
    desk: Desk, tmp_path: Path, make_exchange: Any, make_answer: Any
) -> None:
    (tmp_path / "poison.md").write_text(f"# Poison\n\nA heron is here. {POISON}\n", encoding="utf-8")
    document = added(desk, tmp_path / "poison.md")
    html = Reading(desk).view(
        exchange_about(document, "A heron is here.", make_exchange, make_answer()), 1, None, None
    )
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html
