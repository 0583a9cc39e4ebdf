"""Files inside zip archives: found, read, bounded and kept up to date like files of a folder."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

import ingest.archives
from ingest.archives import inside_archive, members, read_source, source_status
from ingest.discover import discover, is_there
from ingest.doctor import examine_library
from ingest.pipeline import ingest_paths
from rag.errors import InputError, UnreadableNote
from rag.library.library import Library
from rag.settings import Settings


def packed(file: Path, **content: str | bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return file


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder with an archive of two notes and what is passed over."""
    folder = tmp_path / "notes"
    folder.mkdir()
    content = {
        "week1__intro_DOT_md": "# Intro\n\nOwls hunt at night.\n",
        "week2__intro_DOT_md": "# Intro\n\nFinches sing.\n",
        "week2__clip_DOT_mp4": b"\0\1",
        "inner_DOT_zip": b"PK",
        "venv__pyvenv_DOT_cfg": "",
        "venv__lib__notes_DOT_md": "# No\n",
        "_DOT_git__config": "",
    }
    packed(folder / "export.zip", **content)
    return folder


def test_the_files_of_an_archive_are_documents_of_their_own(
    library: Library, export: Path, embedder: Any
) -> None:
    report = ingest_paths(library, [export], embedder, Settings())
    assert [record.path for record in library.documents()] == [
        "export.zip/week1/intro.md",
        "export.zip/week2/intro.md",
    ]
    assert library.document("export.zip/week1/intro.md").text.endswith("Owls hunt at night.\n")
    assert {one.name: one.kind.name for one in report.skipped} == {
        "export.zip/.git/": "hidden files and folders",
        "export.zip/venv/": "environments and installed packages",
        "export.zip/inner.zip": "archives inside archives",
        "export.zip/week2/clip.mp4": "recordings",
    }
    assert ingest_paths(library, [export / "export.zip"], embedder, Settings()).unchanged == 2


def test_a_changed_archive_reads_only_what_changed_in_it(
    library: Library, export: Path, embedder: Any
) -> None:
    ingest_paths(library, [export], embedder, Settings())
    packed(
        export / "export.zip",
        week1__intro_DOT_md="# Intro\n\nOwls hunt at night.\n",
        week3__new_DOT_md="# New\n\nWrens build.\n",
    )
    assert [
        finding.subject for finding in examine_library(library.folder, "", 0, library.manifest.chunker)
    ] == ["gone", "passed over"]
    report = ingest_paths(library, [export], embedder, Settings())
    assert (report.added, report.updated, report.unchanged, report.removed) == (1, 0, 1, 1)
    (export / "export.zip").unlink()
    (export / "own.md").write_text("# Own\n\nWords.\n")
    report = ingest_paths(library, [export], embedder, Settings())
    assert (report.added, report.removed) == (1, 2)


def test_an_archive_that_is_none_is_named(library: Library, export: Path, embedder: Any) -> None:
    (export / "bad.zip").write_bytes(b"PK\x03\x04 and nothing else")
    report = ingest_paths(library, [export], embedder, Settings())
    assert report.added == 2
    assert [entry.path for entry in report.failed] == ["bad.zip"]
    assert report.failed[0].reason.startswith("It is no zip archive that can be opened")
    with pytest.raises(InputError, match="no zip archive"):
        discover([export / "bad.zip"])


def test_names_that_lead_out_of_the_archive_stay_inside(tmp_path: Path) -> None:
    archive = packed(
        tmp_path / "a.zip", **{"../../up.md": "# Up\n", "/etc/notes.md": "# N\n", "a\\b.md": "# B\n"}
    )
    assert [member.name for member in members(archive)] == ["a/b.md", "etc/notes.md", "up.md"]
    assert read_source(archive / "up.md", 100) == b"# Up\n"
    assert source_status(archive / "up.md")[0] == 5


def test_an_archive_with_too_much_in_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path / "a.zip", a="1" * 50, b="2" * 50)
    monkeypatch.setattr(ingest.archives, "_MOST_BYTES", 99)
    with pytest.raises(UnreadableNote, match="2 files of 0 MB together"):
        members(archive)
    monkeypatch.undo()
    monkeypatch.setattr(ingest.archives, "_MOST_DIRECTORY_BYTES", 10)
    with pytest.raises(UnreadableNote, match="too many files"):
        members(packed(tmp_path / "b.zip", a="1"))


def test_a_member_is_read_up_to_the_bound_only(tmp_path: Path) -> None:
    archive = packed(tmp_path / "bomb.zip", zeros_DOT_txt=b"0" * 5_000_000)
    assert archive.stat().st_size < 10_000
    with pytest.raises(UnreadableNote, match=r"more than 1\.0 MB unpacked"):
        read_source(archive / "zeros.txt", 1_000_000)


def test_a_damaged_member_costs_only_itself(library: Library, tmp_path: Path, embedder: Any) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("good.md", "# Good\n\nWords.\n")
        archive.writestr("bad.md", "# Bad\n\nSigns.\n")
    data = (folder / "a.zip").read_bytes()
    (folder / "a.zip").write_bytes(data.replace(b"Signs.", b"Sighs."))
    report = ingest_paths(library, [folder], embedder, Settings())
    assert report.added == 1
    assert [entry.path for entry in report.failed] == ["a.zip/bad.md"]
    assert report.failed[0].reason.startswith("It cannot be unpacked (Bad CRC-32")


def test_a_path_through_an_archive(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", week1__a_DOT_md="# A\n")
    (tmp_path / "folder.zip").mkdir()
    assert inside_archive(archive / "week1" / "a.md") == (archive, "week1/a.md")
    assert inside_archive(tmp_path / "folder.zip" / "a.md") is None
    assert inside_archive(tmp_path / "a.md") is None
    assert is_there(archive / "week1" / "a.md")
    assert not is_there(archive / "week1" / "b.md")


def test_a_name_in_utf8_without_its_mark_is_read_right(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", **{"Übung_DOT_md": "# Ü\n"})
    archive.write_bytes(_without_utf8_mark(archive.read_bytes()))
    assert [member.name for member in members(archive)] == ["Übung.md"]
    assert read_source(archive / "Übung.md", 100) == "# Ü\n".encode()


def _without_utf8_mark(data: bytes) -> bytes:
    """The archive with the flag for UTF-8 names taken off both headers of its one file."""
    changed = bytearray(data)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[data.index(mark) + at + 1] &= ~0x08
    return bytes(changed)
