"""The choice of the part of the notes that the next question is about, as HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ui.web.scope_choice import ScopeChoice
from ui.web.views.render import render

_MOST_DEPTH = 4
"""Levels that are indented; deeper ones stay at the last."""
_SEARCHABLE_FROM = 10
"""Choices from which a search field is shown; fewer are read at a glance."""


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """A choice in the tree.

    `label` is its name below its `parent`, `depth` the number of folders above it, and `within` a folder above that is
    chosen, with which it is included; empty for none.
    """

    choice: ScopeChoice
    parent: str
    label: str
    depth: int
    within: str


def scope_html(choices: Sequence[ScopeChoice], opened: bool = False) -> Markup:
    """Return the choice, closed unless it is `opened`; empty without choices.

    The page's script keeps `data-scope` over a reload.
    """
    if not choices:
        return Markup()
    chosen = [choice for choice in choices if choice.chosen]
    return render(
        "scope",
        rows=scope_rows(choices),
        names=[choice.name for choice in chosen],
        kept=json.dumps([choice.text for choice in chosen], ensure_ascii=False),
        opened=opened,
        searchable=len(choices) >= _SEARCHABLE_FROM,
    )


def scope_rows(choices: Sequence[ScopeChoice]) -> list[ScopeRow]:
    """Return the choices as a tree, folders before the documents beside them."""
    folders = {choice.name: choice for choice in choices if choice.name.endswith("/")}
    rows = []
    for choice in sorted(choices, key=lambda choice: _place(choice.name)):
        above = [folder for name, folder in folders.items() if _is_inside(choice.name, name)]
        parent = max((folder.name for folder in above), key=len, default="")
        chosen = next((folder.name for folder in above if folder.chosen), "")
        rows.append(
            ScopeRow(choice, parent, choice.name.removeprefix(parent), min(len(above), _MOST_DEPTH), chosen)
        )
    return rows


def _place(name: str) -> tuple[tuple[int, str], ...]:
    *folders, last = name.removesuffix("/").split("/")
    return (*((0, folder) for folder in folders), (0 if name.endswith("/") else 1, last))


def _is_inside(name: str, folder: str) -> bool:
    return name != folder and name.startswith(folder)


def scope_line_html(names: Sequence[str]) -> Markup:
    """Return the line about the scope of a question; empty without a limit."""
    return render("scope_line", names=names) if names else Markup()
