"""The conversation that each browser tab shows, and the order of its views.

Views reach a browser on two ways, answers of requests and a stream of events, so that an older one can come last.
Each has a number, and the page's script (`static/lectern.js`) does not draw one that is older than what it shows.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import OrderedDict

from markupsafe import Markup

_MOST_TABS = 1000
"""Tabs whose conversation is remembered, the last used ones."""
_RUN = secrets.token_hex(4)
"""Name of this process: after a restart the numbers begin again."""
_NUMBERS = itertools.count(1)

NEWEST = "${{globalThis.lecternNewest ? lecternNewest('{part}', value) : value}}"
"""Gradio's template of a `part` of the page whose views have numbers."""


class Tabs:
    """The conversation of each tab of one person. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._waiting: set[str] = set()

    def show(self, session: str, conversation: str, waiting: bool = False) -> int:
        """Remember what a tab shows, and return the number of its view.

        `waiting` is True where the view has an answer under way.
        """
        with self._lock:
            self._shown[session] = conversation
            self._shown.move_to_end(session)
            (self._waiting.add if waiting else self._waiting.discard)(session)
            while len(self._shown) > _MOST_TABS:
                self._waiting.discard(self._shown.popitem(last=False)[0])
            return next_number()

    def shown(self, session: str) -> str:
        """Return the conversation of a tab, empty for an unknown tab."""
        return self._shown.get(session, "")

    def number(self, session: str, conversation: str) -> int:
        """Return the number of the next view of a conversation.

        It is 0 if the tab shows another one. A view of what the tab goes to later always has a larger one.
        """
        with self._lock:
            return next_number() if self._shown.get(session, conversation) == conversation else 0

    def was_waiting(self, session: str, conversation: str) -> bool:
        """Return True, once, if a tab still shows an answer as under way."""
        with self._lock:
            waiting = session in self._waiting and self._shown.get(session) == conversation
            self._waiting.discard(session)
            return waiting


def next_number() -> int:
    """Return a number that is larger than all before."""
    return next(_NUMBERS)


def numbered(html: Markup, number: int) -> Markup:
    """Return a part of the page with its number in front, as the script reads it."""
    return Markup(f"<!--view {_RUN} {number}-->") + html
