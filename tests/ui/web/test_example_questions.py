"""Questions to start with: the course's own, else from its headings."""

from __future__ import annotations

import json
from pathlib import Path

from rag.types import Block, BlockKind, Document, DocumentKind, Locator, Unit
from ui.web.example_questions import course_questions, heading_questions


def document(name: str, *headings: str) -> Document:
    text = "\n".join(headings)
    blocks, at = [], 0
    for heading in headings:
        blocks.append(Block(BlockKind.HEADING, at, at + len(heading), Locator(Unit.LINE, 1, 1), 1))
        at += len(heading) + 1
    return Document(name, name, DocumentKind.MARKDOWN, "", text, tuple(blocks))


def test_the_golden_file_beside_or_above_the_notes(tmp_path: Path) -> None:
    course = tmp_path / "course"
    course.mkdir()
    rows = [
        {"question": "What do they eat at dusk?", "gold": [{"text": "Owls hunt mice."}]},
        {"question": "When do owls hunt?", "gold": [{"text": "Owls hunt mice at night."}]},
        {"question": "And then?", "history": [{"role": "user", "content": "x"}]},
        {"question": "Who won?", "unanswerable": True},
        {"question": "Is it large?", "gold": []},
    ]
    (tmp_path / "golden.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert course_questions([str(course / "a.md")]) == [
        "When do owls hunt?",
        "What do they eat at dusk?",
        "Is it large?",
    ]
    assert course_questions([str(course / "a.md")], count=1) == ["When do owls hunt?"]
    assert course_questions(["", str(tmp_path.parent / "elsewhere" / "b.md")]) == []
    (tmp_path / "golden.jsonl").write_text("not json", encoding="utf-8")
    assert course_questions([str(course / "a.md")]) == []


def test_headings_take_turns_and_generic_ones_are_left_out() -> None:
    first = document("a", "# Lesson 1: Sampling and aliasing", "## Exercises", "## The FFT")
    second = document(
        "b",
        "# Introduction",
        "## 2.3 Dithering **noise**",
        "## Why does $x$ matter at all, and when, and where?",
    )
    assert heading_questions([first, second]) == [
        "What are sampling and aliasing?",
        "What is dithering noise?",
        "What is the FFT?",
    ]
    assert heading_questions([]) == []


def test_terms_come_before_common_words_and_notes_on_something_are_left_out() -> None:
    notes = (
        "# Instructions\nInstructions are what the model reads.\n# A note on data\nA note on data is here.\n"
        "# Quantisation\nQuantisation is rounding.\n# JPEG\nA JPEG is a picture.\n"
    )
    starts = [notes.index(heading) for heading in ("# Ins", "# A note", "# Quant", "# JPEG")]
    blocks = [
        Block(BlockKind.HEADING, start, notes.index("\n", start), Locator(Unit.LINE, 1, 1), 1)
        for start in starts
    ]
    told = Document("n.md", "n", DocumentKind.MARKDOWN, "", notes, tuple(blocks))
    assert heading_questions([told]) == [
        "What is quantisation?",
        "What is JPEG?",
        "What are instructions?",
    ]


def test_headings_whose_text_says_what_they_are_come_first() -> None:
    notes = "# Site <ins>map</ins>\nLast changed in May.\n## Owls\nAn owl is a bird that hunts at night.\n"
    blocks = [
        Block(BlockKind.HEADING, start, notes.index("\n", start), Locator(Unit.LINE, 1, 1), 1)
        for start in (0, notes.index("## Owls"))
    ]
    told = Document("n.md", "n", DocumentKind.MARKDOWN, "", notes, tuple(blocks))
    assert heading_questions([told]) == ["What are owls?", "What is site map?"]
