"""Progress through the notes: results of each section, and a plan up to an exam."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean

from rag.answer.notes import Notes
from rag.search.scope import Scope
from rag.study.items import Item
from rag.study.readable import heading_shown
from rag.study.scheduling import Grade, new_card, retrievability, reviewed
from rag.study.store import CardRow, StudyStore

REVIEW_DAYS = 2
"""Days before an exam without new cards, for repetition."""


@dataclass(frozen=True, slots=True)
class SectionProgress:
    """The state of one section of a document.

    `asked` counts answers, `right` those that were right; `cards` and `due` count cards. `mastery` in [0, 1]
    is the mean over the items that were answered: the probability that a card is remembered now, 1 without a
    card, 0 where the last answer was wrong. It is None where nothing was answered.
    """

    document: str
    section: str
    passages: int
    items: int
    asked: int
    right: int
    cards: int
    due: int
    mastery: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a plan: cards that come back, new cards and their sections."""

    date: date
    reviews: int
    new: int
    sections: tuple[str, ...]


def coverage(notes: Notes, store: StudyStore, scope: Scope | None, now: datetime) -> list[SectionProgress]:
    """Return the progress of every section of a scope, in reading order.

    Raises:
        QuestionError: no document of the library is inside.
    """
    passages: dict[tuple[str, str], int] = {}
    for record in notes.records(scope):
        for chunk in notes.chunks(record.path):
            key = (record.path, _section((chunk.title, *chunk.headings)))
            passages[key] = passages.get(key, 0) + 1
    kept = {one.item.id: one.item for one in store.kept() if one.reported is None}
    items = Counter(_key(item) for item in kept.values())
    asked: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    last: dict[str, bool] = {}
    for answer in store.answers():
        if answer.item_id in kept:
            last[answer.item_id] = answer.right
            asked[_key(kept[answer.item_id])] += 1
            right[_key(kept[answer.item_id])] += answer.right
    cards: dict[tuple[str, str], list[CardRow]] = defaultdict(list)
    memory = {identity: float(right) for identity, right in last.items()}
    for card in store.cards():
        cards[_key(card.item)].append(card)
        if last.get(card.item.id):
            memory[card.item.id] = retrievability(card.state, now)
    known: dict[tuple[str, str], list[float]] = defaultdict(list)
    for identity, value in memory.items():
        known[_key(kept[identity])].append(value)
    paths = {path for path, _ in passages}
    keys = [*passages, *(key for key in items if key not in passages and key[0] in paths)]
    return [
        SectionProgress(
            *key,
            passages=passages.get(key, 0),
            items=items[key],
            asked=asked[key],
            right=right[key],
            cards=len(cards[key]),
            due=sum(card.due <= now for card in cards[key]),
            mastery=fmean(known[key]) if known[key] else None,
        )
        for key in keys
    ]


def plan(cards: Sequence[CardRow], new: Sequence[Item], today: datetime, exam: date) -> list[Day]:
    """Return what to do on each day before an exam.

    New cards are spread evenly over the days but the last two; every review is taken as remembered, so the
    reviews are those that FSRS would ask for.
    """
    days = [today.date() + timedelta(number) for number in range((exam - today.date()).days)]
    learning = days[: max(1, len(days) - REVIEW_DAYS)] if days else []
    per_day = -(-len(new) // len(learning)) if learning else 0
    reviews: Counter[date] = Counter()
    for card in cards:
        _foresee(card.state, max(card.due, today), exam, reviews)
    found = []
    for place, day in enumerate(days):
        learned = new[place * per_day : (place + 1) * per_day] if day in learning else ()
        at = datetime.combine(day, time(12), today.tzinfo)
        for _ in learned:
            state, due = reviewed(new_card(at), Grade.GOOD, at)
            _foresee(state, due, exam, reviews, after=day)
        sections = tuple(dict.fromkeys(item.place for item in learned))
        found.append((day, len(learned), sections))
    return [Day(day, reviews[day], count, sections) for day, count, sections in found]


def _foresee(
    state: str, due: datetime, exam: date, reviews: Counter[date], after: date | None = None
) -> None:
    """Count the reviews of a card up to an exam, the steps of one day as one."""
    last = after
    while due.date() < exam:
        if due.date() != last:
            reviews[due.date()] += 1
            last = due.date()
        state, due = reviewed(state, Grade.GOOD, due)


def _key(item: Item) -> tuple[str, str]:
    return item.citation.document, _section(item.section)


def _section(names: Sequence[str]) -> str:
    """Return a section's name: its innermost heading, else the document's title."""
    return next((heading_shown(name) for name in reversed(names) if name), "")
