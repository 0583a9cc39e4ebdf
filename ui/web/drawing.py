"""The parts of the chat's page, drawn from exchanges and the library of a desk."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ui.better_model import better_model_line
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.desk import Desk
from ui.web.example_course import example_course
from ui.web.follow_ups import FollowUps
from ui.web.scope_choice import choices
from ui.web.views.answer_view import exchange_html, transcript_html, waiting_words, welcome_html
from ui.web.views.scope_view import scope_html
from ui.web.views.sources_view import sources_html


class Drawing:
    """Draws conversations, sources and the scope as they are now."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._follow_ups = FollowUps(desk.document)

    def transcript(self, conversation: str, exchanges: Sequence[Exchange]) -> Markup:
        """Return a conversation, or the welcome while it is empty."""
        drawn = [self.drawn(exchange, last=exchange is exchanges[-1]) for exchange in exchanges]
        welcome = None if drawn else self._welcome()
        return transcript_html(conversation, drawn, welcome, running=under_way(exchanges))

    def drawn(self, exchange: Exchange, last: bool = True) -> Markup:
        """Return an exchange with its quotes in the layouts of their documents."""
        if exchange.outcome is ExchangeOutcome.PENDING:
            return exchange_html(exchange, waiting=waiting_words(0, self._desk.ready))
        layouts = self._desk.layouts(exchange.hits) if exchange.answer else {}
        headings = self._follow_ups.after(exchange) if last else ()
        wishes = self._desk.wishes() if last else ()
        return exchange_html(exchange, last, layouts=layouts, suggested=headings, wishes=wishes)

    def sources(self, exchange: Exchange | None) -> Markup:
        """Return the passages of an exchange."""
        return sources_html(exchange, self._desk.layouts(exchange.hits) if exchange else None)

    def scope(self, chosen: Sequence[str], opened: bool = False) -> Markup:
        """Return the choice of parts of the notes, with the chosen ones."""
        return scope_html(choices(self._desk.library.documents(), chosen), opened)

    def _welcome(self) -> Markup:
        documents = len(self._desk.library.documents())
        questions = self._desk.questions() if documents else ()
        offer = better_model_line(self._desk.settings.model, "chat")
        return welcome_html(questions, documents, offer, example_course() is not None)


def under_way(exchanges: Sequence[Exchange]) -> bool:
    """Return True if the last of the exchanges is being answered."""
    return bool(exchanges) and exchanges[-1].outcome is ExchangeOutcome.PENDING
