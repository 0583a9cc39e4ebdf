"""The part of the notes that the next question is about, as HTML: named at all times, and behind the name a button for each part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from ui.web.scope_choice import ScopeChoice

_FIND_FROM = 10
"""So many choices are read at a glance; where there are more, a field finds them by their letters."""


def scope_html(choices: Sequence[ScopeChoice], opened: bool = False) -> str:
    """The choice, closed unless it is `opened`; nothing where there is nothing to choose.

    `data-scope` is what the page's script keeps over a reload.
    """
    if not choices:
        return ""
    chosen = [choice for choice in choices if choice.chosen]
    kept = escape(json.dumps([choice.text for choice in chosen], ensure_ascii=False))
    return (
        f'<div class="scope{" limited" if chosen else ""}" data-scope="{kept}">'
        f"<details{' open' if opened else ''}>{_summary(chosen)}<div>{_find(choices)}"
        f'<ul aria-label="What the next question is about">{_all_notes(not chosen)}{"".join(map(_item, choices))}</ul>'
        f"</div></details>{_widen() if chosen else ''}</div>"
    )


def scope_line_html(names: Sequence[str]) -> str:
    """What a question was limited to, beside the question; nothing where it was not."""
    return f'<p class="asked-of">Asked about: {escape(", ".join(names))}</p>' if names else ""


def _summary(chosen: Sequence[ScopeChoice]) -> str:
    names = [choice.name for choice in chosen]
    said = names[0] if names else "all notes"
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (
        f'<summary title="{escape(", ".join(names))}">{"Only about" if names else "About"}: '
        f"<strong>{escape(said)}</strong>{more}</summary>"
    )


def _find(choices: Sequence[ScopeChoice]) -> str:
    if len(choices) < _FIND_FROM:
        return ""
    return '<input type="search" placeholder="Find…" aria-label="Find a folder or document">'


def _all_notes(chosen: bool) -> str:
    return f"<li>{_button('', 'All notes', '', chosen)}</li>"


def _item(choice: ScopeChoice) -> str:
    return f"<li>{_button(choice.text, choice.name, choice.note, choice.chosen)}</li>"


def _button(text: str, name: str, note: str, chosen: bool) -> str:
    small = f"<small>{escape(note)}</small>" if note else ""
    return (
        f'<button type="button" data-action="limit" data-part="{escape(text)}" aria-pressed="{str(chosen).lower()}">'
        f"{escape(name)}{small}</button>"
    )


def _widen() -> str:
    return '<button type="button" class="widen" data-action="widen">Ask all notes</button>'
