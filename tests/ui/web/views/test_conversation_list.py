"""The list of conversations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ui.web.conversation import ConversationSummary
from ui.web.views.conversation_list import list_html


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


def test_conversations_are_grouped_by_day() -> None:
    now = datetime.now(UTC)
    ages = (0, 0, 1, 4, 20, 90)
    rows = [
        ConversationSummary(str(n), str(n), (now - timedelta(days=age)).isoformat(), 1)
        for n, age in enumerate(ages)
    ]
    days = re.findall(r'<h2 class="day">([^<]+)</h2>', list_html(rows, ""))
    assert days == ["Today", "Yesterday", "The last 7 days", "The last month", "Earlier"]
