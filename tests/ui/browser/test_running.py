"""An answer under way belongs to its conversation: a reload, an ingest, another tab and a long prompt leave it alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import Visit

pytestmark = pytest.mark.browser

LONG = "Explain in detail how jitter of the sampling clock limits the signal-to-noise ratio."


def test_an_answer_goes_on_over_a_reload(talk: Visit) -> None:
    talk.ask.send(LONG)
    talk.page.wait_for_selector(".answer .caret")
    talk.reload()
    talk.page.wait_for_selector(".exchange.pending .answer")
    talk.page.get_by_role("button", name="Stop").wait_for()
    talk.page.wait_for_selector(".exchange.answered")
    assert talk.ask.exchanges.count() == 1
    talk.page.get_by_role("button", name="Ask", exact=True).wait_for()


def test_an_answer_goes_on_while_another_conversation_is_shown(talk: Visit) -> None:
    talk.ask.send(LONG)
    talk.page.wait_for_selector(".answer .caret")
    talk.ask.new_conversation()
    talk.page.get_by_role("button", name="Ask", exact=True).wait_for()
    talk.page.locator(".conversations .open").first.click()
    talk.page.wait_for_selector(".exchange.answered")


def test_an_ingest_that_ends_leaves_an_answer_under_way(talk: Visit, tmp_path: Path) -> None:
    note = tmp_path / "wren.md"
    note.write_text("# The wren\n\nThe wren of the observatory is called Orion.\n", encoding="utf-8")
    talk.page.evaluate(
        """() => { window.stopped = false; new MutationObserver(() => {
             window.stopped ||= Boolean(document.querySelector('.exchange.stopped'));
           }).observe(document.body, { childList: true, subtree: true }); }"""
    )
    talk.ask.send(LONG)
    talk.page.wait_for_selector(".answer .caret")
    talk.notes.open()
    talk.page.locator("#upload input[type=file]").set_input_files([note])
    talk.notes.row("wren.md").wait_for()
    talk.ask.open()
    talk.page.wait_for_selector(".exchange.answered")
    assert not talk.page.evaluate("window.stopped")


def test_what_is_typed_during_an_answer_stays_in_the_box(talk: Visit) -> None:
    talk.ask.send(LONG)
    talk.page.wait_for_selector(".answer .caret")
    talk.ask.question.fill("And how is it measured?")
    talk.page.keyboard.press("Enter")
    talk.page.wait_for_selector(".exchange.answered")
    assert talk.ask.question.input_value() == "And how is it measured?"
    assert talk.ask.exchanges.count() == 1


def test_stop_ends_a_prompt_that_is_being_read(talk: Visit) -> None:
    talk.ask.send(LONG)
    talk.page.wait_for_selector(".exchange.pending .answer:has-text('the model is reading them')")
    talk.page.keyboard.press("Escape")
    talk.page.wait_for_selector(".exchange.stopped .answer:has-text('Stopped.')")
    talk.page.get_by_role("button", name="Ask", exact=True).wait_for()
