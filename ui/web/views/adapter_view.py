"""The choice of an adapter as HTML, with a button for each."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ui.web.adapters import AdapterChoice
from ui.web.language import gettext as _
from ui.web.views.render import render


def adapters_html(choices: Sequence[AdapterChoice]) -> Markup:
    """Return the choice, closed; empty where there are fewer than two adapters."""
    if len(choices) < 2:
        return Markup()
    used = next((choice.name for choice in choices if choice.used), "none")
    return render("adapters", used=_(used), choices=[(each, _(each.name), _(each.note)) for each in choices])
