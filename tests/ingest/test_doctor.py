"""Each thing that can be wrong with a library is found, with the command that mends it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ingest.chunker import chunker_fingerprint
from ingest.doctor import Finding, Severity, examine_library
from ingest.pipeline import ingest_paths
from rag.library.library import Library
from rag.settings import ChunkSettings, Settings


@pytest.fixture
def filled(library: Library, notes: Path, embedder: Any) -> Library:
    """A library of the notes."""
    ingest_paths(library, [notes], embedder, Settings())
    return library


def examine(library: Library, fake: Any, **changes: Any) -> dict[str, Finding]:
    made = {
        "embedder": fake.fingerprint,
        "dim": fake.dim,
        "chunker": chunker_fingerprint(ChunkSettings()),
    }
    return {finding.subject: finding for finding in examine_library(library.folder, **{**made, **changes})}


def test_files_of_kinds_that_are_not_read_are_named(library: Library, tmp_path: Path, embedder: Any) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "own.md").write_text("# Own\n\nWords.\n")
    for name in ("old.doc", "older.doc", ".hidden"):
        (folder / name).write_text("x")
    ingest_paths(library, [folder], embedder, Settings())
    ingest_paths(library, [folder / "own.md"], embedder, Settings())  # says nothing about the folder
    (finding,) = examine_library(library.folder, "", 0, library.manifest.chunker)
    assert finding.subject == "passed over"
    assert finding.items == ("2 old Office files (old.doc, older.doc): save them as .docx, .pptx or .xlsx",)
    (folder / "old.doc").unlink()
    (folder / "older.doc").unlink()
    ingest_paths(library, [folder], embedder, Settings())
    assert examine_library(library.folder, "", 0, library.manifest.chunker) == []


def test_a_sound_library_has_no_findings(filled: Library, embedder: Any) -> None:
    assert examine(filled, embedder) == {}


def test_documents_that_are_stale_gone_failed_empty_or_double(
    filled: Library, notes: Path, embedder: Any
) -> None:
    (notes / "bad.ipynb").write_text("no")
    (notes / "blank.md").write_text("\n\n")
    (notes / "copy.md").write_bytes((notes / "week2.md").read_bytes())
    ingest_paths(filled, [notes], embedder, Settings())
    (notes / "plain.txt").write_text("Something else entirely.\n")
    stamp = time.time() + 10
    os.utime(notes / "week1" / "intro.md", (stamp, stamp))  # touched, not changed
    (notes / "page.html").unlink()
    found = examine(filled, embedder)
    assert found["stale"].items == ("plain.txt",)
    assert found["stale"].mend.startswith(f"lectern ingest {notes / 'plain.txt'}")
    assert found["gone"].items == ("page.html",)
    assert "lectern documents remove page.html" in found["gone"].mend
    assert found["failed"].items[0].startswith("bad.ipynb: It is not a notebook")
    assert found["empty"].items == ("blank.md",)
    assert found["duplicate"].items == ("copy.md = week2.md",)
    assert found["failed"].severity is Severity.WARNING


def words_of(mend: str) -> list[str]:
    """The words of the last command in a mend, as a shell takes them."""
    return shlex.split(mend.rpartition("then: ")[2])


def test_the_commands_mend_all_of_it_and_for_good(
    filled: Library, notes: Path, embedder: Any, tmp_path: Path
) -> None:
    names = ["it's.md", "a$b.md", "two words.md", "c.md", "d.md"]
    for number, name in enumerate(names):
        (notes / name).write_text(f"# Note {number}\n\nWords of note {number}.\n")
        (notes / f"copy of {name}").write_text(f"# Note {number}\n\nWords of note {number}.\n")
        (notes / f"blank{number}.md").write_text("\n" * (number + 2))
        (notes / f"bad{number}.ipynb").write_text("no")
        (notes / f"gone{number}.md").write_text(f"# Gone {number}\n")
    ingest_paths(filled, [notes], embedder, Settings())
    for number, name in enumerate(names):
        (notes / name).write_text(f"# Note {number}\n\nOther words of note {number}.\n")
        (notes / f"gone{number}.md").unlink()
    where = ["--library", str(filled.folder)]
    found = examine(filled, embedder)
    sources = [str(notes / name) for name in sorted(names)]
    assert sorted(words_of(found["stale"].mend)[2:-2]) == sources
    assert words_of(found["gone"].mend) == [
        "lectern", "documents", "remove", *(f"gone{number}.md" for number in range(5)), *where,
    ]  # fmt: skip
    assert words_of(found["failed"].mend) == [
        "lectern", "ingest", *(str(notes / f"bad{number}.ipynb") for number in range(5)), *where,
    ]  # fmt: skip
    for subject in ("empty", "duplicate"):
        _mend_by_hand(filled, found[subject])
    ingest_paths(filled, [notes], embedder, Settings())
    left = examine(filled, embedder)
    assert set(left) == {"failed"}


def _mend_by_hand(library: Library, finding: Finding) -> None:
    """Deletes the files that the finding names and removes the documents, as a person would."""
    first, _, rest = finding.mend.partition(" (or move them out of your notes), then: ")
    files, removed = shlex.split(first)[1:], shlex.split(rest)[3:-2]
    assert len(files) == len(removed) == 5
    for file, name in zip(files, removed, strict=True):
        Path(file).unlink()
        assert library.remove_document(name)


def test_names_that_look_like_options_or_are_no_utf8(filled: Library, notes: Path, embedder: Any) -> None:
    odd = os.fsdecode(b"caf\xe9 'x'.md")
    (notes / "-n.md").write_text("# Dash\n\nWords.\n")
    try:
        (notes / odd).write_text("# Odd\n\nWords.\n")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    ingest_paths(filled, [notes], embedder, Settings())
    (notes / "-n.md").unlink()
    (notes / odd).write_text("# Odd\n\nOther words.\n")
    found = examine(filled, embedder)
    assert words_of(found["gone"].mend)[3:] == ["--library", str(filled.folder), "--", "-n.md"]
    command = found["stale"].mend.replace("lectern ingest", "printf '%s\\n'").encode()
    printed = subprocess.run(["bash", "-c", command], capture_output=True, check=True).stdout
    assert printed.splitlines()[0] == os.fsencode(notes / odd)


def test_ocr_that_failed_is_not_ocr_that_is_missing(filled: Library, notes: Path, embedder: Any) -> None:
    def warn(text: str) -> dict[str, Finding]:
        with filled._connections.transaction(locked=True) as connection:
            connection.execute(
                "UPDATE documents SET warnings = ? WHERE path = 'page.html'", (json.dumps([text]),)
            )
        return examine(filled, embedder)

    assert warn("page 1: holds a picture on which OCR failed") == {}
    found = warn("page 1: needs OCR: holds a picture of text (pip install 'lectern[ocr]')")
    assert found["ocr"].mend.endswith(f"lectern ingest {notes / 'page.html'} --library {filled.folder}")
    found = warn("page 1: needs OCR, for which the time was too short (ingest.max_seconds)")
    assert found["time"].mend.startswith("LECTERN_INGEST__MAX_SECONDS=600 lectern ingest ")


def test_a_model_that_is_missing_is_no_mismatch(filled: Library, embedder: Any) -> None:
    assert examine(filled, embedder, embedder="", dim=0) == {}


def test_another_embedder_or_chunker(filled: Library, embedder: Any) -> None:
    found = examine(filled, embedder, embedder="bigger", dim=768, chunker="finer")
    assert found["embedder"].what == "made with the embedder word lengths (8), the settings name bigger (768)"
    assert found["passages"].severity is Severity.ERROR


def test_a_faiss_file_that_is_missing_or_behind(filled: Library, embedder: Any) -> None:
    filled.remove_document("plain.txt")
    assert "lacks 1 changes" in examine(filled, embedder)["index"].what
    (filled.folder / "vectors.faiss").unlink()
    assert "missing" in examine(filled, embedder)["index"].what


def test_a_damaged_or_missing_library(tmp_path: Path, embedder: Any) -> None:
    (tmp_path / "library.sqlite").write_bytes(b"x" * 5000)
    found = examine_library(tmp_path, "a", 1, "b")
    assert [(finding.severity, finding.subject) for finding in found] == [(Severity.ERROR, "library")]
    assert "There is no library" in examine_library(tmp_path / "none", "a", 1, "b")[0].what


def test_content_that_was_not_read_is_named_with_its_place(
    filled: Library, notes: Path, embedder: Any
) -> None:
    (notes / "board.html").write_text("<p>The board.</p><img src=board.png><iframe src=x></iframe>")
    ingest_paths(filled, [notes], embedder, Settings())
    found = examine(filled, embedder)["unread"]
    assert (found.severity, found.what) == (Severity.NOTE, "1 documents have content that was not read")
    assert found.items == (
        "board.html: paragraph 1: a picture without a description",
        "board.html: paragraph 1: a frame with the content of another page",
    )
