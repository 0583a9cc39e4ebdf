"""`lectern documents tag` as a person uses it: tags limit a search, and stay when the note is read again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.model
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_tags_limit_a_search_and_outlive_an_edit(lectern: Run, tmp_path: Path) -> None:
    notes, library = tmp_path / "notes", ("--library", tmp_path / "library")
    notes.mkdir()
    (notes / "owls.md").write_text("---\ntags: [birds]\n---\n\nThe owl hunts at night.\n")
    (notes / "bees.md").write_text("A bee dances by day.\n")
    assert lectern("ingest", notes, *library).returncode == 0
    tagged = lectern("documents", "tag", "owls.md", "exam", "week  3", "--json", *library)
    assert json.loads(tagged.stdout) == {"document": "owls.md", "tags": ["birds", "exam", "week 3"]}
    (notes / "owls.md").write_text("---\ntags: [night]\n---\n\nThe owl hunts when it is dark.\n")
    assert json.loads(lectern("ingest", notes, "--json", *library).stdout)["updated"] == 1
    found = json.loads(lectern("search", "bee", "--scope", "tag:exam", "--json", *library).stdout)
    assert [hit["document"] for hit in found["hits"]] == ["owls.md"]
    shown = lectern("documents", "show", "owls.md", *library)
    assert "tags: night, exam, week 3" in shown.stdout
    assert (
        lectern("documents", "tag", "owls.md", "easy", *library).stdout
        == "owls.md: night, exam, week 3, easy\n"
    )
    assert (
        lectern("documents", "tag", "owls.md", "--clear", "hard", *library).stdout == "owls.md: night, hard\n"
    )
    assert lectern("documents", "tag", "owls.md", "--clear", *library).stdout == "owls.md: night\n"


def test_mistakes_are_one_sentence(lectern: Run, course_library: Path) -> None:
    library = ("--library", course_library)
    assert lectern("documents", "tag", "syllabus.docx", *library).returncode == 2
    assert lectern("documents", "tag", "syllabus.docx", " ", *library).returncode == 2
    gone = lectern("documents", "tag", "gone.md", "exam", *library)
    assert gone.returncode == 1
    assert "no document 'gone.md'" in gone.stderr
    assert "Traceback" not in gone.stderr
