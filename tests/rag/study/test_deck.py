"""Items kept, answers recorded, cards due, progress and plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rag.answer.notes import Notes
from rag.errors import QuestionError
from rag.study.deck import Deck, Freshness
from rag.study.items import Item
from rag.study.progress import coverage, plan
from rag.study.scheduling import Grade, new_card, retrievability, reviewed
from rag.study.sheets import changes, formula_sheet, glossary
from rag.study.store import StudyStore

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture
def deck(bees: Notes, tmp_path: Path) -> Deck:
    """The deck of the notes about bees."""
    return Deck(bees, StudyStore(tmp_path / "library"))


def test_an_edited_item_stays_when_items_are_made_again(deck: Deck, make_item: Callable[..., Item]) -> None:
    item = make_item()
    deck.store.keep([item], NOW)
    deck.store.edit(make_item(question="Mine?"))
    (kept,) = deck.store.keep([item], NOW)
    assert kept.question == "Mine?" and deck.store.item(item.id[:8]).edited


def test_an_unknown_or_unclear_id_is_one_sentence(deck: Deck, make_item: Callable[..., Item]) -> None:
    deck.store.keep([make_item(), make_item(id="01" + "f" * 14)], NOW)
    for identity, number in (("9", "no item"), ("01", "2 items"), ("", "no item")):
        with pytest.raises(QuestionError, match=number):
            deck.store.item(identity)


def test_a_reported_item_loses_its_card_and_is_not_made_again(deck: Deck) -> None:
    item = deck.make(None, 3, NOW, choice=False).items[0]
    assert len(deck.due(NOW)) == 3
    deck.store.report(item.id, "wrong key")
    assert item.id not in {card.item.id for card in deck.due(NOW)}
    assert item.id not in {one.id for one in deck.make(None, 20, NOW).items}


def test_a_wrong_answer_makes_a_card_that_comes_back_before_a_right_one(deck: Deck) -> None:
    first, second, *_ = deck.make(None, 5, NOW).items
    assert deck.answer(first, first.answer, NOW).due is None and not deck.store.cards()
    wrong = deck.answer(second, "nonsense", NOW)
    assert not wrong.verdict.right and wrong.due is not None and NOW < wrong.due < NOW + timedelta(hours=1)
    later = deck.answer(second, second.answer, wrong.due)
    assert later.due is not None and later.due > wrong.due


def test_intervals_grow_and_memory_fades() -> None:
    state, due = reviewed(new_card(NOW), Grade.EASY, NOW)
    after, next_due = reviewed(state, Grade.GOOD, due)
    assert next_due - due > due - NOW > timedelta(days=1)
    assert retrievability(after, due) > retrievability(after, next_due) == pytest.approx(0.9, abs=0.02)
    assert retrievability(new_card(NOW), NOW) == 0.0


def test_coverage_counts_by_section(deck: Deck) -> None:
    items = deck.make(None, 20, NOW, choice=False).items
    table = next(item for item in items if item.section[-1] == "Castes")
    deck.answer(table, table.answer, NOW)
    deck.answer(table, "nonsense", NOW)
    found = {one.section: one for one in coverage(deck.notes, deck.store, None, NOW)}
    assert (found["Castes"].asked, found["Castes"].right) == (2, 1)
    assert (
        found["Castes"].mastery == 0.0
        and found["Growth"].mastery is None
        and found["Growth"].due == found["Growth"].cards == 1
    )


def test_a_plan_spreads_new_cards_and_leaves_two_days(make_item: Callable[..., Item]) -> None:
    new = [make_item(id=f"{number:016x}") for number in range(8)]
    days = plan([], new, NOW, date(2026, 9, 7))
    assert [day.new for day in days] == [2, 2, 2, 2, 0, 0]
    assert days[0].reviews == 0 and sum(day.reviews for day in days) >= 8
    assert plan([], new, NOW, date(2026, 9, 2))[0].new == 8


def test_a_source_that_changed_is_known(
    deck: Deck, put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    item = next(
        one for one in deck.make(None, 20, NOW).items if one.answer == "Drone" and "male" in one.question
    )
    assert deck.freshness(item) is Freshness.SAME
    text = deck.notes.document("bees.md").text
    put_markdown("bees.md", "New first line.\n\n" + text)
    assert Deck(open_notes(), deck.store).freshness(item) is Freshness.MOVED
    put_markdown("bees.md", text.replace("male bee", "gentle bee"))
    assert Deck(open_notes(), deck.store).freshness(item) is Freshness.CHANGED


def test_changes_name_the_sections(
    deck: Deck, put_markdown: Callable[[str, str], None], open_notes: Callable[[], Notes]
) -> None:
    assert changes(deck.notes, deck.store, NOW, NOW).since is None
    text = deck.notes.document("bees.md").text
    put_markdown(
        "bees.md", text.replace("births:", "births and deaths:") + "\n## Swarms\n\nA swarm leaves.\n"
    )
    later = NOW + timedelta(days=1)
    found = changes(open_notes(), deck.store, later, later)
    assert (found.new, found.changed, found.gone) == ((("bees.md", "Swarms"),), (("bees.md", "Growth"),), ())


def test_glossary_and_formulas_have_their_places(bees: Notes) -> None:
    assert [entry.term for entry in glossary(bees, None)] == ["drone", "queen", "worker"]
    (formula,) = formula_sheet(bees, None)
    assert (formula.name, formula.latex) == ("Growth", "$$ W = b t $$")
