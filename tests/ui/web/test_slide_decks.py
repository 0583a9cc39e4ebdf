"""Slides as pictures: made once where LibreOffice is, within bounds, and text everywhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer

import pytest

from rag.library.rows import DocumentRecord
from rag.settings import IngestSettings
from rag.types import DocumentKind
from tests.patience import PATIENCE_SECONDS
from ui.web import slide_decks
from ui.web.page_pictures import PagePictures
from ui.web.slide_decks import Making, SlideDecks, libreoffice

needs_libreoffice = pytest.mark.skipif(not libreoffice(), reason="needs LibreOffice")


@pytest.fixture
def deck(tmp_path: Path) -> DocumentRecord:
    """Three slides; the second one is hidden."""
    import pptx

    presentation = pptx.Presentation()
    for name in ("Herons wait at dawn", "Wrens sing in the hedge", "Owls hunt at night"):
        presentation.slides.add_slide(presentation.slide_layouts[5]).shapes.title.text = name
    presentation.slides[1]._element.set("show", "0")
    presentation.save(tmp_path / "birds.pptx")
    return record_of(tmp_path / "birds.pptx")


def record_of(file: Path) -> DocumentRecord:
    from ingest.parsers import content_hash

    found, data = file.stat(), file.read_bytes()
    return DocumentRecord(
        file.name, "", DocumentKind.SLIDES, content_hash(data), found.st_size, found.st_mtime_ns, 3, str(file), (), (), ""
    )  # fmt: skip


def decks_of(library: Path, *records: DocumentRecord, **settings: float) -> SlideDecks:
    library.mkdir(exist_ok=True)
    return SlideDecks(library, IngestSettings.model_validate(settings), lambda: list(records))


def ended(decks: SlideDecks, record: DocumentRecord) -> Making:
    """The state of a deck after its conversion has ended."""
    decks.of(record)
    for thread in threading.enumerate():
        if thread.name == "lectern-slides":
            thread.join(PATIENCE_SECONDS)
    return decks.of(record).state


def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program in LibreOffice's place."""
    file = tmp_path / "office"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setattr(slide_decks, "libreoffice", lambda: str(file))


@pytest.mark.slow
@needs_libreoffice
def test_every_slide_is_a_picture_hidden_ones_too(tmp_path: Path, deck: DocumentRecord) -> None:
    old = tmp_path / "library" / "slides" / "old.3.pdf"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"%PDF")
    decks = decks_of(tmp_path / "library", deck)
    assert ended(decks, deck) is Making.MADE
    assert not old.exists()
    made = decks.of(deck)
    assert made.slides == 3
    picture = PagePictures().of_deck(made, 2, ["Wrens sing in the hedge"])
    assert picture is not None
    assert len(picture.boxes) == 1
    assert PagePictures().of_deck(made, 1, ["Wrens sing in the hedge"]).boxes == ()  # type: ignore[union-attr]


def test_without_libreoffice_a_deck_has_no_pictures_and_no_error(
    tmp_path: Path, deck: DocumentRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slide_decks, "libreoffice", lambda: "")
    decks = decks_of(tmp_path / "library", deck)
    assert decks.of(deck).state is Making.NONE
    assert PagePictures().of_deck(decks.of(deck), 1) is None


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "sleep 600", "cd /proc/self/cwd && kill -9 $$"])
def test_a_conversion_that_fails_or_hangs_is_tried_once(
    tmp_path: Path, deck: DocumentRecord, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    count = tmp_path / "count"
    program(tmp_path, monkeypatch, f"echo x >>{count}\n{script}")
    seconds = 15.0 if "sleep" in script else PATIENCE_SECONDS  # a busy machine is slow to start it
    decks = decks_of(tmp_path / "library", deck, max_seconds=seconds)
    assert ended(decks, deck) is Making.NONE
    assert decks.of(deck).state is Making.NONE
    assert decks_of(tmp_path / "library", deck).of(deck).state is Making.NONE
    assert count.read_text() == "x\n"


def test_a_deck_that_changed_is_not_converted(
    tmp_path: Path, deck: DocumentRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, f"touch {tmp_path}/ran")
    Path(deck.source).write_bytes(Path(deck.source).read_bytes() + b"\n")
    assert ended(decks_of(tmp_path / "library", deck), deck) is Making.NONE
    assert not (tmp_path / "ran").exists()


def test_pages_that_are_not_the_slides_are_not_shown(
    tmp_path: Path, deck: DocumentRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "two.pdf"))
    for _ in range(2):
        canvas.drawString(50, 700, "Herons")
        canvas.showPage()
    canvas.save()
    program(
        tmp_path,
        monkeypatch,
        f'while [ "$1" != --outdir ]; do shift; done; cp {tmp_path}/two.pdf "$2/deck.pdf"',
    )
    decks = decks_of(tmp_path / "library", deck)
    assert ended(decks, deck) is Making.MADE
    assert PagePictures().of_deck(decks.of(deck), 1) is None


def test_the_program_has_bounds_no_network_and_a_place_of_its_own(
    tmp_path: Path, deck: DocumentRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "seen"
    monkeypatch.setenv("SECRET_OF_TESTS", "owl")
    program(tmp_path, monkeypatch, f"(ulimit -v; ulimit -t; env) >{out}.part; mv {out}.part {out}")
    decks = decks_of(tmp_path / "library", deck, max_seconds=30.0, max_memory_bytes=1_000_000_000)
    assert ended(decks, deck) is Making.NONE
    addresses, seconds, *rest = out.read_text().splitlines()
    assert int(addresses) == 5_000_000_000 // 1024
    assert int(seconds) == 30
    assert not any("SECRET_OF_TESTS" in line for line in rest)
    assert f"HOME={Path.home()}" not in rest


@contextmanager
def watched() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked for."""
    asked: list[str] = []

    class Watched(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode())
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server = TCPServer(("127.0.0.1", 0), Watched)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.mark.slow
@needs_libreoffice
def test_a_picture_that_a_slide_links_is_not_fetched(tmp_path: Path) -> None:
    import pptx
    from PIL import Image
    from pptx.opc.constants import RELATIONSHIP_TYPE

    Image.new("RGB", (9, 9)).save(tmp_path / "dot.png")
    with watched() as (address, asked):
        presentation = pptx.Presentation()
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        picture = slide.shapes.add_picture(str(tmp_path / "dot.png"), 0, 0)
        link = slide.part.relate_to(f"{address}/leak.png", RELATIONSHIP_TYPE.IMAGE, is_external=True)
        blip = next(picture._element.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}blip"))
        relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
        del blip.attrib[f"{relation}embed"]
        blip.set(f"{relation}link", link)
        presentation.save(tmp_path / "leak.pptx")
        deck = record_of(tmp_path / "leak.pptx")
        assert ended(decks_of(tmp_path / "library", deck), deck) is Making.MADE
    assert asked == []
