"""The page of one's own account in another course than the first."""

from __future__ import annotations

import re

from ui.accounts.person import Person, Role
from ui.web.views.render import render


def test_every_form_goes_to_the_course_of_the_page() -> None:
    html = render(
        "account", token="t", person=Person("7", "Ann", Role.STUDENT), language="en", direction="ltr", here="/account",
        root="/course/birds", problem="", done="", logged=2, named=False,
    )  # fmt: skip
    assert re.findall(r'action="([^"]*)"', html) == [
        "/course/birds/logout",
        "/course/birds/account/questions",
        "/course/birds/account",
    ]
    assert "2 questions of yours are in the log." in html
