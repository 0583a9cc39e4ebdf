"""`lectern ingest`, `documents` and `doctor` as a person runs them, with the embedded model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.errors import InputError, LibraryMissing
from ui.cli import build_app

pytestmark = pytest.mark.model


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "one.md").write_text("# Aliasing\n\nSampling too slowly folds high frequencies down.\n")
    (folder / "two.txt").write_text("A low-pass filter before the converter prevents that.\n")
    (folder / "bad.ipynb").write_text("not a notebook")
    return folder


def lectern(tmp_path: Path, *arguments: str) -> str:
    """What a command prints on stdout."""
    done = CliRunner().invoke(build_app(), [*arguments, "--library", str(tmp_path / "library")])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0
    return done.stdout


def test_the_verbs_together(tmp_path: Path, notes: Path) -> None:
    first = json.loads(lectern(tmp_path, "ingest", str(notes), "--json"))
    assert (first["added"], first["documents"]) == (2, 2)
    assert first["failed"] == [{"path": "bad.ipynb", "reason": first["failed"][0]["reason"]}]
    assert "2 unchanged, 1 not read: 2 documents" in lectern(tmp_path, "ingest", str(notes))
    listed = [json.loads(line) for line in lectern(tmp_path, "documents", "list", "--json").splitlines()]
    assert [entry["path"] for entry in listed] == ["one.md", "two.txt"]
    shown = json.loads(lectern(tmp_path, "documents", "show", "one.md", "--json"))
    assert [block["locator"] for block in shown["blocks"]] == [
        'one.md › "Aliasing" › line 1',
        'one.md › "Aliasing" › line 3',
    ]
    found = json.loads(lectern(tmp_path, "doctor", "--json"))
    assert "failed" in [finding["subject"] for finding in found["findings"]]
    removed = json.loads(lectern(tmp_path, "documents", "remove", "two.txt", "--json"))
    assert removed == {"removed": ["two.txt"], "documents": 1}


def test_wrong_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        lectern(tmp_path, "ingest", str(tmp_path / "nowhere"))
    with pytest.raises(LibraryMissing, match="lectern ingest"):
        lectern(tmp_path / "other", "documents", "list")
