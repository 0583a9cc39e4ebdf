"""Pictures of the notes: what a note names in its own folder is shown, and no other file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ingest.parsers import read_document
from rag.library.library import Library
from rag.library.rows import DocumentRecord
from rag.settings import IngestSettings, Settings
from rag.types import Answer, Chunk, Document, Hit, Why
from ui.web.conversation import Exchange
from ui.web.desk import Desk
from ui.web.note_pictures import NotePictures, file_of, read_picture
from ui.web.reading import Reading
from ui.web.views.markdown import Mark, to_html
from ui.web.views.note_images import Picture


class Application:
    """An application without models, as the desk needs it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings()
        self.library = Library.create(folder)

    def open_library(self) -> Library:
        return self.library


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 90, 20)).save(out, kind)
    return out.getvalue()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of notes with a picture, beside a secret one that no note may show."""
    folder = tmp_path / "notes"
    (folder / "week1" / "images").mkdir(parents=True)
    (folder / "week1" / "images" / "heron 1.png").write_bytes(picture())
    (folder / "cover.jpg").write_bytes(picture("JPEG"))
    (folder / ".hidden.png").write_bytes(picture())
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "no-picture.png").write_text("<html>")
    (tmp_path / "secret.png").write_bytes(picture())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


def record_of(file: Path, path: str) -> DocumentRecord:
    document = read_document(file, path)
    found = file.stat() if file.exists() else None
    size, changed = (found.st_size, found.st_mtime_ns) if found else (0, 0)
    return DocumentRecord(
        path, "", document.kind, document.content_hash, size, changed, 1, str(file), (), (), ""
    )


@pytest.fixture
def record(notes: Path) -> DocumentRecord:
    note = notes / "week1" / "herons.md"
    note.write_text("# Herons\n\nA heron waits.", encoding="utf-8")
    return record_of(note, "week1/herons.md")


@pytest.mark.parametrize(
    "name", ["images/heron 1.png", "../cover.jpg", "./images/../images/heron 1.png?raw=true"]
)
def test_a_picture_in_the_folder_of_the_notes_is_found(record: DocumentRecord, name: str) -> None:
    pictures = NotePictures()
    found = pictures.of(record, name)
    assert found is not None
    assert (found.width, found.height) == (40, 30)
    place = pictures.shown(found.address.removeprefix("lectern/picture/"))
    assert place is not None
    assert place[1].is_file()


@pytest.mark.parametrize(
    "name",
    [
        "../../secret.png", "../../../../../../etc/hostname", "/etc/hostname", "//evil.example/a.png", "..", ".", "",
        "http://evil.example/a.png", "file:///etc/hostname", "javascript:alert(1)", "data:image/png;base64,AA==",
        "..\\..\\secret.png", "C:\\secret.png", "../.hidden.png", "../link.png", "../drawing.svg", "../no-picture.png",
        "images", "images/none.png", "images/heron 1.png/..", "images\0.png", "a/" * 3000 + "a.png",
        "../week1/../../secret.png", "....//....//secret.png", "%2e%2e/%2e%2e/secret.png", "~/secret.png",
    ],
)  # fmt: skip
def test_nothing_else_is_found(record: DocumentRecord, name: str) -> None:
    assert NotePictures().of(record, name) is None


def test_an_address_says_nothing_and_none_can_be_guessed(record: DocumentRecord) -> None:
    one, other = NotePictures(), NotePictures()
    found = one.of(record, "images/heron 1.png")
    assert found is not None
    assert found == one.of(record, "../week1/images/heron 1.png")
    key = found.address.removeprefix("lectern/picture/")
    assert len(key) == 32
    assert other.shown(key) is None


def test_a_picture_of_an_archive_is_found_and_none_outside_it(notes: Path, tmp_path: Path) -> None:
    archive = notes / "week2.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("wrens/wren.md", "# Wrens\n\nA wren sings.")
        packed.writestr("wrens/wren.png", picture(size=(8, 9)))
    of_member = record_of(archive / "wrens" / "wren.md", "week2.zip/wrens/wren.md")
    file = file_of(of_member, "wren.png")
    assert file is not None
    found = read_picture(of_member, file)
    assert found is not None
    assert (found.media_type, found.width, found.height) == ("image/png", 8, 9)
    assert NotePictures().of(of_member, "../../../secret.png") is None


def test_images_and_their_tags_become_pictures_or_words() -> None:
    def known(name: str) -> Picture | None:
        return Picture("lectern/picture/0", "", 4, 3) if name == "my plot.png" else None

    shown = '<img class="note" src="lectern/picture/0" alt="a &quot;plot&quot;" width="4" height="3">'
    assert to_html('![a "plot"](my%20plot.png)', (), known) == f"<p>{shown}</p>\n"
    tag = "<img width=80% onload=alert(1) src='my plot.png' alt='a &quot;plot&quot;'/>"
    assert to_html(tag, (), known) == f"<p>{shown}</p>\n"
    assert to_html(tag) == "<p>(image: a &quot;plot&quot;)</p>\n"
    assert to_html("![a](other.png)", (), known) == "<p>(image: a)</p>\n"
    assert to_html("<imgx src='my plot.png'>", (), known) == "<p>&lt;imgx src='my plot.png'&gt;</p>\n"


def test_a_mark_around_and_inside_an_image_stays_a_mark() -> None:
    text = "A heron ![on one leg](heron.png) waits. Then"

    def known(name: str) -> Picture | None:
        return Picture("lectern/picture/0")

    for end in (text.index(" leg"), text.index(" Then")):
        html = to_html(text, [Mark(2, end, tail="<b></b>")], known)
        assert html.startswith("<p>A <mark>heron </mark><img ")
        assert html.count("<b></b>") == 1
        assert 'alt="on one leg"' in html
    assert "<mark> waits.</mark><b></b> Then" in html


@pytest.fixture
def view(
    tmp_path: Path, make_exchange: Any, make_answer: Callable[..., Answer]
) -> Callable[..., tuple[str, Reading, Desk]]:
    """Ingests a file into a library and shows the passage with all its text."""

    def shown(file: Path, path: str) -> tuple[str, Reading, Desk]:
        desk = Desk(Application(tmp_path / "library"))  # type: ignore[arg-type]
        document: Document = read_document(file, path, IngestSettings())
        chunk = Chunk("c", path, 0, 0, len(document.text), document.text, document.blocks[0].locator)
        found = file.stat()
        desk.library.bind("lengths", 3, "test")
        desk.library.replace_document(
            document,
            [chunk],
            np.zeros((1, 3), np.float32),
            size_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
        )
        hit = Hit(chunk, 0.9, Why())
        exchange: Exchange = make_exchange(make_answer(), hits=(hit,), shown=1)
        reading = Reading(desk)
        return str(reading.view(exchange, 1, 0, 99)), reading, desk

    return shown


def test_the_viewer_shows_a_notes_pictures_until_it_is_removed(view: Any, notes: Path) -> None:
    note = notes / "week1" / "herons.md"
    note.write_text(
        "# Herons\n\n![A heron](<images/heron 1.png>)\n\n![x](../../secret.png)\n", encoding="utf-8"
    )
    html, reading, desk = view(note, "week1/herons.md")
    assert html.count("<img") == 1
    key = html.split("lectern/picture/")[1][:32]
    found = reading.picture(key)
    assert found is not None
    assert found.media_type == "image/png"
    assert found.content == picture()
    assert reading.picture("0" * 32) is None
    desk.library.remove_document("week1/herons.md")
    assert reading.picture(key) is None


def test_the_viewer_shows_a_web_pages_pictures_where_they_are(view: Any, notes: Path) -> None:
    page = notes / "page.html"
    page.write_text(
        "<h1>Birds</h1><p>Herons wait at dawn.</p><img src='week1/images/heron%201.png'>"
        "<p>The cover is below.</p><img src='cover.jpg' alt='The cover'><img src='../secret.png' alt='The cover'>",
        encoding="utf-8",
    )
    html, *_ = view(page, "page.html")
    assert html.count("<img") == 2
    assert 'alt="The cover"' in html
    assert 'alt="picture without description"' in html


def test_the_viewer_shows_what_is_attached_to_a_cell(view: Any, notes: Path) -> None:
    import base64

    encoded = base64.b64encode(picture()).decode()
    cell = {
        "cell_type": "markdown", "metadata": {}, "attachments": {"heron.png": {"image/png": encoded}},
        "source": "# Herons\n\n![A heron](attachment:heron.png) ![The cover](cover.jpg)",
    }  # fmt: skip
    file = notes / "herons.ipynb"
    file.write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    html, *_ = view(file, "herons.ipynb")
    assert f'src="data:image/png;base64,{encoded}" alt="A heron"' in html
    assert 'alt="The cover"' in html
