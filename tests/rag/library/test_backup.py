"""Backups: made while others write, checked to the last byte, and put back under an open library."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rag.errors import InputError, LibraryDamaged, LibraryMissing
from rag.library.backup import back_up, restore
from rag.library.library import Library
from rag.search.dense import VectorIndex


def texts(library: Library) -> dict[str, str]:
    return {record.path: library.document(record.path).text for record in library.documents()}


@pytest.fixture
def backup(library: Library, put: Callable[..., Any], tmp_path: Path) -> Path:
    put("a.md", "gradient descent", "learning rate")
    put("b.md", "batch size")
    library.tag_document("a.md", ["exam"])
    (library.folder / "uploads" / "week 1").mkdir(parents=True)
    (library.folder / "uploads" / "week 1" / "elks.md").write_text("# Elks\n")
    (library.folder / "uploads" / "owls.md").write_text("# Owls\n")
    back_up(library.folder, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def test_all_of_it_comes_back(library: Library, backup: Path, tmp_path: Path) -> None:
    report = restore(backup, tmp_path / "again")
    assert report.files == ("library.sqlite", "uploads/owls.md", "uploads/week 1/elks.md")
    with Library.open(tmp_path / "again") as again:
        assert texts(again) == texts(library)
        assert again.given_tags("a.md") == ("exam",)
        assert again.soundness.documents() == []
    assert (tmp_path / "again" / "uploads" / "owls.md").read_text() == "# Owls\n"
    assert (tmp_path / "again" / "uploads" / "week 1" / "elks.md").read_text() == "# Elks\n"


def test_a_library_is_replaced_only_when_asked_and_open_ones_see_it(
    library: Library, backup: Path, put: Callable[..., Any]
) -> None:
    before = texts(library)
    index = VectorIndex(library)
    put("c.md", "added later")
    index.keep_file()
    with pytest.raises(InputError, match=r"There is a library.*--overwrite"):
        restore(backup, library.folder)
    assert "c.md" in texts(library)
    generation = library.generation
    restore(backup, library.folder, overwrite=True)
    assert texts(library) == before
    assert library.generation > generation
    assert index.figures().vectors == 3
    assert library.soundness.documents() == []


def test_a_backup_made_while_others_write_is_one_state(
    library: Library, put: Callable[..., Any], tmp_path: Path
) -> None:
    """Two documents always change together; no backup may have one half."""
    done = threading.Event()

    def back_up_often() -> None:
        number = 0
        while not done.is_set():
            back_up(library.folder, tmp_path / f"{number}.zip")
            number += 1

    put("a.md", "version 0")
    thread = threading.Thread(target=back_up_often)
    thread.start()
    for version in range(1, 30):
        put("a.md", *(f"version {version} part {part}" for part in range(1 + version % 3)))
    done.set()
    thread.join()
    for file in sorted(tmp_path.glob("*.zip")):
        restore(file, tmp_path / "again", overwrite=True)
        with Library.open(tmp_path / "again") as again:
            (text,) = texts(again).values()
            (chunks,) = [again.chunks_of(record.path) for record in again.documents()]
            assert [chunk.text for chunk in chunks] == text.split("\n\n")


def test_nothing_is_backed_up_without_a_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing, match="nothing to back up"):
        back_up(tmp_path / "none", tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()


def test_any_damage_to_a_backup_is_refused_and_nothing_changed(
    library: Library, backup: Path, put: Callable[..., Any], tmp_path: Path
) -> None:
    content = backup.read_bytes()
    before = texts(library)
    for place in range(40, len(content) - 200, max(1, len(content) // 40)):
        damaged = bytearray(content)
        damaged[place] ^= 4
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with suppress(InputError, LibraryDamaged):
            restore(tmp_path / "damaged.zip", library.folder, overwrite=True)
        assert texts(library) == before
    (tmp_path / "damaged.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="no whole backup"):
        restore(tmp_path / "damaged.zip", library.folder, overwrite=True)


@pytest.mark.parametrize("name", ["../evil.sqlite", "/evil.sqlite", "uploads/../evil", "uploads/..", "a/b/c", "evil.sh", "C:\\e.sqlite", "courses/../evil.sqlite", "courses/a/courses/b/evil.sqlite", "courses/evil.json"])  # fmt: skip
def test_a_backup_that_names_other_places_is_refused(name: str, backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        made = json.loads(archive.read("manifest.json"))
        library = archive.read("library.sqlite")
    made["files"][name] = {"bytes": 1, "sha256": "0" * 64}
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps(made))
        archive.writestr("library.sqlite", library)
        archive.writestr(name, "x")
    with pytest.raises(InputError, match="which no library has"):
        restore(tmp_path / "evil.zip", tmp_path / "home" / "again")
    assert not list(tmp_path.rglob("*evil.sqlite"))


def test_a_damaged_library_in_a_sound_zip_is_refused(library: Library, backup: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    restore(backup, place)
    content = (place / "library.sqlite").read_bytes()
    at = content.index(b"learning rate")
    (place / "library.sqlite").write_bytes(content[:at] + b"LEARNING" + content[at + 8 :])
    back_up(place, tmp_path / "damaged.zip")
    with pytest.raises(LibraryDamaged, match="damaged"):
        restore(tmp_path / "damaged.zip", tmp_path / "again")
    assert not (tmp_path / "again" / "library.sqlite").exists()


def test_the_other_courses_come_back_with_their_list(
    library: Library, put: Callable[..., Any], tmp_path: Path
) -> None:
    put("a.md", "gradient descent")
    courses = library.folder / "courses"
    back_up(library.folder, tmp_path / "birds.zip")
    for name in ("birds", "forgotten"):
        restore(tmp_path / "birds.zip", courses / name)
        (courses / name / "uploads").mkdir()
        (courses / name / "uploads" / "owls.md").write_text("# Owls\n")
    (courses / "courses.json").write_text('[{"id": "", "name": "Notes"}, {"id": "birds"}, {"id": "new"}]')
    report = back_up(library.folder, tmp_path / "backup.zip")
    again = tmp_path / "again"
    restore(tmp_path / "backup.zip", again)
    assert report.files == ("library.sqlite", "courses/courses.json", "courses/birds/library.sqlite", "courses/birds/uploads/owls.md")  # fmt: skip
    with Library.open(again / "courses" / "birds") as birds:
        assert texts(birds) == {"a.md": "gradient descent"}
    listed = (courses / "courses.json").read_text()
    assert json.loads((again / "courses" / "courses.json").read_text()) == json.loads(listed)
    assert (again / "courses" / "birds" / "uploads" / "owls.md").read_text() == "# Owls\n"


def test_a_course_made_after_the_backup_stays_listed(
    library: Library, put: Callable[..., Any], tmp_path: Path
) -> None:
    put("a.md", "gradient descent")
    listed = library.folder / "courses" / "courses.json"
    listed.parent.mkdir()
    listed.write_text('[{"id": "", "name": "Notes"}, {"id": "birds", "name": "Birds"}]')
    back_up(library.folder, tmp_path / "backup.zip")
    listed.write_text(
        '[{"id": "birds", "name": "Old"}, {"id": "elks", "name": "Elks", "removed_at": "2026-11-28"}]'
    )
    restore(tmp_path / "backup.zip", library.folder, overwrite=True)
    assert [(each["id"], each["name"]) for each in json.loads(listed.read_text())] == [
        ("", "Notes"), ("birds", "Birds"), ("elks", "Elks")
    ]  # fmt: skip
    listed.write_text("{")
    restore(tmp_path / "backup.zip", library.folder, overwrite=True)
    assert len(json.loads(listed.read_text())) == 2


def test_a_list_of_courses_that_cannot_be_read_is_one_sentence(
    library: Library, put: Callable[..., Any], tmp_path: Path
) -> None:
    put("a.md", "gradient descent")
    (library.folder / "courses").mkdir()
    (library.folder / "courses" / "courses.json").write_text("{")
    with pytest.raises(LibraryDamaged, match="list of courses"):
        back_up(library.folder, tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()
