from pathlib import Path

import pytest

from ingest.parsers import read_document
from ingest.parsers.front_matter import read_front_matter


@pytest.mark.parametrize(
    ("front", "tags"),
    [
        ("tags: [exam, week 3]", ("exam", "week 3")),
        ("title: Loss\ntags: exam, loss  # two", ("exam", "loss")),
        ("tags:\n  - exam\n  - 'week  3'\n  - exam\ndate: 2024", ("exam", "week 3")),
        ('tags:\n- "#exam"\n- c#\n', ("exam", "c#")),
        ("tags: [exam,\n  loss]", ("exam", "loss")),
        ("tags: # later\n  - exam", ("exam",)),
        ("title: Lecture 3: loss\ntags: [exam]", ("exam",)),
        ("tags: [exam", ()),
        ("tags:", ()),
        ("tags: []", ()),
        ("tags:\ntitle: Loss", ()),
        ("title: tags", ()),
    ],
)
def test_tags_of_a_front_matter(front: str, tags: tuple[str, ...]) -> None:
    text = f"---\n{front}\n---\n\n# Loss\n\ntags: body\n"
    assert read_front_matter(text).tags == tags


def test_a_body_has_no_tags() -> None:
    assert read_front_matter("# Loss\n\ntags: body\n").tags == ()
    assert read_front_matter("").tags == ()


def test_a_note_is_read_with_its_tags(tmp_path: Path) -> None:
    note = tmp_path / "a.md"
    note.write_text("---\ntags: [exam]\n---\n\nA loss.\n")
    assert read_document(note, "a.md").tags == ("exam",)
    (tmp_path / "a.txt").write_text("---\ntags: [exam]\n---\n\nA loss.\n")
    assert read_document(tmp_path / "a.txt", "a.txt").tags == ()
