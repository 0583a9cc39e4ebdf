"""The parts of the chat's page that an event changes."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class View:
    """The parts of the page to change; None leaves a part as it is.

    `chosen` is the limit of the tab's next question, and `scope` shows it. `number` grows from view to view (`ui.web.tabs`); 0 is
    one that nothing overtakes.
    """

    transcript: Markup | None = None
    sources: Markup | None = None
    conversations: Markup | None = None
    conversation: str | None = None
    scope: Markup | None = None
    chosen: tuple[str, ...] | None = None
    number: int = 0
