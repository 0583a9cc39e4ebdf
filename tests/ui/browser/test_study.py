"""The study page: a quiz made from the notes, answered, and taken along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_pages import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MOST_TRIED = 10


def skipped_to_choices(page: Page) -> int:
    """Remove items until one has choices, and return its number: other tests' notes come into the quiz too."""
    for number in range(1, MOST_TRIED + 1):
        page.wait_for_selector(f".study-place:has-text('{number} of')")
        if page.locator(".study-choices button").count():
            return number
        page.get_by_role("button", name="This item is wrong").click()
    pytest.fail("no item has choices")


ASKED = """() => [...document.querySelectorAll('.study-progress td')]
  .map((cell) => Number(/ of (\\d+)/.exec(cell.textContent)?.[1] ?? 0)).reduce((one, other) => one + other, 0)"""
"""The questions answered so far in all sections; other tests study too."""


def test_a_quiz_is_made_and_answered_and_its_source_shown(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Study").click()
    page.locator("#study-quiz").click()
    number = skipped_to_choices(page)
    before = page.evaluate(ASKED)
    page.locator(".study-choices button").first.click()
    page.wait_for_selector(".study-verdict .study-source")
    assert "›" in page.locator(".study-source").inner_text()
    assert page.locator(".study-choices .key").count() == 1
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector(f".study-place:has-text('{number + 1} of')")
    page.get_by_role("button", name="This item is wrong").click()
    page.wait_for_selector(".study-place:has-text('Removed.')")
    page.wait_for_function(f"({ASKED})() === {before + 1}")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Anki").click()
    assert coming.value.suggested_filename == "lectern.apkg"


def test_a_request_in_the_chat_leads_to_the_page(visit: Visit) -> None:
    visit.ask.answered("Quiz me on sampling")
    assert "lectern study quiz" in visit.ask.exchanges.last.inner_text()
