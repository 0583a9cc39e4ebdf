"""Each thing that can be wrong with a library is found, with the command that mends it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ingest.chunker import chunker_fingerprint
from ingest.doctor import Finding, Severity, examine_library
from ingest.pipeline import ingest_paths
from rag.library import Library
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
