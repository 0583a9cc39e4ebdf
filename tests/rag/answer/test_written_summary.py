"""Summaries written part by part, with a scripted model and real notes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.answer.found import Clock, Draft, Found
from rag.answer.kept_summaries import KeptSummaries
from rag.answer.notes import Notes
from rag.answer.summarize import Piece, Section, central, sections_of
from rag.answer.summary_parts import parts_of
from rag.answer.written_summary import SummaryWriter
from rag.events import Retrieved, Token
from rag.settings import AnswerSettings
from rag.types import AnswerKind, Decision, NamedPart, Tier

SOIL = """# Lecture 4: Soil

## Layers

The top layer of soil is rich in humus and holds most roots. Below it lies the subsoil, which is poor in humus.

## Water

Clay holds water for weeks, sand drains within 2 hours. Roots need air as well as water.
"""


def long(text: str) -> str:
    """Return the note with sections too long to be joined."""
    longer = text.replace("roots.", "roots. " + "Worms mix the humus of the top layer. " * 40, 1)
    return longer.replace("hours.", "hours. " + "Sand and clay differ in the size of their grains. " * 35)


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"soil.md": long(SOIL)})


@pytest.fixture
def write(notes: Notes, scripted_model: Any, tmp_path: Path) -> Callable[..., tuple[Draft, list[Any], Any]]:
    def summarised(*replies: str) -> tuple[Draft, list[Any], Any]:
        model = scripted_model(replies=list(replies), context_tokens=700)
        writer = SummaryWriter(
            model, notes, AnswerSettings(), KeptSummaries(tmp_path), notes.searcher.embedder
        )
        quoted = Draft(AnswerKind.SUMMARY, "quoted", scope=NamedPart("Lecture 4: Soil", ("soil.md",)))
        found = Found(
            "Summarise lecture 4", "Summarise lecture 4", (), (), (), Decision(Tier.ANSWER, 1.0, 1.0, "")
        )
        drafting, events = writer.draft(found, quoted, Clock(), None), []
        while True:
            try:
                events.append(next(drafting))
            except StopIteration as done:
                return done.value, events, model

    return summarised


REPLIES = (
    "The top layer of soil is rich in humus. It was discovered in 1871.",
    "Sand drains within 2 hours.",
    "The top layer of soil is rich in humus. Clay holds water for weeks.",
)


def test_a_word_of_the_notes_alone_is_no_summary(
    write: Callable[..., tuple[Draft, list[Any], Any]],
) -> None:
    draft, _, _ = write("Humus.", "Sand drains within 2 hours.", "Subsoil.")
    assert "Humus." not in [sentence.text for sentence in draft.sentences]
    assert "Subsoil." not in draft.text
    assert any(sentence.quoted for sentence in draft.sentences)  # the part without a sentence


def test_every_part_is_summarised_and_only_supported_sentences_are_kept(
    write: Callable[..., tuple[Draft, list[Any], Any]],
) -> None:
    draft, events, model = write(*REPLIES)
    assert len(model.asked) == 3
    assert "**Layers**" in draft.text
    assert "**Water**" in draft.text
    assert "1871" not in draft.text
    assert all(sentence.supported for sentence in draft.sentences)
    assert draft.text.count("rich in humus") == 1, "the whole in short repeats no sentence of a part"
    assert "Clay holds water for weeks." in draft.text
    assert isinstance(events[0], Retrieved)
    assert "(1/2)" in "".join(event.text for event in events if isinstance(event, Token))
    numbers = range(1, len(draft.passages) + 1)
    assert all(n in numbers for sentence in draft.sentences for n in sentence.citations)


def test_a_part_is_written_once(write: Callable[..., tuple[Draft, list[Any], Any]]) -> None:
    first, _, _ = write(*REPLIES)
    again, _, model = write(REPLIES[-1])
    assert len(model.asked) == 1, "only the whole in short is written anew"
    assert again.text == first.text


def test_a_part_that_the_model_invents_is_quoted(write: Callable[..., tuple[Draft, list[Any], Any]]) -> None:
    draft, _, _ = write("Mars has red dust.", "Venus is hot.", "Jupiter has storms.")
    assert len(draft.sentences) == 2
    assert all(sentence.quoted for sentence in draft.sentences)
    assert "Mars" not in draft.text


def test_tags_are_not_shown_in_a_summary(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    tagged = SOIL.replace("rich in humus", "rich in <b>humus</b>").replace(
        "Clay holds", '<p align="left">Clay holds'
    )
    notes = make_notes({"soil.md": tagged})
    sentences = [one.text for one in central(notes, sections_of(notes, ["soil.md"]))]
    assert any("humus" in one for one in sentences)
    assert not any("<" in one for one in sentences)


def test_badges_and_pictures_are_no_sentences_of_a_summary(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    badges = '<a href="https://example.org"><img src="a.svg" alt="Soil badge"></a>\n\n[![](b.svg)](https://example.org)'
    notes = make_notes({"soil.md": SOIL.replace("## Layers\n", f"## Layers\n\n{badges}\n")})
    sentences = [one.text for one in central(notes, sections_of(notes, ["soil.md"]))]
    assert any("humus" in one for one in sentences)
    assert not any("svg" in one for one in sentences)


def test_kept_summaries_of_documents_that_are_gone_are_removed(tmp_path: Path) -> None:
    kept = KeptSummaries(tmp_path)
    kept.keep("old", "asked", "an old text")
    kept.keep("new", "asked", "a new text")
    kept.remove_others(["new"])
    assert kept.get("old", "asked") is None
    assert kept.get("new", "asked") == "a new text"


def test_parts_are_cut_and_joined_by_tokens() -> None:
    def count(text: str) -> int:
        return len(text.split())

    sections = [
        Section("A", (Piece("a.md", 0, "one two"),)),
        Section("B", (Piece("a.md", 10, "three four"), Piece("a.md", 30, "word " * 30))),
    ]
    parts = parts_of(sections, count, 12, 4)
    assert all(count(part.text) <= 12 + 1 for part in parts)
    assert " ".join(part.text for part in parts).split() == ["one", "two", "three", "four", *["word"] * 30]
    joined = parts_of([Section("A", sections[0].pieces), Section("C", sections[0].pieces)], count, 12, 4)
    assert [part.name for part in joined] == ["A · C"]
