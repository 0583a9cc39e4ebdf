"""The list that a question asks for, with the network's probability given by the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.answer.asked import Asked
from rag.answer.best_sentence import best_sentence
from rag.answer.equal_rows import named_rows_draft
from rag.answer.found import Draft
from rag.answer.kinds import kind_draft
from rag.answer.likely_list import list_around_draft
from rag.answer.notes import Notes
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.answer.route import Route
from rag.text.sentences import sentence_spans
from rag.types import Decision, Tier

GARDEN = """# Garden

Three tools are kept in the shed. Oil them in autumn.

- a spade with a long handle
- a rake
- a pair of shears

The pond is deep.

| Month | Work |
|---|---|
| March | sow the beans |
| May | plant the leeks |
"""


def asked_of(notes: Notes, question: str, best: str, route: Route = Route.FACT, sure: bool = True) -> Asked:
    """A question of which the sentence that begins so answers best."""
    hits = tuple(notes.search(question, 12))
    scores = []
    for hit in hits:
        text = hit.chunk.text
        sentences = tuple(
            SentenceScore(start, end, 0.9 if best in text[start:end] else 0.01, 0.0)
            for start, end in sentence_spans(text)
        )
        scores.append(PassageScore(0.5, 0.0, sentences, (0.0, 0.0)))
    decision = Decision(Tier.ANSWER, 1.0, 1.0, "")
    return Asked(question, route, notes, hits, tuple(scores), None, None, sure, lambda _: None, decision)


@pytest.fixture
def garden(make_notes: Callable[[dict[str, str]], Notes]) -> Notes:
    return make_notes({"garden.md": GARDEN})


def texts(draft: Draft | None) -> list[str] | None:
    return None if draft is None else [one.text for one in draft.sentences]


TOOLS = ["a spade with a long handle", "a rake", "a pair of shears"]


@pytest.mark.parametrize(
    ("best", "chance", "shown"),
    [
        ("Three tools", 0.3, ["Three tools are kept in the shed.", *TOOLS]),
        ("Three tools", 0.1, None),
        ("a rake", 0.6, TOOLS),
        ("a rake", 0.4, None),
        ("The pond", 0.9, None),
    ],
)
def test_a_list_is_shown_around_what_answers(
    garden: Notes, likely: Callable[[float], None], best: str, chance: float, shown: list[str] | None
) -> None:
    likely(chance)
    assert (
        texts(list_around_draft(asked_of(garden, "What tools for the garden are in the shed?", best)))
        == shown
    )


def test_the_first_item_is_no_introduction_of_its_list(garden: Notes) -> None:
    asked = asked_of(garden, "What is the spade like?", "a spade")
    best = best_sentence(asked)
    assert best is not None
    (tools,) = [
        one
        for one, _, _ in asked.notes.made(_with_words(), "garden.md")
        if one.items[0].text.startswith("a spade")
    ]
    assert best.is_in(tools)
    assert not best.leads_to(tools)


def _with_words() -> Callable[..., list[tuple]]:  # type: ignore[type-arg]
    from rag.answer.choose_structure import with_words

    return with_words


def test_a_list_that_no_sentence_is_part_of_is_not_counted_unless_asked_for(
    garden: Notes, likely: Callable[[float], None]
) -> None:
    likely(0.9)
    question = "How many tools of the garden do I need?"
    counted = kind_draft(asked_of(garden, question, "a rake", Route.COUNT, sure=False))
    assert counted is not None
    assert counted.text.startswith("3 - Garden")
    assert kind_draft(asked_of(garden, question, "The pond", Route.COUNT, sure=False)) is None


def test_rows_that_a_question_names_alike_are_all_shown(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    rows = "| Essay 1 | 3 May |\n| Essay 2 | 9 June |\n| Talk | 1 July |\n"
    notes = make_notes({"plan.md": f"# Plan\n\n| Task | Due |\n|---|---|\n{rows}"})
    draft = named_rows_draft(asked_of(notes, "When are the essays due?", "Essay"))
    assert texts(draft) == ["Task: Essay 1; Due: 3 May", "Task: Essay 2; Due: 9 June"]
    assert named_rows_draft(asked_of(notes, "When are the essays in the library due?", "Essay")) is None
    assert named_rows_draft(asked_of(notes, "Who reads the essays?", "Essay")) is None


LESSONS = """# Course

A course of 4 weeks with 5 lessons.

| Lesson | Topic | Author |
|---|---|---|
| 1 | Soil | Ada Finch |
| 2 | Water | Bo Reed |
| 3 | Light | Ada Finch |
| 4 | Frost | Cy Marsh |
"""


def test_numbered_rows_are_listed_by_what_a_cell_has(
    make_notes: Callable[[dict[str, str]], Notes], likely: Callable[[float], None]
) -> None:
    likely(0.0)
    notes = make_notes({"course.md": LESSONS})
    for route in (Route.LIST, Route.LOCATE):
        draft = kind_draft(asked_of(notes, "Which lessons are by Ada?", "Soil", route))
        assert texts(draft) == [
            "Lesson: 1; Topic: Soil; Author: Ada Finch",
            "Lesson: 3; Topic: Light; Author: Ada Finch",
        ]


def test_another_number_that_the_notes_give_is_shown_first(
    make_notes: Callable[[dict[str, str]], Notes],
) -> None:
    notes = make_notes({"course.md": LESSONS})
    draft = kind_draft(asked_of(notes, "How many lessons are there?", "5 lessons", Route.COUNT))
    assert draft is not None
    assert draft.text.startswith("A course of 4 weeks with 5 lessons. [1]\n4 - Course:\n- Lesson: 1;")
    same = make_notes({"course.md": LESSONS.replace("5 lessons", "four lessons")})
    draft = kind_draft(asked_of(same, "How many lessons are there?", "four lessons", Route.COUNT))
    assert draft is not None
    assert draft.text.startswith("4 - Course:")


def test_items_are_picked_by_a_number_that_only_some_have(
    make_notes: Callable[[dict[str, str]], Notes], likely: Callable[[float], None]
) -> None:
    likely(0.9)
    items = "- Lark, 250 pages\n- Wren, 480 pages\n- Kite, 250 pages\n"
    notes = make_notes({"books.md": f"# Books\n\nBooks to read:\n\n{items}"})
    asked = asked_of(notes, "List the books to read with 250 pages", "Lark", Route.LIST)
    assert texts(kind_draft(asked)) == ["Lark, 250 pages", "Kite, 250 pages"]
    assert len(texts(kind_draft(replace(asked, question="List the books to read"))) or ()) == 3
