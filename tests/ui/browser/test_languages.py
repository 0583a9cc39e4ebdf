"""The page in the browser's language, and in the one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_the_page_speaks_the_browsers_language_until_another_is_chosen(
    browser: Browser, server: Server
) -> None:
    visit = Visit(browser, server.address, locale="de-AT")
    page = visit.page
    page.get_by_role("tab", name="Unterlagen").wait_for()
    page.get_by_role("button", name="Neue Unterhaltung").wait_for()
    page.locator("#question textarea").fill("Why would anybody oversample?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".exchange.answered button:has-text('Mit Quellen kopieren')")
    page.wait_for_selector(".sources h2:has-text('Quellen')")
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_role("combobox", name="Sprache").select_option("es")
    page.get_by_role("button", name="Nueva conversación").wait_for()
    page.wait_for_selector(".exchange.answered button:has-text('Copiar con fuentes')")
    visit.complaints.clear()  # Gradio reports that its open request was cut off by the reload
    visit.close()


def test_arabic_is_written_from_right_to_left(browser: Browser, server: Server) -> None:
    visit = Visit(browser, server.address, locale="ar")
    page = visit.page
    page.get_by_role("tab", name="الملاحظات").wait_for()
    assert page.evaluate("document.documentElement.dir") == "rtl"
    title, send = page.locator(".masthead h1"), page.locator("#send")
    middle = page.viewport_size["width"] / 2
    assert title.bounding_box()["x"] > middle
    assert send.bounding_box()["x"] < page.locator("#question").bounding_box()["x"]
    visit.close()
