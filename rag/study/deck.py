"""A library's deck: items made and kept, answers recorded, cards that come back.

The command line and the web app share it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rag.answer.notes import Notes
from rag.search.scope import Scope, records_inside
from rag.study.grading import Judge, Verdict, judged
from rag.study.items import Item, Topic
from rag.study.quiz import StudySet, make_items
from rag.study.scheduling import Grade, new_card, reviewed
from rag.study.store import AnswerRow, CardRow, StudyStore
from rag.study.written import Write


class Freshness(StrEnum):
    """The state of an item's source."""

    SAME = "same"
    MOVED = "moved"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Answered:
    """A recorded answer: the item, the verdict, and the time its card is due."""

    item: Item
    verdict: Verdict
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Deck:
    """The study items of one library."""

    notes: Notes
    store: StudyStore

    def make(
        self,
        scope: Scope | None,
        count: int,
        now: datetime,
        *,
        choice: bool = True,
        topics: Collection[Topic] = (),
        seed: int = 0,
        ticked: Callable[[], None] | None = None,
        write: Write | None = None,
    ) -> StudySet:
        """Return items about a scope as they are kept: what a person edited stays.

        With `choice` they are quiz questions; without it every item gets a card that is due at once.

        Raises:
            QuestionError: the scope has no document with text.
        """
        found = make_items(
            self.notes,
            scope,
            count,
            choice=choice,
            topics=topics,
            seed=seed,
            reported=self.store.reported(),
            ticked=ticked,
            write=write,
        )
        kept = tuple(self.store.keep(found.items, now))
        if not choice:
            self.store.add_cards(kept, new_card(now), now)
        return StudySet(kept, found.proposed, found.rejected, found.words, found.stopped)

    def answer(self, item: Item, given: str, now: datetime, grade: Grade | None = None) -> Answered:
        """Judge and record an answer, and give its card the next date.

        An item that was answered wrongly gets a card.

        With a `grade` the reader judges: anything but `AGAIN` is right.
        """
        if grade is None:
            verdict = judged(item, given, self.notes.scorer)
        else:
            verdict = Verdict(grade is not Grade.AGAIN, Judge.SPELLING)
        state = next((card.state for card in self.store.cards() if card.item.id == item.id), None)
        card = None
        if state is not None or not verdict.right:
            chosen = grade or (Grade.GOOD if verdict.right else Grade.AGAIN)
            card = reviewed(state or new_card(now), chosen, now)
        self.store.record(item.id, given, verdict.right, now, card)
        return Answered(item, verdict, card[1] if card else None)

    def due(self, now: datetime, scope: Scope | None = None) -> list[CardRow]:
        """Return the cards of a scope that are due, the longest due first.

        Raises:
            QuestionError: no document of the library is inside the scope.
        """
        cards = self.store.cards(now)
        if not scope:
            return cards
        inside = {record.path for record in records_inside(self.notes.library, scope)}
        return [card for card in cards if card.item.citation.document in inside]

    def freshness(self, item: Item) -> Freshness:
        """Return whether the notes still have an item's sentence."""
        source = item.citation
        if not self.notes.library.has(source.document):
            return Freshness.CHANGED
        text = self.notes.document(source.document).text
        if text[source.start : source.end] == source.quote:
            return Freshness.SAME
        return Freshness.MOVED if source.quote in text else Freshness.CHANGED

    def last_answers(self) -> dict[str, AnswerRow]:
        """Return the newest answer to each item."""
        return {answer.item_id: answer for answer in self.store.answers()}
