"""The choice of an adapter as HTML: what is in use, and behind it a button for each that there is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ui.web.adapters import AdapterChoice


def adapters_html(choices: Sequence[AdapterChoice]) -> str:
    """The choice, closed; nothing where there is nothing to choose."""
    if len(choices) < 2:
        return ""
    used = next((choice.name for choice in choices if choice.used), "none")
    buttons = "".join(f"<li>{_button(choice)}</li>" for choice in choices)
    return (
        f'<details class="adapters"><summary>Adapter: <strong>{escape(used)}</strong></summary>'
        f'<ul aria-label="Adapter for the next answer">{buttons}</ul></details>'
    )


def _button(choice: AdapterChoice) -> str:
    return (
        f'<button type="button" data-action="adapt" data-adapter="{escape(choice.setting)}" '
        f'aria-pressed="{str(choice.used).lower()}">{escape(choice.name)}<small>{escape(choice.note)}</small></button>'
    )
