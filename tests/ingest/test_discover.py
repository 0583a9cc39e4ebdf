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
from ingest.skipped import by_kind
from rag.errors import InputError
from rag.library.library import Library
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
    (finding,) = examine_library(library.folder, "", 0, library.manifest.chunker)
    assert finding.items == ("1 links that lead nowhere (week1): mend or delete them",)


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
from ingest.skipped import by_kind
from ingest.parsers import read_document
from rag.library.library import Library
from rag.settings import Settings

class InProcess:
    def __init__(self, settings):
        self.settings = settings
    def read(self, path, name):
        return read_document(path, name, self.settings)
    def close(self):
        pass

ingest.read_ahead.ParserProcess = InProcess  # nobody may not run this Python
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


def found(folder: Path) -> list[str]:
    return [file.name for file in discover([folder]).files]


def skipped(folder: Path) -> dict[str, str]:
    return {one.name: one.kind.name for one in discover([folder]).skipped}


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")


def test_a_folder_is_read_whatever_it_is_called(folder: Path) -> None:
    """ENV101 in `env`, a course on buildings in `build`: the name proves nothing."""
    notes = [
        f"{name}/note.md"
        for name in ("_build", "build", "dist", "env", "node_modules", "out", "public", "target", "venv")
    ]
    write(folder, *notes)
    assert found(folder) == ["open.md", *notes]
    assert skipped(folder) == {}


@pytest.mark.parametrize(
    ("marks", "name", "kind"),
    [
        (["py/pyvenv.cfg"], "py", "environments and installed packages"),
        (["conda/conda-meta/history"], "conda", "environments and installed packages"),
        (["package.json"], "node_modules", "environments and installed packages"),
        (["site-packages/numpy.dist-info/METADATA"], "site-packages", "environments and installed packages"),
        (["Cargo.toml"], "target", "build output"),
        (["dist/.buildinfo"], "dist", "build output"),
        (["conf.py"], "_build", "build output"),
        (["build/CMakeCache.txt"], "build", "build output"),
        (["old/library.sqlite"], "old", "libraries of Lectern"),
        ([], "__MACOSX", "build output"),
    ],
)
def test_what_its_content_proves_to_be_no_notes_is_named(
    folder: Path, marks: list[str], name: str, kind: str
) -> None:
    write(folder, *marks, f"{name}/note.md")
    assert f"{name}/note.md" not in found(folder)
    assert skipped(folder)[f"{name}/"] == kind
    assert "note.md" in found(folder / name)  # named outright


def test_every_file_that_is_passed_over_is_named_once_with_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.kinds.ocr_is_installed", lambda: False)
    write(folder, "a.png", "b.JPG", "talk.mp3", "old.doc", "x.7z", ".hidden.md", "~$open.docx")
    groups = {str(group) for group in by_kind(discover([folder]).skipped)}
    assert any(line.startswith("2 pictures (a.png, b.JPG): ") for line in groups)
    assert any(line.startswith("1 recordings (talk.mp3): ") for line in groups)
    assert "1 old Office files (old.doc): save them as .docx, .pptx or .xlsx" in groups
    assert "1 archives of other kinds (x.7z): unpack them, or pack them as .zip" in groups
    assert "1 hidden files and folders (.hidden.md): take the dot off their names to have them read" in groups
    assert "1 files that an office program has open (~$open.docx): close the program" in groups


def test_the_licence_of_a_repository_is_no_note_unless_it_is_named(folder: Path) -> None:
    licences = ["COPYING", "LICENSE", "code/LICENSE-MIT.txt"]
    notes = ["License plates.md", "law/licenses.md"]
    write(folder, *licences, *notes)
    assert found(folder) == ["License plates.md", "open.md", "law/licenses.md"]
    assert skipped(folder) == dict.fromkeys(licences, "licences of software")
    assert [file.name for file in discover([folder / "LICENSE"]).files] == ["LICENSE"]


def test_a_linked_folder_is_read_once(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "shared", "a.md", "deep/b.md")
    (folder / "first").symlink_to(tmp_path / "shared")
    (folder / "second").symlink_to(tmp_path / "shared" / "deep")
    (folder / "note.md").symlink_to(tmp_path / "shared" / "a.md")
    (tmp_path / "shared" / "back").symlink_to(folder)
    assert found(folder) == ["open.md", "first/a.md", "first/deep/b.md", "note.md"]
    double = "links to what is read anyway, or to a folder around it"
    assert skipped(folder) == {"second/": double, "first/back/": double}


def test_a_link_out_of_the_notes_or_to_nowhere_is_named(
    library: Library, folder: Path, tmp_path: Path, embedder: Any
) -> None:
    (folder / "up").symlink_to(tmp_path)
    write(tmp_path, ".ssh/key.md", "other/c.md")
    (folder / "keys").symlink_to(tmp_path / ".ssh")
    (folder / "other").symlink_to(tmp_path / "other")
    assert skipped(folder) == {
        "keys/": "links into hidden folders",
        "up/": "links to what is read anyway, or to a folder around it",
    }
    ingest_paths(library, [folder], embedder, Settings())
    assert paths(library) == ["open.md", "other/c.md"]
    (tmp_path / "other").rename(tmp_path / "moved")  # as a drive that is not there at the moment
    report = ingest_paths(library, [folder], embedder, Settings())
    assert (report.removed, paths(library)) == (0, ["open.md", "other/c.md"])
    assert skipped(folder)["other"] == "links that lead nowhere"
    (folder / "other").unlink()
    assert ingest_paths(library, [folder], embedder, Settings()).removed == 1


def test_a_file_that_is_named_outright_is_read_unless_its_kind_cannot_be(folder: Path) -> None:
    write(folder, ".hidden.md", "server.log", "old.doc")
    given = [folder / name for name in (".hidden.md", "server.log", "old.doc")]
    assert [file.name for file in discover(given).files] == [".hidden.md", "server.log"]
    assert [one.name for one in discover(given).skipped] == ["old.doc"]
    with pytest.raises(InputError, match=r"1 old Office files \(old\.doc\): save them as \.docx"):
        discover([folder / "old.doc"])


def test_files_below_a_folder_are_called_by_their_path_from_there(folder: Path, tmp_path: Path) -> None:
    write(folder, "week1/slides.md")
    write(tmp_path, "elsewhere.md")
    given = [folder / "week1" / "slides.md", tmp_path / "elsewhere.md"]
    assert [file.name for file in discover(given, below=folder).files] == ["week1/slides.md", "elsewhere.md"]
