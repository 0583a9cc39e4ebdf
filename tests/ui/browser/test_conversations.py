"""Conversations: an address each, found by words, renamed, deleted and brought back, edited, exported."""

from __future__ import annotations

import json
import re

import pytest
from browser_pages import Visit

pytestmark = pytest.mark.browser


def test_every_conversation_has_an_address_and_back_works(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("What is aliasing?")
    page.wait_for_url(re.compile("#conversation=[0-9a-f]{32}$"))
    first = page.url
    visit.ask.new_conversation()
    visit.ask.answered("What is dither?")
    page.wait_for_function("(first) => location.href !== first && location.hash", arg=first)
    second = page.url
    page.goto(first)
    page.wait_for_selector(".question:has-text('What is aliasing?')")
    page.go_back()
    page.wait_for_selector(".question:has-text('What is dither?')")
    page.wait_for_url(second)
    other = page.context.new_page()
    other.goto(first)
    other.wait_for_selector(".question:has-text('What is aliasing?')")


_HOLD_STREAM = """{
  const fetched = window.fetch;
  window.held = '';
  window.hold = false;
  window.fetch = async (...given) => {
    const answer = await fetched(...given);
    if (!String(given[0]?.url ?? given[0]).includes('/queue/data')) return answer;
    const words = new TextDecoder();
    const kept = new TransformStream({
      async transform(chunk, stream) {
        if (window.hold) window.held += words.decode(chunk);
        while (window.hold) await new Promise((passed) => (window.pass = passed));
        stream.enqueue(chunk);
      },
    });
    return new Response(answer.body.pipeThrough(kept), answer);
  };
}"""
"""Script with a gate for what comes by the stream of events: `hold` closes it, `pass` opens it."""
_WATCH = """() => {
  window.overdrawn = false;
  new MutationObserver(() => {
    window.overdrawn ||= document.querySelector('.transcript').textContent.includes('jitter of the sampling clock');
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def test_the_last_view_of_an_answer_is_not_drawn_over_a_new_conversation(talk: Visit) -> None:
    page = talk.page
    page.add_init_script(_HOLD_STREAM)
    talk.reload()
    talk.ask.send("Explain in detail how jitter of the sampling clock limits the signal-to-noise ratio.")
    page.wait_for_selector(".answer .caret")
    page.evaluate("window.hold = true")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("window.held")
    talk.ask.new_conversation()
    page.evaluate(_WATCH)
    page.evaluate("() => { window.hold = false; window.pass(); }")
    talk.ask.answered("What is dither?")
    assert not page.evaluate("window.overdrawn")
    assert talk.ask.exchanges.count() == 1


def test_a_new_conversation_keeps_what_the_questions_are_about(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.limit("lesson-01-sampling.md")
    about = visit.ask.scope.inner_text()
    assert "lesson-01-sampling.md" in about
    visit.ask.new_conversation()
    assert visit.ask.scope.inner_text() == about
    visit.page.locator(".widen").click()
    visit.page.locator(".widen").wait_for(state="detached")


def test_a_conversation_is_renamed_found_deleted_and_brought_back(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("What is jitter?")
    page.get_by_label("Rename the conversation: What is jitter?").click()
    page.get_by_role("textbox", name="New name").fill("Wobbling clocks")
    page.keyboard.press("Enter")
    page.locator(".open .title:text-is('Wobbling clocks')").wait_for()
    search = page.get_by_role("searchbox", name="Search the conversations")
    search.fill("wobbling")
    page.wait_for_function("document.querySelectorAll('.conversations .open').length === 1")
    search.fill("words of no conversation")
    page.wait_for_function("document.querySelectorAll('.conversations .open').length === 0")
    search.fill("")
    page.wait_for_function("document.querySelectorAll('.conversations .open').length >= 1")
    page.get_by_role("button", name="Delete the conversation: Wobbling clocks").click()
    page.wait_for_selector(".deleted:has-text('Wobbling clocks')")
    page.wait_for_selector(".welcome")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".question:has-text('What is jitter?')")
    page.locator(".conversations [aria-current] .title:text-is('Wobbling clocks')").wait_for()


def test_an_edited_question_replaces_the_last_one(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("What is quantization?")
    page.get_by_text("Edit", exact=True).click()
    page.get_by_role("textbox", name="The question, edited").fill("What is aliasing?")
    page.get_by_role("button", name="Ask this instead").click()
    page.wait_for_selector(".exchange.answered .question:has-text('What is aliasing?')")
    assert visit.ask.exchanges.count() == 1


def test_a_conversation_is_saved_as_json_lines(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.answered("What is aliasing?")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="Save as JSON lines").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["What is aliasing?"]


def test_an_answer_is_asked_for_again_with_more_passages_and_gone_on_from(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.answered("What is the Nyquist rate?")
    page = visit.page
    before = int(page.locator(".facts li").first.inner_text().split()[2])
    page.get_by_text("Ask again, but…").click()
    page.get_by_role("button", name="With more passages").click()
    page.wait_for_function(
        "before => Number(document.querySelector('.exchange.answered .facts li')?.textContent.split(' ')[2]) > before",
        arg=before,
    )
    suggested = page.locator(".follow-ups button")
    assert 1 <= suggested.count() <= 3
    heading = suggested.first.inner_text()
    suggested.first.click()
    page.wait_for_selector(f".exchange.answered:nth-of-type(2) .question:has-text('{heading}')")
