"""Pages that are pictures, read by the real engine."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ingest.parsers import read_document
from ingest.worker import ParserProcess
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import BlockKind, DocumentKind

pytestmark = pytest.mark.model
TITLE = "Aliasing in sampled signals"
LINES = (
    "A tone above half the sampling rate",
    "comes back as a lower tone.",
    "This channel takes 8000 samples per second.",
    "A filter in front of the converter keeps",
    "everything above 4000 hertz away from it.",
    "Without one the record cannot be mended later.",
)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Two pages of type as a scanner would leave them: pictures at 150 dots an inch, no text; the second is blank."""
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    from PIL import Image, ImageDraw, ImageFont

    page, blank = (Image.new("L", (1240, 1754), 255) for _ in range(2))
    draw = ImageDraw.Draw(page)
    draw.text((120, 120), TITLE, font=ImageFont.load_default(56), fill=0)
    for number, line in enumerate(LINES):
        draw.text((120, 300 + 60 * number), line, font=ImageFont.load_default(32), fill=0)
    file = tmp_path / "scan.pdf"
    page.save(file, resolution=150, save_all=True, append_images=[blank])
    return file


def test_a_scanned_page_is_read_with_its_heading_and_its_place(scan: Path) -> None:
    document = read_document(scan, "scan.pdf")
    heading, *rest = document.blocks
    assert document.text[heading.start : heading.end] == TITLE
    assert heading.kind is BlockKind.HEADING
    assert " ".join(document.text[rest[0].start : rest[-1].end].split()) == " ".join(LINES)
    assert str(rest[0].locator) == f'"{TITLE}" › p. 1'


def test_a_picture_without_letters_is_named(scan: Path) -> None:
    assert tuple(map(str, read_document(scan, "scan.pdf").warnings)) == (
        "page 2: holds a picture in which OCR finds no text",
    )


def test_a_page_that_needed_ocr_is_read_once_the_extra_is_there(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra it is named with the command that helps; the file itself did not change."""
    monkeypatch.setattr("ingest.parsers.pdf.ocr_is_installed", lambda: False)
    before = read_document(scan, "scan.pdf")
    assert TITLE not in before.text
    assert "pages 1-2: needs OCR" in str(before.warnings[0])
    assert "lectern setup ocr" in str(before.warnings[0])
    monkeypatch.undo()
    after = read_document(scan, "scan.pdf")
    assert (after.content_hash, TITLE in after.text) == (before.content_hash, True)


def test_the_reading_process_has_room_for_ocr_and_is_replaced_after_it(scan: Path) -> None:
    """Within the default bounds; the process that OCR has filled is not the one that reads the next note."""
    parser = ParserProcess(IngestSettings())
    try:
        assert TITLE in parser.read(scan, "scan.pdf").text
        assert TITLE in parser.read(scan, "scan.pdf").text
    finally:
        parser.close()
    small = ParserProcess(IngestSettings(max_memory_bytes=1_200_000_000))
    try:
        assert TITLE in small.read(scan, "scan.pdf").text
        assert small._process is None
    finally:
        small.close()


def test_reading_a_picture_looks_nothing_up(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine imports OpenVINO, which reports to Google Analytics unless it is kept from it."""
    log = tmp_path / "sockets.txt"
    log.touch()
    monkeypatch.setenv("SOCKET_LOG_OF_TESTS", str(log))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "ui" / "audit"))
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = ParserProcess(IngestSettings())
    try:
        assert TITLE in parser.read(scan, "scan.pdf").text
    finally:
        parser.close()
    assert log.read_text(encoding="utf-8") == ""
    assert not (tmp_path / "intel").exists(), "no client id was made"


def test_a_page_on_which_the_engine_fails_does_not_cost_the_others(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real engine given a picture that it cannot take (no rows) fails with an error of its own."""
    from ingest.parsers import ocr

    real = ocr._engine()
    calls = iter([0, None])
    monkeypatch.setattr(ocr, "_engine", lambda: lambda picture: real(picture[: next(calls)]))
    document = read_document(scan, "scan.pdf")
    assert "page 1: holds a picture on which OCR failed" in map(str, document.warnings)


def test_a_picture_file_is_read_like_a_page(scan: Path, tmp_path: Path) -> None:
    """On a transparent ground, as screenshots are; the text is where a scan of it would have it."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGBA", (1240, 700), (0, 0, 0, 0))
    draw = ImageDraw.Draw(page)
    draw.text((120, 120), TITLE, font=ImageFont.load_default(56), fill="black")
    for number, line in enumerate(LINES):
        draw.text((120, 300 + 60 * number), line, font=ImageFont.load_default(32), fill="black")
    page.save(tmp_path / "board.png")
    document = read_document(tmp_path / "board.png", "board.png")
    assert document.kind is DocumentKind.PICTURE
    assert document.title == TITLE
    assert " ".join(LINES) in " ".join(document.text.split())
    (tmp_path / "none.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    with pytest.raises(UnreadableNote, match="no picture that can be opened"):
        read_document(tmp_path / "none.png", "none.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_ends_too_early_is_read_as_far_as_it_is_there(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (900, 700), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(LINES):
        draw.text((40, 40 + 100 * number), line, font=ImageFont.load_default(32), fill=0)
    whole, file = io.BytesIO(), tmp_path / f"board.{kind.lower()}"
    picture.save(whole, kind)
    file.write_bytes(whole.getvalue()[: len(whole.getvalue()) * 6 // 10])
    document = read_document(file, file.name)
    assert LINES[1] in document.text
    assert LINES[5] not in document.text
    assert [str(warning) for warning in document.warnings] == ["page 1: a part that cannot be read"]
    blank = io.BytesIO()
    Image.new("RGB", (900, 700), "white").save(blank, kind)
    file.write_bytes(blank.getvalue()[:-40])
    with pytest.raises(UnreadableNote, match=r"damaged picture .* finds no text in the part that is there"):
        read_document(file, file.name)
