"""The shared cases of kinds of files, folders and archives, where they are present: each has the right value now."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ingest.discover import discover
from ingest.parsers import read_document
from ingest.pipeline import ingest_paths
from rag.library.library import Library
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CASES = next(
    (one / "shared/data/cases" for one in ROOT.parents if (one / "shared/data/cases").is_dir()),
    ROOT.parent / "shared/data/cases",
)
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared material is not on this machine")

RIGHT = {
    "notes.rtf": "The half-life of carbon-14 is 5730 years.",
    "reader.epub": "The tragedy of the commons was described by Hardin in 1968.",
    "proofs.tex": "A set K⊂ℝ^n is compact if and only if it is closed and bounded (Heine–Borel).",
    "guide.rst": "Note: Lab 3 is cancelled on 5 June.",
    "todo.org": "Equivalence point reached at 23.4 mL.",
    "summary.odt": "Photosystem II splits water at the oxygen-evolving complex.",
    "timetable.xlsx": "Week | Topic | Room\n1 | Vectors | B12\n2 | Matrices | B14\n3 | Eigenvalues | C01",
}
"""File to a block that it has to have."""


@pytest.mark.parametrize("name", RIGHT)
def test_a_kind_that_was_refused_or_answered_in_source_is_read(name: str) -> None:
    document = read_document(CASES / "05-file-kinds" / name, name)
    assert RIGHT[name] in [document.text[block.start : block.end] for block in document.blocks]
    assert not any(mark in document.text for mark in ("\\begin", "\\rtf", ":PROPERTIES:", ".. note"))


def test_every_row_of_a_table_is_in_one_block_with_the_names_of_the_columns() -> None:
    document = read_document(CASES / "05-file-kinds" / "scores.csv", "scores.csv")
    (block,) = [block for block in document.blocks if "S1030" in document.text[block.start : block.end]]
    lines = document.text[block.start : block.end].split("\n")
    assert lines[0] == "student_id | lab | midterm | final"
    assert "S1030 | 60 | 85 | 75" in lines


def test_no_folder_is_lost_for_its_name(library: Library, embedder: Any, tmp_path: Path) -> None:
    shutil.copytree(CASES / "07-folders-names", tmp_path / "notes")
    report = ingest_paths(library, [tmp_path / "notes"], embedder, Settings())
    read = {record.path for record in library.documents()}
    assert {
        "env/ENV101 lecture 1.md",
        "build/BLD 200 foundations.md",
        "dist/distributions.md",
        "target/archery theory.md",
    } <= read
    skipped = {one.name for one in report.skipped}
    files = {
        path.relative_to(tmp_path / "notes").as_posix()
        for path in (tmp_path / "notes").rglob("*")
        if path.is_file()
    }
    assert files - read - skipped - {entry.path for entry in report.failed} == set()


def test_the_files_of_an_archive_are_found() -> None:
    found = discover([CASES / "05-file-kinds" / "moodle-export.zip"]).files
    assert [file.name for file in found] == ["moodle-export.zip/week1.md", "moodle-export.zip/week2.html"]
