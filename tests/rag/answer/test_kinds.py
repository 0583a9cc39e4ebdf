"""Answers from structure over small hand-written notes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rag.answer.found import Draft, Found
from rag.answer.kinds import routed_draft
from rag.answer.notes import Notes
from rag.answer.outline_parts import library_outline_draft
from rag.answer.route import Route, Routed
from rag.answer.scope_in_words import named_by_number, named_by_title
from rag.types import AnswerKind, Decision, NamedPart, Role, Tier, Turn


def test_a_list_has_every_row_with_the_names_of_its_columns(ask: Callable[..., Draft]) -> None:
    draft = ask("List the parts of the marks with their weight", Route.LIST)
    assert draft.kind is AnswerKind.LIST
    assert [one.text for one in draft.sentences] == [
        "Part: Sheet 1; Weight: 10 %; Due: 3 May",
        "Part: Sheet 2; Weight: 15 %; Due: 17 May",
        "Part: Oral exam; Weight: 75 %; Due: 1 July",
    ]
    assert all(citation.document == "plan.md" for citation in draft.citations)


def test_a_count_counts_the_rows_that_the_question_names(ask: Callable[..., Draft]) -> None:
    draft = ask("How many sheets are there?", Route.COUNT)
    assert draft.text.startswith("2 - Marks")
    assert "Oral" not in draft.text


def test_lectures_are_counted_from_the_library(ask: Callable[..., Draft]) -> None:
    draft = ask("How many lectures are there?", Route.COUNT)
    assert draft.text.startswith("2:")
    assert {citation.document for citation in draft.citations} == {
        "lecture-01-membranes.md",
        "lecture-02-energy.md",
    }


def test_the_largest_number_of_a_column_leaves_the_total_out(ask: Callable[..., Draft]) -> None:
    assert ask("Which part has the highest weight?", Route.TABLE).text.startswith("Oral exam: Weight 75 %")
    assert ask("Which part has the lowest weight?", Route.TABLE).text.startswith("Sheet 1: Weight 10 %")


def test_equal_largest_numbers_are_all_named(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    rows = "| Sheet 1 | 15 % |\n| Sheet 2 | 15 % |\n| Sheet 3 | 5 % |\n"
    notes = make_notes({"marks.md": f"# Marks\n\n| Part | Weight |\n|---|---|\n{rows}"})
    draft = draft_of(notes, "Which sheet has the highest weight?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("Sheet 1, Sheet 2: Weight 15 %")
    assert [one.text for one in draft.sentences] == [
        "Part: Sheet 1; Weight: 15 %",
        "Part: Sheet 2; Weight: 15 %",
    ]


def test_a_sum_is_computed_over_the_rows_that_are_named(ask: Callable[..., Draft]) -> None:
    draft = ask("What is the weight of the sheets together?", Route.TABLE)
    assert draft.text.startswith("25 % - sum of Weight, 2 rows")


def test_a_row_is_found_by_any_of_its_cells(ask: Callable[..., Draft]) -> None:
    draft = ask("What is due on 17 May?", Route.TABLE)
    assert [one.text for one in draft.sentences] == ["Part: Sheet 2; Weight: 15 %; Due: 17 May"]


def test_things_that_a_sentence_names_are_a_list(ask: Callable[..., Draft]) -> None:
    draft = ask("What are the parts of a membrane?", Route.LIST)
    assert "lipids, proteins, sugars and sterols" in draft.text


def test_a_function_is_shown_whole(ask: Callable[..., Draft]) -> None:
    draft = ask("Show me flux()", Route.CODE)
    assert draft.kind is AnswerKind.CODE
    assert draft.text.startswith("```python\ndef flux(inside, outside):\n    gradient")
    assert "print(" not in draft.text


def test_each_side_of_a_comparison_has_its_own_statements_once(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    notes = make_notes(
        {
            "terms.md": "# Vocabulary\n\nThe Carey frequency is half the sampling rate of a converter.\n\n"
            "The Carey rate is twice the bandwidth. It is a rate of the signal.\n"
        }
    )
    draft = draft_of(
        notes, "What is the difference between Carey rate and Carey frequency?", Route.COMPARISON
    )
    assert draft is not None
    assert [one.text for one in draft.sentences] == [
        "The Carey rate is twice the bandwidth. It is a rate of the signal.",
        "The Carey frequency is half the sampling rate of a converter.",
    ]


def test_both_sides_of_a_comparison_are_quoted(ask: Callable[..., Draft]) -> None:
    draft = ask("Compare glycolysis and respiration", Route.COMPARISON)
    assert draft.kind is AnswerKind.COMPARISON
    assert "**glycolysis**" in draft.text
    assert "yields two ATP" in draft.text
    assert "**respiration**" in draft.text
    assert "mitochondria" in draft.text


def test_a_summary_has_a_sentence_of_every_section_of_the_lecture_named(ask: Callable[..., Draft]) -> None:
    draft = ask("Summarise lecture 2", Route.SUMMARY)
    assert {citation.document for citation in draft.citations} == {"lecture-02-energy.md"}
    assert draft.scope == NamedPart("Lecture 2: Energy", ("lecture-02-energy.md",))
    assert "**Glycolysis**" in draft.text
    assert "**Respiration**" in draft.text
    assert all(sentence.quoted for sentence in draft.sentences)


def course(part: int, topic: str) -> dict[str, str]:
    """Return the files of one module, whose lessons are about the course too."""
    folder = f"0{part}-{topic.lower()}"
    lessons = {
        f"{folder}/lessons/0{n}-{topic.lower()}.md": f"# {topic} {name}\n\nThe course looks at {topic.lower()}.\n"
        for n, name in ((1, "Basics"), (2, "Practice"))
    }
    return {f"{folder}/README.md": f"# Module {part}: {topic}\n\nThis module of the course.\n", **lessons}


COURSE = {
    **course(1, "Rocks"), **course(2, "Tides"), **course(3, "Winds"), **course(4, "Clouds"), **course(5, "Ice"),
    "docs/videos.md": "# Course video production pipeline\n\nHow the videos of the course are made.\n",
}  # fmt: skip


def test_a_common_word_among_others_of_a_title_names_no_document(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    notes = make_notes(COURSE)
    draft = draft_of(notes, "How many modules does the course have?", Route.COUNT)
    assert draft is not None
    assert draft.text.startswith("5:")
    assert named_by_title("Give me an outline of the course", notes) is None
    named = named_by_title("Summarise the video pipeline", notes)
    assert named is not None
    assert named.documents[0].endswith("docs/videos.md")


def test_all_notes_are_outlined_by_their_folders_where_they_are_many(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    draft = library_outline_draft(make_notes(COURSE), None)
    assert draft is not None
    lines = draft.text.splitlines()
    assert lines[0] == "The notes are 16 documents:"
    assert [line.split(" - ")[0] for line in lines[2:8]] == [
        "- 01-rocks", "- 02-tides", "- 03-winds", "- 04-clouds", "- 05-ice", "- docs",
    ]  # fmt: skip
    assert "Rocks Basics; Rocks Practice" in lines[2]
    assert library_outline_draft(make_notes(course(1, "Rocks")), None) is None


def test_an_outline_has_the_headings_of_the_lecture_named(ask: Callable[..., Draft]) -> None:
    draft = ask("Outline of lecture 2", Route.OUTLINE)
    assert [one.text for one in draft.sentences] == ["Glycolysis", "Respiration"]


def test_an_outline_of_everything_names_every_document(ask: Callable[..., Draft]) -> None:
    text = ask("What topics are there?", Route.OUTLINE).text
    assert "Lecture 1: Membranes: Transport" in text
    assert "Lecture 2: Energy: Glycolysis; Respiration" in text


def test_the_document_of_a_topic_is_named(ask: Callable[..., Draft]) -> None:
    draft = ask("In which lecture is glycolysis introduced?", Route.LOCATE)
    assert [citation.document for citation in draft.citations] == ["lecture-02-energy.md"]


def test_why_is_answered_from_the_section_of_the_last_answer(ask: Callable[..., Draft]) -> None:
    history = (
        Turn(Role.USER, "What is diffusion?"),
        Turn(Role.ASSISTANT, "Diffusion needs no energy and follows the gradient."),
    )
    draft = ask("why?", Route.CONTINUE, history)
    assert draft.kind is AnswerKind.EXTRACT
    assert "Active transport needs ATP" in draft.text


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("What is lecture 2 about?", ("lecture-02-energy.md",)),
        ("What is lecture two about?", ("lecture-02-energy.md",)),
        ("the 1st lecture", ("lecture-01-membranes.md",)),
        ("What does plan.md say?", ("plan.md",)),
        ("What is chapter 2 about?", None),
        ("Why are there 2 ATP?", None),
    ],
)
def test_a_scope_is_named_by_the_words_of_the_library(
    notes: Notes, question: str, documents: tuple[str, ...] | None
) -> None:
    named = named_by_number(question, notes)
    assert (named and named.documents) == documents


def test_a_scope_is_named_by_its_title(notes: Notes) -> None:
    named = named_by_title("Summarise the lecture on membranes", notes)
    assert named is not None
    assert named.documents == ("lecture-01-membranes.md",)


def test_folders_and_ordinals_name_a_scope_in_any_language(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    library = make_notes(
        {
            "01-anfang/lektion/01-a.md": "# Anfang\n\nEins.\n",
            "02-mitte/README.md": "# Modul 2: Mitte\n\nZwei.\n",
            "02-mitte/lektion/01-b.md": "# Mitte\n\nDrei.\n",
        }
    )
    named = named_by_number("Worum geht es in Modul 2, Lektion 1?", library)
    assert named is not None
    assert named.documents == ("02-mitte/lektion/01-b.md",)


CASES = next(
    (one for up in Path(__file__).resolve().parents if (one := up / "shared" / "data" / "cases").is_dir()),
    Path("no shared cases"),
)


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")
def test_the_densest_element_of_a_long_table(
    make_notes: Callable[[dict[str, str]], Notes], draft_of: Callable[..., Draft | None]
) -> None:
    text = (CASES / "16-long-tables" / "elements.md").read_text(encoding="utf-8")
    library = make_notes({"elements.md": text})
    draft = draft_of(library, "Which element has the highest density?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("Gold: Density")
    assert "10.8" in draft.text


@pytest.mark.parametrize("writes", [False, True])
def test_halves_of_a_question_are_not_asked_where_a_model_writes_the_answer(
    notes: Notes, writes: bool
) -> None:
    asked: list[str] = []

    def answer(question: str) -> Draft:
        asked.append(question)
        return Draft(AnswerKind.ANSWER, question)

    question = "What does glycolysis yield and what does respiration need?"
    hits = tuple(notes.search(question, 12))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    found = Found(question, question, (), hits, scores, Decision(Tier.ANSWER, 1.0, 1.0, ""))
    draft = routed_draft(found, Routed(Route.TWO, 0.9), None, (), notes, None, answer, writes)
    assert (draft is None) is writes
    assert (not asked) is writes


@pytest.mark.parametrize(("writes", "kind"), [(False, AnswerKind.ANSWER), (True, None)])
def test_one_place_is_left_to_a_model_that_writes(
    notes: Notes, writes: bool, kind: AnswerKind | None
) -> None:
    question = "Where is glycolysis introduced?"
    hits = tuple(notes.search(question, 12))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    found = Found(question, question, (), hits, scores, Decision(Tier.ANSWER, 1.0, 1.0, ""))
    draft = routed_draft(found, Routed(Route.LOCATE, 0.9), None, (), notes, None, lambda _: None, writes)
    assert (draft.kind if draft else None) is kind


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_scope_in_words_is_part_of_the_answer_and_can_be_left_out(notes: Notes, everywhere: bool) -> None:
    question = "Which steps does lecture 1 list?"
    named = None if everywhere else named_by_number(question, notes)
    hits = tuple(notes.search(question, 12))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    found = Found(question, question, (), hits, scores, Decision(Tier.ANSWER, 1.0, 1.0, ""))
    routed = Routed(Route.LIST, 0.9)
    draft = routed_draft(found, routed, named, (), notes, None, lambda _: None, False, everywhere)
    assert draft is not None
    part = NamedPart("Lecture 1: Membranes", ("lecture-01-membranes.md",))
    assert draft.scope == (None if everywhere else part)


def test_vectors_are_of_the_texts(notes: Notes) -> None:
    assert notes.similarities("energy", []).shape == (0,)
    assert isinstance(notes.similarities("energy", ["energy", "marks"]), np.ndarray)
