"""A quiz on the notes about bees: every key and choice can be checked by eye."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.notes import Notes
from rag.errors import QuestionError
from rag.search.scope import Scope
from rag.study.acceptance import has_key
from rag.study.items import GAP, Item, ItemKind, Rejection, Topic, as_card
from rag.study.quiz import StudySet, make_items


def by_topic(found: StudySet, topic: Topic) -> list[Item]:
    return [item for item in found.items if item.topic is topic]


def test_a_definition_asks_for_its_term_among_the_other_terms(bees: Notes) -> None:
    found = make_items(bees, None, 20)
    (drone,) = [item for item in by_topic(found, Topic.DEFINITION) if item.answer == "Drone"]
    assert drone.question == f"Bees. Which term fits the gap? A(n) {GAP} is a male bee without any sting."
    assert sorted(drone.choices) == ["Drone", "Queen", "Worker"]
    assert drone.kind is ItemKind.CHOICE and drone.citation.quote.startswith("A **drone**")


def test_the_place_shown_before_an_answer_does_not_name_the_key(make_item: Callable[..., Item]) -> None:
    assert make_item(section=("Bees", "The drone")).hint == "Bees"
    assert make_item(section=("Bees", "Castes")).hint == "Bees › Castes"
    spelled = make_item(answer="Variance", answers=("Variance", "VAR"), section=("Numbers", "VAR"))
    assert (spelled.hint, spelled.place) == ("Numbers", "Numbers › VAR")


def test_a_number_keeps_its_unit_and_the_wrong_ones_are_others(bees: Notes) -> None:
    (item,) = by_topic(make_items(bees, None, 20), Topic.NUMBER)
    assert (item.answer, item.unit) == ("35", "°C")
    assert f"{GAP} °C" in item.question and len(item.choices) == 4 and len(set(item.choices)) == 4
    assert list(item.choices) == sorted(item.choices, key=float)


def test_a_table_gives_a_row_by_its_cell(bees: Notes) -> None:
    items = by_topic(make_items(bees, None, 20, topics=[Topic.TABLE]), Topic.TABLE)
    assert {item.answer for item in items} & {"Queen", "Worker", "Drone"}
    assert all(item.answer in item.citation.quote for item in items)


def test_a_formula_asks_for_its_right_hand_side(bees: Notes) -> None:
    (item,) = by_topic(make_items(bees, None, 20), Topic.FORMULA)
    assert item.answer == "$b t$" and "$W =$" in item.question and item.kind is ItemKind.SHORT


def test_every_key_is_in_its_quote_and_every_quote_in_its_document(bees: Notes) -> None:
    found = make_items(bees, None, 50)
    text = bees.document("bees.md").text
    assert len(found.items) >= 6
    for item in found.items:
        assert text[item.citation.start : item.citation.end] == item.citation.quote
        assert has_key(item.citation.quote, item.answer)
        assert not item.choices or item.choices.count(item.answer) == 1


def test_a_wrong_choice_that_the_notes_support_is_left_out(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    extra = "\n\nA worker is a bee that does not collect nectar when it is a male.\n"
    put_markdown("bees.md", "# Bees\n\nA **drone** is a male bee that does not collect nectar.\n\n"
        "A **queen** is the only bee of a hive that lays eggs.\n\n"
        "A **guard** is a bee that watches the entrance of a hive.\n\n"
        "A **worker** is a female bee that builds the cells of a comb." + extra)  # fmt: skip
    found = make_items(open_notes(), None, 20, topics=[Topic.DEFINITION])
    (drone,) = [item for item in found.items if item.answer == "Drone"]
    assert "Worker" not in drone.choices and {"Queen", "Guard"} <= set(drone.choices)


def test_a_reported_item_is_not_made_again(bees: Notes) -> None:
    first = make_items(bees, None, 20)
    gone = first.items[0].id
    again = make_items(bees, None, 20, reported=[gone])
    assert gone not in {item.id for item in again.items}
    assert again.rejected[Rejection.REPORTED] == 1


def test_sentences_about_the_lecture_are_not_asked(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("a.md", "# Bees\n\nA **lecture** is a talk that begins at nine and ends at ten o'clock.\n")
    found = make_items(open_notes(), None, 5)
    assert not found.items and found.rejected == {Rejection.ABOUT_THE_NOTES: 1}


def test_an_id_stays_when_the_definition_is_corrected(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes], bees: Notes
) -> None:
    before = {item.answer: item.id for item in by_topic(make_items(bees, None, 20), Topic.DEFINITION)}
    text = bees.document("bees.md").text.replace("without any sting", "that has no pollen")
    put_markdown("bees.md", text)
    after = {item.answer: item for item in by_topic(make_items(open_notes(), None, 20), Topic.DEFINITION)}
    assert after["Drone"].id == before["Drone"] and "pollen" in after["Drone"].question


def test_a_scope_without_documents_is_one_sentence(bees: Notes) -> None:
    with pytest.raises(QuestionError, match="No document of the library is inside lecture 9"):
        make_items(bees, Scope(lectures=(9,)), 5)


def test_prose_without_facts_gives_no_item(
    put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    put_markdown("talk.md", "# Talk\n\nHe went home. It was late, and they were tired.\n\n- one\n- two\n")
    found = make_items(open_notes(), None, 5)
    assert (found.items, found.proposed) == ((), 0)


def test_a_card_recalls_what_a_quiz_lets_choose(bees: Notes) -> None:
    item = next(item for item in make_items(bees, None, 20).items if item.topic is Topic.DEFINITION)
    card = as_card(item)
    assert (card.id, card.kind, card.choices) == (item.id, ItemKind.CLOZE, ())
    assert card.question.startswith("Bees. Fill the gap:")
