"""Files that a source takes in: one that is missing is named with its line, one that is there is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ingest.parsers import read_document
from tests.ingest.reading import read_bytes, warned

LATEX = r"""\documentclass{book}
\begin{document}
\chapter{One} Words.
\input{chapters/two} % \input{not/this}
\include{chapters/three}
\begin{verbatim}
\input{nor/this}
\end{verbatim}
\input{macros.tex}
\end{document}
"""
NAMED = "lines 5, 9: 2 included files that are not there (chapters/three, macros.tex)"


def test_a_missing_chapter_is_named(tmp_path: Path) -> None:
    read_bytes(tmp_path, "chapters/two.tex", "Two.")
    assert warned(read_bytes(tmp_path, "book.tex", LATEX)) == [NAMED]


def test_a_chapter_names_files_from_the_folder_of_the_whole(tmp_path: Path) -> None:
    read_bytes(tmp_path, "figures/curve.tex", "Words.")
    chapter = read_bytes(tmp_path, "chapters/two.tex", r"Words. \input{figures/curve} \input{figures/line}")
    assert warned(chapter) == ["line 1: an included file that is not there (figures/line)"]


def test_chapters_in_an_archive_are_looked_for_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "thesis.zip", "w") as archive:
        archive.writestr("src/book.tex", LATEX)
        archive.writestr("src/chapters/two.tex", "Two.")
    assert warned(read_document(tmp_path / "thesis.zip" / "src" / "book.tex", "book.tex")) == [NAMED]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.rst", "Words.\n\n.. include:: gone.rst\n\n.. include:: there.txt\n"),
        ("a.adoc", "Words.\n\ninclude::gone.rst[]\n\ninclude::there.txt[lines=1..2]\n"),
        ("a.org", 'Words.\n\n#+INCLUDE: "gone.rst" example\n\n#+INCLUDE: "there.txt::2"\n'),
    ],
)
def test_directives_of_other_formats(name: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("Words.", encoding="utf-8")
    assert warned(read_bytes(tmp_path, name, source)) == [
        "line 3: an included file that is not there (gone.rst)"
    ]
