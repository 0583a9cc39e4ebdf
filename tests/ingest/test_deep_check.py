"""Damage on the disk: found by `lectern doctor --deep`, never shown, mended by ingesting the note again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.attack.flips import attack
from ingest.deep_check import deep_findings
from ingest.doctor import Severity
from ingest.pipeline import ingest_paths
from ingest.report import IngestReport
from rag.errors import LibraryDamaged
from rag.library.library import Library
from rag.settings import Settings


def corrupt(folder: Path, old: bytes, new: bytes) -> int:
    """Replace bytes in the database file of a closed library."""
    file = folder / "library.sqlite"
    content = file.read_bytes()
    file.write_bytes(content.replace(old, new))
    return content.count(old)


def test_a_damaged_document_is_named_refused_and_mended_by_ingesting_it_again(
    library: Library, notes: Path, embedder: Any
) -> None:
    def run() -> IngestReport:
        return ingest_paths(library, [notes], embedder, Settings())

    run()
    expected = {record.path: library.document(record.path) for record in library.documents()}
    folder = library.folder
    library.close()
    assert corrupt(folder, b"Gradient descent follows", b"Gradient ascent follows ") >= 2
    (finding,) = deep_findings(folder)
    assert (finding.severity, finding.subject, finding.items) == (
        Severity.ERROR,
        "damage",
        ("week1/intro.md",),
    )
    assert finding.mend.startswith("lectern ingest ") and "intro.md" in finding.mend
    with Library.open(folder) as damaged:
        with pytest.raises(LibraryDamaged, match=r"intro\.md"):
            damaged.document("week1/intro.md")
        assert damaged.document("week2.md") == expected["week2.md"]
        report = ingest_paths(damaged, [notes], embedder, Settings())
        assert (report.added, report.unchanged) == (1, 5)
        assert {record.path: damaged.document(record.path) for record in damaged.documents()} == expected
    assert deep_findings(folder) == []


def test_a_sound_library_has_no_finding(library: Library, notes: Path, embedder: Any) -> None:
    ingest_paths(library, [notes], embedder, Settings())
    library.tag_document("week2.md", ["exam"])
    library.remove_document("plain.txt")
    assert deep_findings(library.folder) == []


def test_no_flip_and_no_cut_is_shown_as_if_it_were_sound() -> None:
    """The short form of `make attack`; the full one has 500."""
    tally = attack(25, seed=3)
    assert tally.failures == []
    assert tally.outcomes["found, mended by an ingest"] > 3


def test_a_file_that_was_cut_is_a_finding(library: Library, notes: Path, embedder: Any) -> None:
    ingest_paths(library, [notes], embedder, Settings())
    library.close()
    file = library.folder / "library.sqlite"
    file.write_bytes(file.read_bytes()[:5000])
    (finding,) = deep_findings(library.folder)
    assert finding.severity is Severity.ERROR
    assert "lectern restore" in finding.mend
