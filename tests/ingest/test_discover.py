"""Finding notes on a disk that does not always answer: names that are no UTF-8, folders that are shut, files that go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ingest.discover
from ingest.discover import discover, is_there, source_path, source_text
from ingest.doctor import examine_library
from ingest.pipeline import ingest_paths
from rag.errors import InputError
from rag.library import Library
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    (made / "open.md").write_text("# Open\n\nThis one can be read.\n")
    return made


def paths(library: Library) -> list[str]:
    return [record.path for record in library.documents()]


@pytest.mark.parametrize(
    "name", [b"caf\xe9.md", b"\xff\xfe.md", b"it's 100% caf\xe9 #1.md", "café.md".encode()]
)
def test_a_path_is_written_down_reversibly(name: bytes) -> None:
    path = Path(os.fsdecode(b"/notes/" + name))
    text = source_text(path)
    assert text.encode()
    assert source_path(text) == path
    assert source_text(source_path(text)) == text


def test_a_name_that_is_no_utf8_is_a_note_like_any_other(
    library: Library, folder: Path, embedder: Any
) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        (folder / name).write_text("Coffee is a drink.\n")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    (folder / os.fsdecode(b"caf\xe8.txt")).write_text("Coffee is a plant.\n")
    report = ingest_paths(library, [folder], embedder, Settings())
    assert (report.added, report.failed) == (3, ())
    assert paths(library) == ["caf?.txt", "notes/caf?.txt", "open.md"]
    assert {chunk.title for chunk in library.chunks_of("caf?.txt")} == {"caf?"}
    assert ingest_paths(library, [folder], embedder, Settings()).unchanged == 3
    (folder / name).rename(folder / "coffee.txt")
    report = ingest_paths(library, [folder], embedder, Settings())
    assert (report.renamed, report.removed, report.unchanged) == (1, 0, 2)
    (folder / os.fsdecode(b"caf\xe8.txt")).write_text("not\0text" * 50)
    ingest_paths(library, [folder], embedder, Settings())
    json.dumps([failure.source for failure in library.failures()], ensure_ascii=False).encode()
    (folder / "coffee.txt").rename(folder / name)
    (folder / os.fsdecode(b"caf\xe8.txt")).unlink()
    found = {finding.subject: finding for finding in examine_library(library.folder, "", 0, "by hand")}
    assert ingest_paths(library, [folder], embedder, Settings()).failed == ()
    assert "lectern documents remove" in found["gone"].mend


def test_a_loop_of_links_and_a_path_through_a_file(tmp_path: Path) -> None:
    """A path that leads through a file is not there; one that the disk will not tell about may be."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    assert is_there(tmp_path / "file")
    assert not is_there(tmp_path / "file" / "note.md")
    assert not is_there(tmp_path / "none" / "note.md")
    assert is_there(tmp_path / "loop" / "note.md")


def test_what_lies_behind_a_loop_is_kept_and_the_doctor_lives(
    library: Library, folder: Path, embedder: Any
) -> None:
    (folder / "week1").mkdir()
    (folder / "week1" / "a.md").write_text("# A\n\nSome words.\n")
    ingest_paths(library, [folder], embedder, Settings())
    (folder / "week1").rename(folder / ".away")
    (folder / "week1").symlink_to("week1")
    assert ingest_paths(library, [folder], embedder, Settings()).removed == 0
    assert paths(library) == ["open.md", "week1/a.md"]
    assert examine_library(library.folder, "", 0, library.manifest.chunker) == []


def test_a_file_that_goes_while_its_folder_is_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own answers, with a file deleted and a folder emptied between listing and looking."""
    for name in ("b.md", "c.md", "week1/d.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    plain = os.scandir

    def scandir(place: Any) -> Any:
        listed = plain(place)
        if Path(place) == folder:
            (folder / "b.md").unlink()
            (folder / "week1" / "d.md").unlink()
            (folder / "week1").rmdir()
        return listed

    monkeypatch.setattr(ingest.discover.os, "scandir", scandir)
    found = discover([folder])
    assert [file.name for file in found.files] == ["c.md", "open.md"]
    assert found.unreadable == ()


PROGRAM = """
import importlib.util, json, os, sys, tempfile
from pathlib import Path
import ingest.read_ahead
from ingest.doctor import examine_library
from ingest.pipeline import ingest_paths
from ingest.readers import read_document
from rag.library import Library
from rag.settings import Settings

class InProcess:
    def __init__(self, settings):
        self.settings = settings
    def read(self, path, name):
        return read_document(path, name, self.settings)
    def close(self):
        pass

ingest.read_ahead.ReaderProcess = InProcess  # nobody may not run this Python
spec = importlib.util.spec_from_file_location("word_lengths", sys.argv[3])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

def run(library_folder, notes):
    with Library.open(library_folder, create=True) as library:
        report = ingest_paths(library, [notes], module.WordLengths(), Settings()).as_json()
        found = examine_library(library.folder, "", 0, library.manifest.chunker)
        paths = [record.path for record in library.documents()]
        return {**report, "paths": paths, "doctor": [finding.subject for finding in found]}

with tempfile.TemporaryDirectory() as place:  # loads what is loaded late, while it may be read
    (Path(place) / "a.md").write_text("# A\\n\\nWords.\\n")
    run(Path(place) / "library", Path(place) / "a.md")
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]))))
"""


def as_nobody(library: Path, notes: Path) -> dict[str, Any]:
    """The report, the documents and the doctor's findings of an ingest by a user without rights."""
    fake = Path(__file__).with_name("word_lengths.py")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(library), str(notes), str(fake)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass
class Nobodys:
    """A place for a library and notes that belong to the user without rights."""

    library: Path
    notes: Path

    def give(self) -> None:
        for place in (self.library, self.notes, *self.notes.rglob("*")):
            os.chown(place, NOBODY, NOBODY)

    def ingest(self, notes: Path | None = None) -> dict[str, Any]:
        self.give()
        return as_nobody(self.library, notes or self.notes)


@pytest.fixture
def nobodys() -> Iterator[Nobodys]:
    """Outside pytest's own folder, which only its owner may enter."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o755)
        for name in ("library", "notes"):
            (place / name).mkdir()
        (place / "notes" / "open.md").write_text("# Open\n\nThis one can be read.\n")
        yield Nobodys(place / "library", place / "notes")


@as_root
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100])
def test_a_folder_that_is_shut_is_told_and_its_notes_stay(nobodys: Nobodys, mode: int) -> None:
    """No rights, no right to enter, no right to list: each hides something else of the folder."""
    shut = nobodys.notes / "week1"
    shut.mkdir()
    (shut / "a.md").write_text("# A\n\nSome words.\n")
    (shut / "b.md").write_text("# B\n\nOther words.\n")
    assert nobodys.ingest()["added"] == 3
    shut.chmod(mode)
    (nobodys.notes / "new.md").write_text("# New\n\nNew words.\n")
    found = nobodys.ingest()
    assert (found["added"], found["removed"], found["unchanged"]) == (1, 0, 1)
    assert found["paths"] == ["new.md", "open.md", "week1/a.md", "week1/b.md"]
    assert [entry["path"] for entry in found["failed"]] == ["week1"]
    assert found["failed"][0]["reason"].startswith("The folder cannot be listed (Permission denied)")
    assert found["doctor"] == ["failed"]
    shut.chmod(0o700)
    (shut / "b.md").unlink()
    found = nobodys.ingest()
    assert (found["removed"], found["failed"], found["doctor"]) == (1, [], [])


@as_root
def test_a_file_that_may_not_be_read_is_tried_again_once_it_may(nobodys: Nobodys) -> None:
    shut = nobodys.notes / "shut.md"
    shut.write_text("# Shut\n\nSome words.\n")
    shut.chmod(0o000)
    found = nobodys.ingest()
    assert [entry["path"] for entry in found["failed"]] == ["shut.md"]
    assert found["failed"][0]["reason"].startswith("It cannot be opened")
    shut.chmod(0o600)
    found = nobodys.ingest()
    assert (found["added"], found["failed"], found["doctor"]) == (1, [], [])


@as_root
def test_what_was_named_outright_and_may_not_be_looked_at(nobodys: Nobodys) -> None:
    nobodys.notes.chmod(0o000)
    with pytest.raises(AssertionError, match=r"InputError: .*/notes: .*Nothing was changed"):
        nobodys.ingest()
    with pytest.raises(AssertionError, match=r"InputError: .*open\.md may not be looked at"):
        nobodys.ingest(nobodys.notes / "open.md")


def test_what_was_named_and_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file or folder"):
        discover([tmp_path / "none"])
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="There is no file or folder"):
        discover([tmp_path / "loop"])
