"""The name of the course and the choice of another as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ui.web.courses.path import address_of
from ui.web.courses.registry import MOST_NAME_CHARS, CourseEntry
from ui.web.language import gettext as _
from ui.web.views.render import render


def courses_html(
    courses: Sequence[CourseEntry],
    removed: Sequence[CourseEntry],
    current: str,
    changeable: bool,
    just_removed: str = "",
    leads_to: str = "",
) -> Markup:
    """Return the choice, closed, with the name of the `current` course.

    `removed` ones can be brought back, `just_removed` is the id of the one that the page offers that for at once.
    The page's script goes to the address `leads_to`.
    """
    here = next((entry for entry in courses if entry.id == current), None)
    return render(
        "courses",
        here=here or CourseEntry(current, _("(removed)")),
        courses=[(entry, address_of(entry.id)) for entry in courses],
        removed=removed,
        just_removed=next((entry for entry in removed if entry.id == just_removed), None),
        changeable=changeable,
        leads_to=leads_to,
        most=MOST_NAME_CHARS,
    )
