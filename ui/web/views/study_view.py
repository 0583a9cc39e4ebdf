"""The study page as HTML: an item, a result, the progress by section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from rag.study.export.markup import html_for_print
from rag.study.items import Item, ItemKind
from rag.study.progress import SectionProgress
from ui.web.language import gettext as _
from ui.web.views.render import render


@dataclass(frozen=True, slots=True)
class StudyCard:
    """An item as it is shown: its place, its choices, and its verdict.

    `right` is None while the item is open. A reader judges a `judged` item, whose key is `shown` on request.
    """

    item: Item
    number: int
    total: int
    choices: Sequence[tuple[str, str]]
    given: str
    right: bool | None
    due: datetime | None
    note: str
    judged: bool = False
    shown: bool = False


def card_html(card: StudyCard, now: datetime) -> Markup:
    """Return an item with its choices, or with the verdict, the key and the source."""
    item = card.item
    choices = [
        (letter, choice, _shown(choice), choice == item.answer, choice == card.given)
        for letter, choice in card.choices
    ]
    return render(
        "study_card",
        card=card,
        item=item,
        question=_shown(item.question),
        choices=choices,
        answer=_shown(f"{item.answer} {item.unit}".strip()),
        explanation=_shown(item.explanation),
        many_lines=item.kind is ItemKind.CODE,
        due=when(card.due, now) if card.due else "",
    )


def making_html() -> Markup:
    """Return the words shown while items are made."""
    return render("study_waiting", message=_("Making and checking questions…"))


def finished_html(right: int, asked: int) -> Markup:
    """Return the result of a sitting."""
    return render(
        "study_message",
        message=_("%(n)s of %(total)s right.", n=right, total=asked) if asked else _("Nothing was answered."),
        done=True,
    )


def message_html(message: str) -> Markup:
    """Return one sentence in place of an item."""
    return render("study_message", message=message, done=False)


def progress_html(sections: Sequence[SectionProgress]) -> Markup:
    """Return a table of the sections with items, and the number of those without."""
    touched = [one for one in sections if one.items or one.cards]
    return render("study_progress", sections=touched, untouched=len(sections) - len(touched))


def when(due: datetime, now: datetime) -> str:
    """Return when a card comes back in words: in minutes, hours or days."""
    seconds = (due - now).total_seconds()
    if seconds < 5400:
        return _("in %(n)s min", n=max(1, round(seconds / 60)))
    if seconds < 129_600:
        return _("in %(n)s h", n=round(seconds / 3600))
    return _("in %(n)s days", n=round(seconds / 86_400))


def _shown(text: str) -> Markup:
    return Markup(html_for_print(text))
