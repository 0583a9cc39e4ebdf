"""Courses are made, renamed, removed and brought back, and nothing of a name becomes a path."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rag.errors import InputError, LibraryDamaged
from ui.web.courses.registry import CourseEntry, CourseRegistry


@pytest.fixture
def registry(tmp_path: Path) -> CourseRegistry:
    return CourseRegistry(tmp_path / "library")


def names(registry: CourseRegistry) -> list[tuple[str, str]]:
    return [(entry.id, entry.name) for entry in registry.courses()]


def test_the_library_of_the_command_line_is_the_first_course(
    registry: CourseRegistry, tmp_path: Path
) -> None:
    assert names(registry) == [("", "My notes")]
    assert names(CourseRegistry(tmp_path / "signals")) == [("", "signals")]
    assert registry.folder("") == tmp_path / "library"


def test_a_course_keeps_its_id_when_it_is_renamed(registry: CourseRegistry, tmp_path: Path) -> None:
    made = registry.make("  Álgebra   lineal ")
    assert (made.id, made.name) == ("algebra-lineal", "Álgebra lineal")
    registry.rename(made.id, "Algebra II")
    registry.rename("", "Everything")
    assert names(CourseRegistry(tmp_path / "library")) == [("", "Everything"), (made.id, "Algebra II")]
    assert registry.folder(made.id) == tmp_path / "library" / "courses" / "algebra-lineal"


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("../../etc", "etc"),
        ("/", "course"),
        ("数学", "course"),
        ("..", "course"),
        ("a\0b", "a-b"),
        ("library", "library-2"),
        ("x" * 60, "x" * 40),
    ],
)
def test_no_name_becomes_a_path(registry: CourseRegistry, name: str, identity: str) -> None:
    assert registry.make(name).id == identity


def test_two_names_with_the_same_letters_are_two_courses(registry: CourseRegistry) -> None:
    assert [registry.make(name).id for name in ("C", "C++", "C#")] == ["c", "c-2", "c-3"]


@pytest.mark.parametrize(
    ("name", "said"),
    [(" \n ", "has no name"), ("x" * 61, "61 characters; 60"), ("MY NOTES", "a course MY NOTES already")],
)
def test_a_name_that_cannot_be_used_is_refused(registry: CourseRegistry, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        registry.make(name)
    assert names(registry) == [("", "My notes")]


def test_a_removed_course_can_be_brought_back(registry: CourseRegistry) -> None:
    made = registry.make("Optics")
    registry.remove(made.id)
    assert names(registry) == [("", "My notes")]
    assert [entry.id for entry in registry.removed()] == ["optics"]
    with pytest.raises(InputError, match="not here any more"):
        registry.folder(made.id)
    assert registry.make("Optics").id == "optics-2"
    registry.restore(made.id)
    assert [entry.id for entry in registry.courses()] == ["", "optics", "optics-2"]


def test_the_first_course_and_an_unknown_one_cannot_be_removed(registry: CourseRegistry) -> None:
    with pytest.raises(InputError, match="started with"):
        registry.remove("")
    for identity in ("nowhere", "../library"):
        with pytest.raises(InputError, match="not here any more"):
            registry.remove(identity)


def test_a_course_removed_two_days_ago_is_deleted(registry: CourseRegistry, tmp_path: Path) -> None:
    kept, gone = registry.make("Kept"), registry.make("Gone")
    for entry in (kept, gone):
        registry.folder(entry.id).mkdir()
        registry.remove(entry.id)
    file = tmp_path / "library" / "courses" / "courses.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[2]["removed_at"] = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    file.write_text(json.dumps(entries), encoding="utf-8")
    registry.purge()
    assert registry.removed() == [CourseEntry("kept", "Kept", entries[1]["removed_at"])]
    assert not (file.parent / "gone").exists()
    assert (file.parent / "kept").is_dir()


@pytest.mark.parametrize("text", ["[", "{}", '[{"id": "../up", "name": "x"}]', '[{"name": 1, "other": 2}]'])
def test_a_damaged_list_is_named(registry: CourseRegistry, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "library" / "courses"
    folder.mkdir(parents=True)
    (folder / "courses.json").write_text(text, encoding="utf-8")
    with pytest.raises(LibraryDamaged, match=r"courses\.json cannot be read"):
        registry.courses()
