"""A teacher's page Model in a real browser: pull with progress, cancel, switch and back, base beside adapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit
from model_hub import QUICK, SLOW

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Visit, server: Server) -> Iterator[Page]:
    """The page Model, without complaints of the browser."""
    visit.page.wait_for_selector(".status.ready")
    visit.page.goto(f"{server.address}/lectern/model")
    yield visit.page
    assert visit.complaints == []
    assert visit.foreign == []


def press(page: Page, action: str, model: str) -> None:
    page.locator(f'button[name={action}][value="{model}"]').click()


def test_a_pull_shows_its_progress_and_is_cancelled(page: Page) -> None:
    press(page, "pull", SLOW)
    page.wait_for_selector(".job p:has-text('of 491 MB')")
    assert page.locator(".job h3").inner_text() == f"Pulling {SLOW}"
    assert page.locator("button[name=pull]:not([disabled])").count() == 0
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector(".done[role=alert]:has-text('what is done is kept')")
    assert page.locator(f'button[name=pull][value="{SLOW}"]').is_enabled()


def test_a_model_is_pulled_and_answers_and_the_one_before_comes_back(page: Page) -> None:
    press(page, "pull", QUICK)
    page.wait_for_selector(f".done[role=status]:has-text('{QUICK} is on this machine now')")
    press(page, "use", QUICK)
    page.wait_for_selector(f".done:has-text('{QUICK} answers from now on')")
    assert page.locator("tr.chosen th").inner_text() == QUICK
    page.get_by_role("button", name="Back to embedded").click()
    page.wait_for_selector(".done:has-text('embedded answers from now on')")
    assert page.locator("tr.chosen th").inner_text() == "embedded"


def test_the_base_is_beside_the_adapter_which_stays_in_use(page: Page) -> None:
    page.locator("input[name=question]").fill("Who won the tennis final?")  # refused, so that no model writes
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector(".compared")
    shown = page.locator(".two h3").all_inner_texts()
    assert (len(shown), shown[0]) == (2, "base model")
    assert all(text.strip() for text in page.locator(".compared").all_inner_texts())
    assert "adapter quotes" in page.locator("p:has(strong)").first.inner_text()
