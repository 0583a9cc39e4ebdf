"""The list of conversations as HTML: buttons that open one, with the time it was last spoken in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from ui.web.conversation import ConversationSummary


def list_html(conversations: Sequence[ConversationSummary], current: str) -> str:
    """The conversations, newest first as given; the one that is open is marked as such."""
    if not conversations:
        return '<nav class="conversations" aria-label="Conversations"><p class="none">No conversations yet.</p></nav>'
    items = "".join(_item_html(summary, summary.id == current) for summary in conversations)
    return f'<nav class="conversations" aria-label="Conversations"><ul>{items}</ul></nav>'


def _item_html(summary: ConversationSummary, current: bool) -> str:
    title, identity = escape(summary.title), escape(summary.id)
    here = ' aria-current="true"' if current else ""
    count = "1 question" if summary.exchanges == 1 else f"{summary.exchanges} questions"
    return (
        f'<li><button type="button" class="open" data-action="open" data-conversation="{identity}"{here}>'
        f'<span class="title">{title}</span><span class="when">{escape(_when(summary.updated_at))} · {count}</span></button>'
        f'<button type="button" class="forget" data-action="forget" data-conversation="{identity}" '
        f'aria-label="Delete the conversation: {title}" title="Delete">×</button></li>'
    )


def _when(moment: str) -> str:
    """The minute of today, or the day, in this machine's time zone."""
    then = datetime.fromisoformat(moment).astimezone()
    today = datetime.now().astimezone().date()
    return f"{then:%H:%M}" if then.date() == today else f"{then.day} {then:%b}"
