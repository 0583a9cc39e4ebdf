"""The browser tabs of one person: which conversation each shows."""

from __future__ import annotations

from collections import OrderedDict

_MOST_TABS = 1000
"""Tabs whose conversation is remembered, the last used ones."""


class Tabs:
    """The conversation that each tab shows, and whose answer it drew last."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._drawn: dict[str, str] = {}

    def show(self, tab: str, conversation: str) -> None:
        """Remember that a tab shows a conversation."""
        self._shown[tab] = conversation
        self._shown.move_to_end(tab)
        while len(self._shown) > _MOST_TABS:
            self._drawn.pop(self._shown.popitem(last=False)[0], None)

    def shown(self, tab: str) -> str:
        """Return the conversation that a tab shows, empty for an unknown tab."""
        return self._shown.get(tab, "")

    def draws(self, tab: str, conversation: str) -> None:
        """Remember that the views of a conversation's answer go to a tab."""
        self._drawn[tab] = conversation

    def overdrawn(self, tab: str, conversation: str) -> bool:
        """Return whether a tab drew another conversation's answer last; True once.

        A view of that answer may come to the browser after the view of this conversation.
        """
        return self._drawn.pop(tab, conversation) != conversation
