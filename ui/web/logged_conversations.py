"""A person's conversations, whose answers go to the log of questions too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.accounts.person import Person
from ui.question_logging import log_answer, log_verdict
from ui.web.conversation import Exchange
from ui.web.conversation_store import ConversationStore

if TYPE_CHECKING:
    from ui.web.desk import Desk


class LoggedConversations(ConversationStore):
    """The conversations of one person about the library of a desk."""

    def __init__(self, desk: Desk, person: Person) -> None:
        super().__init__(person.folder(desk.library.folder))
        self._desk = desk
        self._person = person.id

    def save(self, conversation: str, exchange: Exchange, instead_of: str = "") -> None:
        """Save an exchange, and log its answer or the verdict on it."""
        super().save(conversation, exchange, instead_of)
        folder, settings = self._desk.library.folder, self._desk.settings
        if exchange.answer is None:
            return
        if exchange.verdict is None:
            log_answer(folder, settings, exchange.answer, person=self._person, exchange=exchange.id)
        else:
            log_verdict(folder, settings, exchange.id, self._person, exchange.verdict.value)
