"""Real course material and odd files, where they are present: nothing crashes, and every file is read or has a reason."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.discover import discover, source_text
from ingest.parsers import read_document
from ingest.parsers.decoding import decode
from ingest.pipeline import ingest_notes
from rag.errors import UnreadableNote
from rag.library.library import Library
from rag.settings import Settings

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
    for module in ("parsers.pdf", "kinds"):
        monkeypatch.setattr(f"ingest.{module}.ocr_is_installed", lambda: False)
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


@pytest.mark.slow
def test_all_of_it_in_one_run_of_the_pipeline(
    library: Library, embedder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the worker processes that an ingest has: none takes the run with it, and every file is accounted for once."""
    (tmp_path / "sitecustomize.py").write_text(_WITHOUT_OCR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for module in ("failures", "read_ahead", "kinds"):
        monkeypatch.setattr(f"ingest.{module}.ocr_is_installed", lambda: False)
    folders = [DATA / "courses", DATA / "hard"]
    found = discover(folders)
    report = ingest_notes(library, found, embedder, Settings())
    read = {record.source for record in library.documents()}
    failed = {failure.source for failure in library.failures()}
    assert read | failed == {source_text(file.source) for file in found.files}
    assert not read & failed
    assert (report.documents, len(report.failed)) == (len(read), len(failed))
    assert report.added == len(read)
    reasons = {entry.path: entry.reason for entry in report.failed}
    assert len(reasons) < 12, reasons
    assert not [reason for reason in reasons.values() if "died" in reason or "The parser failed" in reason]
    again = ingest_notes(library, discover(folders), embedder, Settings())
    assert (again.unchanged, again.added, again.updated) == (len(read), 0, 0)
    assert {entry.path: entry.reason for entry in again.failed} == reasons


_WITHOUT_OCR = """
import importlib.util
plain = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "rapidocr" else plain(name, *more)
"""
"""For the workers, where no fixture reaches: OCR has tests of its own and takes minutes for the scanned books."""


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


SYLLABI = DATA / "qa" / "syllabusqa" / "syllabi" / "syllabi_redacted"
FORMATS = {"pdf": ".pdf", "word": ".docx", "text": ".txt"}


@pytest.fixture(scope="module")
def syllabi() -> dict[str, dict[str, str]]:
    """Name to format to the text as read, of all that exist in three formats."""
    names = [file.stem for file in sorted((SYLLABI / "pdf").glob("*.pdf"))]
    files = {name: {kind: SYLLABI / kind / f"{name}{end}" for kind, end in FORMATS.items()} for name in names}
    return {
        name: {kind: read_document(file, file.name).text.lower() for kind, file in kinds.items()}
        for name, kinds in files.items()
        if all(file.is_file() for file in kinds.values())
    }


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def runs_of(text: str) -> Counter[str]:
    """Every five letters in a row, white space and signs left out: the words of a text that has lost its spaces."""
    letters = "".join(re.findall(r"\w", text))
    return Counter(letters[at : at + 5] for at in range(len(letters) - 4))


def shared(one: Counter[str], two: Counter[str], of: Callable[..., int]) -> float:
    return (one & two).total() / of(one.total(), two.total())


def test_a_syllabus_has_the_same_words_as_pdf_and_as_word(syllabi: dict[str, dict[str, str]]) -> None:
    """The Word copy has its header and footer once; those of a PDF are left out as running heads."""
    pairs = {name: (words_of(s["pdf"]), words_of(s["word"])) for name, s in syllabi.items()}
    assert len(pairs) == 15
    assert min(shared(*pair, min) for pair in pairs.values()) >= 0.97
    assert min(shared(*pair, max) for pair in pairs.values()) >= 0.95


@pytest.mark.parametrize("kind", ["pdf", "word"])
def test_a_syllabus_says_the_same_as_plain_text(syllabi: dict[str, dict[str, str]], kind: str) -> None:
    """The .txt copies were made from the PDFs by a program that keeps running heads and, in two of them, writes no spaces.

    So all fifteen have the same letters in the same order, and thirteen the same words; measured are 0.990 and 0.957 of the
    letters of the smaller and of the larger text, 0.994 and 0.958 of the words.
    """
    letters = {name: (runs_of(s["text"]), runs_of(s[kind])) for name, s in syllabi.items()}
    assert min(shared(*pair, min) for pair in letters.values()) >= 0.97
    assert min(shared(*pair, max) for pair in letters.values()) >= 0.95
    words = {name: (words_of(s["text"]), words_of(s[kind])) for name, s in syllabi.items()}
    spaced = {name: pair for name, pair in words.items() if pair[0].total() > 0.8 * pair[1].total()}
    assert sorted(words.keys() - spaced.keys()) == [
        "syllabus-RESEC213-2023spring-yp",
        "syllabus_fall2022-revised2",
    ]
    assert min(shared(*pair, min) for pair in spaced.values()) >= 0.97
    assert min(shared(*pair, max) for pair in spaced.values()) >= 0.95
