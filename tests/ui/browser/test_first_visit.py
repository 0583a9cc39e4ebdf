"""A first visit: an empty library, and two ways to begin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_the_example_course_is_a_button_away(
    browser: Browser, serve: Callable[..., Server], tmp_path: Path
) -> None:
    visit = Visit(browser, serve(tmp_path / "library").address)
    visit.page.get_by_role("button", name="Add your notes").click()
    visit.page.wait_for_selector("#upload")
    visit.ask.open()
    visit.page.get_by_role("button", name="Try the example course").click()
    visit.page.wait_for_selector(".examples .example")
    visit.ask.answered("What is the Nyquist rate?")
    visit.notes.open()
    visit.notes.row("lesson-01-sampling.md").wait_for()
    visit.close()


def test_a_refusal_about_a_part_leads_to_all_notes(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.scope.click()
    page.get_by_role("button", name=re.compile("^lesson-04")).click()
    page.wait_for_selector(".scope.limited")
    visit.ask.send("Who won the football world cup in 1954?")
    page.wait_for_selector(".answer.abstained")
    page.get_by_role("button", name="Search all notes instead").click()
    page.wait_for_selector(".scope:not(.limited)")
    page.wait_for_selector(".exchange.answered:not(:has(.asked-of))")
