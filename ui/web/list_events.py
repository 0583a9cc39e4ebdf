"""The events of the list of conversations: names, search, deletion."""

from __future__ import annotations

from markupsafe import Markup

from ui.web.conversation_store import ConversationStore
from ui.web.views.conversation_list import Deleted, list_html


class ListEvents:
    """The list of one person's conversations, for every tab.

    Each method returns it as it is then.
    """

    def __init__(self, conversations: ConversationStore) -> None:
        self._conversations = conversations

    def listed(self, current: str) -> Markup:
        """Return the conversations with the current one marked."""
        return list_html(self._conversations.conversations(), current)

    def rename(self, renamed: str, title: str, current: str) -> Markup:
        """Give a conversation another title."""
        self._conversations.rename(renamed, title)
        return self.listed(current)

    def search(self, words: str, current: str) -> Markup:
        """Return the conversations with all of these words."""
        words = " ".join(words.split())
        return list_html(self._conversations.conversations(words), current, words)

    def forget(self, doomed: str, current: str) -> Markup:
        """Delete a conversation and offer to undo it."""
        title = self._conversations.forget(doomed)
        deleted = Deleted(doomed, title) if title else None
        return list_html(self._conversations.conversations(), current, deleted=deleted)
