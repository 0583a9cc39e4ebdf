"""The events of the study page: items made, answered, reported.

A tab's state is a `Sitting`; everything that lasts is in the person's `StudyStore`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from rag.errors import LecternError
from rag.library.rows import DocumentRecord
from rag.study.deck import Answered, Deck
from rag.study.grading import lettered
from rag.study.items import Item, as_card, is_self_judged
from rag.study.progress import SectionProgress, coverage
from rag.study.scheduling import Grade
from ui.accounts.person import OWNER, Person
from ui.web.desk import Desk
from ui.web.language import gettext as _
from ui.web.scope_choice import scope_of
from ui.web.views.study_view import StudyCard, card_html, finished_html, message_html, progress_html

MOST_ITEMS = 30


@dataclass(frozen=True, slots=True)
class Sitting:
    """One quiz or review of a browser tab: its items, place and results.

    `answered` is the verdict on the item at `place`, None while it is open. `note` is a remark beside it.
    `shown` is true once the key is shown to a reader who judges without help.
    """

    items: tuple[Item, ...] = ()
    place: int = 0
    right: int = 0
    asked: int = 0
    answered: Answered | None = None
    given: str = ""
    note: str = ""
    shown: bool = False

    @property
    def item(self) -> Item | None:
        """The item that is open, None at the end."""
        return self.items[self.place] if self.place < len(self.items) else None


class StudyEvents:
    """The events of one person's study page, for every tab."""

    def __init__(self, desk: Desk, person: Person = OWNER) -> None:
        self._desk = desk
        self._person = person

    @cached_property
    def deck(self) -> Deck:
        """The person's deck of the library, opened when the models are loaded.

        Raises:
            LecternError: a model could not be loaded.
        """
        from ui.study.making import open_deck

        self._desk.embedder()
        return open_deck(self._desk.application, self._person.folder(self._desk.library.folder))

    def records(self) -> list[DocumentRecord]:
        """Return the documents of the library."""
        return self._desk.library.documents()

    def quiz(self, scope: Sequence[str], count: float) -> Sitting:
        """Return a sitting with new items about a part of the notes.

        Raises:
            LecternError: nothing has been ingested, or the part has no text.
        """
        now = datetime.now(UTC)
        wanted = max(1, min(MOST_ITEMS, int(count)))
        seed = len(self.deck.store.answers())  # another quiz after every answer, the same one until then
        found = self.deck.make(scope_of(scope) if scope else None, wanted, now, seed=seed)
        if not found.items:
            return Sitting(
                note=_(
                    "These notes have nothing to ask with a key that they prove (%(n)s tried).",
                    n=found.proposed,
                )
            )
        passed = _("%(n)s of %(total)s proposals passed the checks.", n=len(found.items), total=found.checked)
        note = passed if found.rejected else ""
        return Sitting(found.items, note=note)

    def review(self, scope: Sequence[str]) -> Sitting:
        """Return a sitting with the cards that are due.

        Raises:
            LecternError: nothing has been ingested, or the part has no document.
        """
        due = self.deck.due(datetime.now(UTC), scope_of(scope) if scope else None)
        items = tuple(as_card(card.item) for card in due[:MOST_ITEMS])
        waiting = len(self.deck.store.cards())
        return Sitting(
            items,
            note=""
            if items
            else _("No card is due; %(n)s wait. Wrong answers in a quiz become cards.", n=waiting),
        )

    def answer(self, sitting: Sitting, given: str) -> Sitting:
        """Return the sitting with a verdict on what was given for the open item."""
        if sitting.item is None or sitting.answered is not None or not given.strip():
            return sitting
        answered = self.deck.answer(sitting.item, given, datetime.now(UTC))
        right = sitting.right + answered.verdict.right
        return replace(sitting, answered=answered, given=given, right=right, asked=sitting.asked + 1)

    def unknown(self, sitting: Sitting) -> Sitting:
        """Return the sitting with the key of the open item shown, as not known."""
        if sitting.item is None or sitting.answered is not None:
            return sitting
        answered = self.deck.answer(sitting.item, "", datetime.now(UTC), Grade.AGAIN)
        return replace(sitting, answered=answered, given="", asked=sitting.asked + 1)

    def show(self, sitting: Sitting) -> Sitting:
        """Return the sitting with the key shown, for the reader to judge."""
        return replace(sitting, shown=True)

    def grade(self, sitting: Sitting, knew: bool) -> Sitting:
        """Return the sitting after the reader judged the open item."""
        if sitting.item is None or sitting.answered is not None:
            return sitting
        grade = Grade.GOOD if knew else Grade.AGAIN
        answered = self.deck.answer(sitting.item, "", datetime.now(UTC), grade)
        return replace(sitting, answered=answered, right=sitting.right + knew, asked=sitting.asked + 1)

    def following(self, sitting: Sitting) -> Sitting:
        """Return the sitting at its next item."""
        return replace(
            sitting,
            place=min(sitting.place + 1, len(sitting.items)),
            answered=None,
            given="",
            note="",
            shown=False,
        )

    def report(self, sitting: Sitting) -> Sitting:
        """Remove the open item for good, and return the sitting at the next one."""
        if sitting.item is None:
            return sitting
        self.deck.store.report(sitting.item.id, "reported in the app")
        return replace(self.following(sitting), note=_("Removed. It will not be asked again."))

    def view(self, sitting: Sitting) -> str:
        """Return the open item, or the result of the sitting, as HTML."""
        if sitting.item is None:
            return (
                message_html(sitting.note)
                if not sitting.items
                else finished_html(sitting.right, sitting.asked)
            )
        answered = sitting.answered
        card = StudyCard(
            item=sitting.item,
            number=sitting.place + 1,
            total=len(sitting.items),
            choices=lettered(sitting.item.choices),
            given=sitting.given,
            right=answered.verdict.right if answered else None,
            due=answered.due if answered else None,
            note=sitting.note,
            judged=is_self_judged(sitting.item),
            shown=sitting.shown,
        )
        return card_html(card, datetime.now(UTC))

    def progress(self) -> str:
        """Return what is known of each section as HTML; empty while the models load."""
        if not self._desk.ready:
            return ""
        try:
            found: list[SectionProgress] = coverage(self.deck.notes, self.deck.store, None, datetime.now(UTC))
        except LecternError as exc:
            return message_html(str(exc))
        return progress_html(found)
