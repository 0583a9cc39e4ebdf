"""Unread content beside a refusal: of the nearest documents, and of those that nothing can be near to."""

from __future__ import annotations

from collections.abc import Callable

from rag.answer.notes import Notes
from rag.answer.unread import unread_near
from rag.search.scope import parse_scope

FILES = {
    "heart.html": "<p>The heart pumps blood.</p><img src=heart.png>",
    "lung.html": "<p>The lung takes up oxygen.</p><video></video>",
    "scan.html": "<img src=scan.png>",
    "bone.html": "<p>Bones store calcium.</p>",
}


def test_near_documents_come_first_then_those_without_text(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes(FILES)
    heart = [
        hit for hit in notes.search("heart blood", 10) if hit.chunk.document in {"heart.html", "bone.html"}
    ]
    found = unread_near(notes, heart, None)
    assert [(one.document, [str(warning) for warning in one.warnings]) for one in found] == [
        ("heart.html", ["paragraph 1: a picture without a description"]),
        ("scan.html", ["paragraph 1: a picture without a description"]),
    ]


def test_documents_outside_the_scope_and_no_library_name_nothing(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes(FILES)
    hits = notes.search("lung oxygen", 10)
    inside = unread_near(notes, hits, parse_scope(["document:lung.html"]))
    assert [one.document for one in inside] == ["lung.html"]
    assert unread_near(None, hits, None) == ()
