"""The list of conversations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ui.web.conversation import ConversationSummary
from ui.web.conversation_list import list_html


def test_the_open_conversation_is_marked_and_poison_is_inert() -> None:
    now = datetime.now(UTC)
    old = (now - timedelta(days=40)).astimezone()
    html = list_html(
        [
            ConversationSummary("a", "<img src=x>", now.isoformat(), 1),
            ConversationSummary("b", "Owls", old.isoformat(), 2),
        ],
        "a",
    )
    assert "<img" not in html
    assert re.findall(r'data-conversation="(\w+)" aria-current="true"', html) == ["a"]
    assert f"{now.astimezone():%H:%M} · 1 question<" in html
    assert f"{old.day} {old:%b} · 2 questions<" in html
    assert "No conversations yet." in list_html([], "a")
