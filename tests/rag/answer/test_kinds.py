"""Answers from structure over small hand-written notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rag.answer.asked import Asked
from rag.answer.cited_lines import without_mark
from rag.answer.follow_up import offered
from rag.answer.found import Draft, Found
from rag.answer.kinds import kind_draft, routed_draft
from rag.answer.notes import Notes
from rag.answer.route import Route, Routed
from rag.answer.scope_in_words import named_by_number, named_by_title
from rag.types import AnswerKind, Conflict, Decision, NamedPart, Role, Tier, Turn

SYLLABUS = """# BIO-1 Cells: plan

## Marks

| Part | Weight | Due |
|---|---|---|
| Sheet 1 | 10 % | 3 May |
| Sheet 2 | 15 % | 17 May |
| Oral exam | 75 % | 1 July |
| **All** | **100 %** | |

Sheets are accepted until noon.
"""
FIRST = """# Lecture 1: Membranes

A membrane has four parts: lipids, proteins, sugars and sterols.

## Transport

Diffusion needs no energy and follows the gradient. Active transport needs ATP and works against the gradient.

1. Measure the gradient.
2. Add the blocker.
3. Measure again.

```python
def flux(inside, outside):
    gradient = outside - inside
    return 0.5 * gradient


print(flux(1, 3))
```
"""
SECOND = """# Lecture 2: Energy

## Glycolysis

Glycolysis splits glucose and yields two ATP. It happens in the cytosol and needs no oxygen.

## Respiration

Respiration happens in the mitochondria. It needs oxygen and yields about thirty ATP for one glucose molecule.
"""


@pytest.fixture
def notes(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"plan.md": SYLLABUS, "lecture-01-membranes.md": FIRST, "lecture-02-energy.md": SECOND})


def drafted(
    notes: Notes, question: str, route: Route, history: Sequence[Turn] = (), tier: Tier = Tier.ANSWER
) -> Draft | None:
    """The draft of a question on a route that is sure."""
    named = named_by_number(question, notes)
    hits = tuple(notes.search(question, 12, named.scope() if named else None))
    scores = notes.scorer.score(question, [hit.chunk for hit in hits])
    decision = Decision(tier, 1.0, 1.0, "")
    return kind_draft(
        Asked(question, route, notes, hits, scores, None, named, True, lambda _: None, decision, history)
    )


@pytest.fixture
def ask(notes: Notes) -> Callable[..., Draft | None]:
    return partial(drafted, notes)


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


def test_equal_largest_numbers_are_all_named(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    rows = "| Sheet 1 | 15 % |\n| Sheet 2 | 15 % |\n| Sheet 3 | 5 % |\n"
    notes = make_notes({"marks.md": f"# Marks\n\n| Part | Weight |\n|---|---|\n{rows}"})
    draft = drafted(notes, "Which sheet has the highest weight?", Route.TABLE)
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
def test_the_densest_element_of_a_long_table(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    text = (CASES / "16-long-tables" / "elements.md").read_text(encoding="utf-8")
    library = make_notes({"elements.md": text})
    draft = drafted(library, "Which element has the highest density?", Route.TABLE)
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


def test_the_largest_number_is_found_in_any_unit(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    rows = "| Slow | 400 kbit/s |\n| Quick | 1 Mbit/s |\n"
    notes = make_notes({"rates.md": f"# Rates\n\n| Mode | Rate |\n|---|---|\n{rows}"})
    draft = drafted(notes, "Which mode has the highest rate?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("Quick: Rate 1000 kbit/s")


def test_a_column_is_chosen_over_all_tables(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    modes = "## Modes of the probe\n\n| Probe mode | Code |\n|---|---|\n| a | 0 |\n| b | 1 |\n"
    probes = "## Probes\n\n| Probe | Price |\n|---|---|\n| glass | 9 |\n| steel | 4 |\n"
    notes = make_notes({"probes.md": f"# Probes\n\n{modes}\n{probes}"})
    draft = drafted(notes, "Which probe has the lowest price, in any mode of the probe?", Route.TABLE)
    assert draft is not None
    assert draft.text.startswith("steel: Price 4")


def test_a_list_needs_passages_that_answer(notes: Notes) -> None:
    question = "List the parts of the marks with their weight"
    assert drafted(notes, question, Route.LIST) is not None
    assert drafted(notes, question, Route.LIST, tier=Tier.EXTRACT) is None


def test_one_row_is_no_list(notes: Notes) -> None:
    draft = drafted(notes, "List the names of those who hold the oral exam", Route.LIST)
    assert draft is None or len(draft.sentences) > 1


@pytest.mark.parametrize(
    ("question", "route"),
    [
        ("How many parts do the marks of BIO-2 have?", Route.COUNT),
        ("What is the weight of sheet 1 in 1998?", Route.TABLE),
    ],
)
def test_a_table_without_what_the_question_names_is_kept_back(
    ask: Callable[..., Draft | None], question: str, route: Route
) -> None:
    assert ask(question.replace("BIO-2", "BIO-1").replace(" in 1998", ""), route) is not None
    draft = ask(question, route)
    assert draft is None or draft.citations[0].document != "plan.md"


def test_numbered_rows_of_another_course_are_not_counted(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    rows = "".join(f"| {n} | {topic} |\n" for n, topic in enumerate(("Roots", "Leaves", "Bark"), 1))
    notes = make_notes({"README.md": f"# Trees\n\n| Lesson | Topic |\n|---|---|\n{rows}"})
    draft = drafted(notes, "How many lessons does the course have?", Route.COUNT)
    assert draft is not None
    assert draft.text.startswith("3 - Trees")
    other = drafted(notes, "How many lessons does the course Marine Birds have?", Route.COUNT)
    assert other is None or not other.text.startswith("3 - Trees")


def test_the_number_of_a_heading_counts_nothing(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    items = "- Why does it float?\n- Why is it cold?\n"
    notes = make_notes({"ice.md": f"# Ice\n\n## 7. Questions to prepare\n\n{items}"})
    draft = drafted(notes, "How many questions am I to prepare?", Route.COUNT)
    assert draft is not None
    assert draft.text.startswith("2 - 7. Questions")


def test_rows_are_found_by_a_word_in_the_column_named(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    rows = "| Sheet 1 | 2 March |\n| Sheet 2 | 16 March |\n| Talk | 3 April |\n"
    notes = make_notes({"plan.md": f"# Plan\n\n| Part | Due |\n|---|---|\n{rows}"})
    draft = drafted(notes, "What is due in March?", Route.TABLE)
    assert draft is not None
    assert [one.text.split(";")[0] for one in draft.sentences] == ["Part: Sheet 1", "Part: Sheet 2"]


def test_a_comparison_prefers_what_is_said_of_both_sides(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    alone = "# Mosses\n\nThis is the moss. What is a moss like? A moss is what is soft underfoot here.\n"
    both = "# Ground\n\nA moss drinks through its leaves. A fern drinks through its roots.\n"
    notes = make_notes({"a.md": alone, "b.md": both})
    draft = drafted(notes, "Compare moss and fern", Route.COMPARISON)
    assert draft is not None
    assert draft.text.startswith("**moss**\n- A moss drinks through its leaves.")
    assert "This is the moss." not in draft.text


def test_documents_of_a_kind_are_listed(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    notebook = '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# %s\\n\\nText."]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    notes = make_notes({"a.ipynb": notebook % "Ferns", "b.ipynb": notebook % "Mosses", "plan.md": SYLLABUS})
    draft = drafted(notes, "List the notebooks", Route.LIST)
    assert draft is not None
    assert [one.text for one in draft.sentences] == ["Ferns", "Mosses"]
    count = drafted(notes, "How many notebooks are there?", Route.COUNT)
    assert count is not None
    assert count.text.startswith("2:")


def test_the_half_of_a_question_that_the_notes_answer_is_answered(notes: Notes) -> None:
    hits, decision = tuple(notes.search("glycolysis", 5)), Decision(Tier.EXTRACT, 0.1, 1.0, "")

    def asked(kind: AnswerKind) -> Asked:
        def answer(question: str) -> Draft | None:
            return Draft(kind, "Two ATP.") if "glycolysis" in question else None

        question = "What does glycolysis yield and where is the ticket office?"
        return Asked(question, Route.TWO, notes, hits, (), None, None, True, answer, decision)

    draft = kind_draft(asked(AnswerKind.ANSWER))
    assert draft is not None
    assert draft.kind is AnswerKind.ANSWER
    assert draft.text == "Two ATP.\n\n**where is the ticket office**: The notes do not say."
    assert kind_draft(asked(AnswerKind.EXTRACT)) is None


def test_counts_that_disagree_are_both_quoted(make_notes: Callable[[dict[str, str]], Notes]) -> None:
    notes = make_notes(
        {
            "plan.md": "# Plan\n\nThere are six homework sheets.\n",
            "news.md": "# News\n\nThere are seven homework sheets this year.\n",
            "paper.md": "# Paper\n\nTwo sheets of paper are enough.\n",
        }
    )
    draft = drafted(notes, "How many homework sheets are there?", Route.COUNT)
    assert draft is not None
    assert {one.text for one in draft.sentences} == {
        "There are six homework sheets.",
        "There are seven homework sheets this year.",
    }
    assert draft.conflicts == (Conflict((1, 2)),)


@pytest.mark.parametrize(
    ("said", "message", "asked"),
    [
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "yes please", "steps"),
        ("La difusión no gasta energía. ¿Quieres ver los pasos?", "sí", "pasos"),
        ("Diffusion needs no energy. Shall I list the steps of a measurement?", "why?", ""),
        ("Diffusion needs no energy.", "yes please", ""),
        ("Diffusion needs no energy. Shall I?", "yes please", ""),
    ],
)
def test_what_an_answer_offers_is_taken_up(said: str, message: str, asked: str) -> None:
    offer = offered(said, message)
    assert asked in offer
    assert bool(offer) is bool(asked)


def test_an_offer_that_is_taken_is_asked(notes: Notes) -> None:
    history = (
        Turn(Role.USER, "What is diffusion?"),
        Turn(Role.ASSISTANT, "It follows the gradient. Shall I list the steps?"),
    )
    hits = tuple(notes.search("diffusion", 5))
    answered: list[str] = []

    def answer(question: str) -> Draft:
        answered.append(question)
        return Draft(AnswerKind.LIST, "1. Measure.")

    decision = Decision(Tier.ANSWER, 1.0, 1.0, "")
    asked = Asked("yes please", Route.CONTINUE, notes, hits, (), None, None, True, answer, decision, history)
    draft = kind_draft(asked)
    assert draft is not None
    assert draft.text == "1. Measure."
    assert "steps" in answered[0]


def test_the_mark_of_an_item_is_left_out_and_bold_text_stays() -> None:
    assert without_mark("- **Static**: before") == "**Static**: before"
    assert without_mark("**Static**: before") == "**Static**: before"
