"""Real course material and odd files, where they are present: nothing crashes, and every file is read or has a reason."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.discover import discover
from ingest.readers import read_document
from ingest.readers.decoding import decode
from rag.errors import UnreadableNote

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared material is not on this machine")

_PYTHON_NAMES = {"maccyrillic": "mac_cyrillic", "tis-620": "tis_620", "ibm855": "cp855", "ibm866": "cp866"}
_LANGUAGE = re.compile(
    r"-(?:bulgarian|russian|croatian|czech|hungarian|polish|slovak|slovene|arabic|greek|turkish|hebrew|romanian)$"
)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["courses", "hard"])
def test_every_file_is_read_or_has_a_reason(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OCR, which has tests of its own: minutes for the scanned books."""
    monkeypatch.setattr("ingest.readers.pdf.ocr_is_installed", lambda: False)
    reasons = {}
    for file in discover([DATA / folder]).files:
        try:
            document = read_document(file.source, file.name)
        except UnreadableNote as exc:
            reasons[file.name] = str(exc)
            continue
        spans = [(block.start, block.end) for block in document.blocks]
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), file.name
        assert all(document.text[start:end].strip() for start, end in spans), file.name
    assert len(reasons) < 12, reasons
    assert all(reason.endswith((".", ").")) and len(reason) > 20 for reason in reasons.values())


def test_encodings_decode_to_the_text_of_their_folder() -> None:
    right, wrong = 0, []
    for file in sorted((DATA / "hard" / "encodings").rglob("*")):
        if not file.is_file():
            continue
        folder = _LANGUAGE.sub("", file.parent.name.lower())
        try:
            wanted = file.read_bytes().decode(
                codecs.lookup(_PYTHON_NAMES.get(folder, folder)).name, "replace"
            )
            found = decode(file.read_bytes()).text
        except (LookupError, UnreadableNote):
            wrong.append(file.name)
            continue
        clean = (
            wanted.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
        )
        right += found == clean
        if found != clean:
            wrong.append(file.name)
    assert right / (right + len(wrong)) >= 0.95, wrong


def test_a_syllabus_has_the_same_words_as_pdf_and_as_word() -> None:
    root = DATA / "qa" / "syllabusqa" / "syllabi" / "syllabi_redacted"
    pairs = [(pdf, root / "word" / f"{pdf.stem}.docx") for pdf in sorted((root / "pdf").glob("*.pdf"))]
    shares = {}
    for pdf, word in pairs:
        if word.is_file():
            one, two = (
                Counter(re.findall(r"\w+", read_document(file, file.name).text.lower()))
                for file in (pdf, word)
            )
            shares[pdf.name] = (one & two).total() / max(one.total(), two.total())
    assert len(shares) >= 10
    assert min(shares.values()) >= 0.97, shares
