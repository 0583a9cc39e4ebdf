"""From a wrong answer to a golden question in four clicks, and the run that counts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser_pages import Server, Visit

pytestmark = pytest.mark.browser


def test_four_clicks_from_a_wrong_answer_to_a_golden_question(
    visit: Visit, server: Server, library: Path
) -> None:
    page, clicks = visit.page, 0
    visit.ask.new_conversation()
    visit.ask.answered("How heavy is a Pt100?")
    for click in (
        page.get_by_text("Was this right?").last.click,
        page.get_by_text("Correct it as a golden question").last.click,
        page.locator("#golden input[name=passage]").first.check,
        page.get_by_role("button", name="Save the golden question").click,
    ):
        if clicks == 2:
            page.locator("#golden textarea").fill("about two grams")
        click()
        clicks += 1
    said = page.wait_for_selector(".done, .problem")
    assert said is not None
    assert "is a golden question now" in said.inner_text()
    assert clicks <= 4
    page.get_by_role("link", name="Back to the conversation").click()
    page.wait_for_selector(".exchange.answered:has-text('How heavy is a Pt100?')")
    page.goto(f"{server.address}/lectern/evaluate")
    page.get_by_role("button", name="Measure retrieval").click()
    page.wait_for_selector("table a")
    page.wait_for_function("!document.querySelector('.job')")
    page.locator("table a").first.click()
    saved = [json.loads(line) for line in (library / "golden.jsonl").read_text("utf-8").splitlines()]
    assert saved[-1]["question"] == "How heavy is a Pt100?"
    page.wait_for_selector(f"text={len(saved)} question{'s' * (len(saved) > 1)} · golden.jsonl")
