"""The source viewer: from a passage into its document, on and back, with the keyboard too."""

from __future__ import annotations

import pytest
from browser_pages import Visit

pytestmark = pytest.mark.browser


def test_a_passage_is_read_in_its_document_and_one_comes_back(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("What is the Nyquist rate?")
    opened = page.locator(".source[open]").first
    number = opened.locator(".number").inner_text()
    document = opened.locator(".document").inner_text()
    opened.get_by_role("button", name="Open in the document").press("Enter")
    page.get_by_role("heading", name=document).wait_for()
    page.wait_for_function("document.activeElement.className === 'here'")
    mark = page.locator(".here mark").first.bounding_box()
    assert mark is not None
    assert 0 < mark["y"] < 800
    shown = page.locator(".part").count()
    page.get_by_role("button", name="Show what comes after").press("Enter")
    page.wait_for_function(f"document.querySelectorAll('.part').length === {shown + 1}")
    page.get_by_role("button", name="All sources").press("Enter")
    page.wait_for_selector(f".source.current[open]:has(.number:text-is('{number}'))")
    page.get_by_role("button", name="Back to the answer").first.click()
    assert visit.ask.answer.is_visible()
