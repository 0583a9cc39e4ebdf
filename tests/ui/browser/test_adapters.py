"""The adapter is changed between two answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_the_adapter_is_switched_off_and_on_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    for name in ("none", "quotes"):
        page.wait_for_selector(".status.ready")
        page.locator(".adapters summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=re.compile(f"^{name}")).focus()
        page.keyboard.press("Enter")
        if name == "none":  # a model has to be loaded
            page.wait_for_selector(".status.loading:has-text('loading the model')")
        page.wait_for_selector(f".adapters:not([open]) summary:has-text('{name}')")
        page.wait_for_function("document.activeElement.matches('.adapters summary')")
        page.locator(".adapters summary").press("Enter")
        assert page.get_by_role("button", pressed=True).inner_text().startswith(name)
        page.keyboard.press("Escape")
        page.wait_for_selector(".adapters:not([open])")


def test_who_comes_back_to_a_tab_sees_the_adapter_that_another_one_chose(
    browser: Browser, server: Server
) -> None:
    here, there = Visit(browser, server.address), Visit(browser, server.address)
    for name in ("none", "quotes"):
        for tab in (here, there):
            tab.page.wait_for_selector(".status.ready")
        there.page.locator(".adapters summary").click()
        there.page.get_by_role("button", name=re.compile(f"^{name}")).click()
        there.page.wait_for_selector(f".adapters summary:has-text('{name}')")
        assert name not in here.page.locator(".adapters summary").inner_text()
        here.page.evaluate("dispatchEvent(new Event('focus'))")  # Playwright's pages never lose the real one
        here.page.wait_for_selector(f".adapters summary:has-text('{name}')")
    here.close()
    there.close()
