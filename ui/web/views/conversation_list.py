"""The list of conversations as HTML, by the day of their last question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from markupsafe import Markup

from ui.web.conversation import ConversationSummary
from ui.web.language import day_of_month, ngettext, noted
from ui.web.language import gettext as _
from ui.web.views.render import render

_DAYS = (
    (0, noted("Today")),
    (1, noted("Yesterday")),
    (7, noted("The last 7 days")),
    (31, noted("The last month")),
    (99_999, noted("Earlier")),
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A conversation that was deleted just now and can be brought back."""

    id: str
    title: str


def list_html(
    conversations: Sequence[ConversationSummary],
    current: str,
    words: str = "",
    deleted: Deleted | None = None,
) -> Markup:
    """Return the conversations, newest first as given, with the `current` one marked.

    `words` are those that were searched for.
    """
    groups = [
        (day, [_row(summary, current) for summary in group])
        for day, group in groupby(conversations, key=lambda summary: _day(summary.updated_at))
    ]
    return render("conversations", groups=groups, words=words, deleted=deleted)


def _row(summary: ConversationSummary, current: str) -> dict[str, object]:
    return {
        "id": summary.id,
        "title": summary.title,
        "current": summary.id == current,
        "when": _when(summary.updated_at),
        "count": ngettext("%(n)s question", "%(n)s questions", summary.exchanges),
    }


def _day(moment: str) -> str:
    """Return the name of the time that a moment was in, in this machine's time zone."""
    days = (_today() - datetime.fromisoformat(moment).astimezone().date()).days
    return _(next(name for most, name in _DAYS if days <= most))


def _when(moment: str) -> str:
    """Return the minute of a moment today, else its day, in this machine's time zone."""
    then = datetime.fromisoformat(moment).astimezone()
    return f"{then:%H:%M}" if then.date() == _today() else day_of_month(then)


def _today() -> date:
    return datetime.now().astimezone().date()
