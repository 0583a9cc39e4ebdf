"""From a question to its answer: streaming, stopping, citations, refusals, several people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_pages import OWLS, Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


_CLICK_AT_THE_END = """(text) => {
    const last = () => document.querySelector('.exchange:last-of-type');
    const before = last().id;
    new MutationObserver((_, observer) => {
        if (last()?.id === before || !last()?.classList.contains('answered')) return;
        observer.disconnect();
        [...last().querySelectorAll('[data-action=retry]')].find((button) => button.textContent.includes(text)).click();
    }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""
"""Script that presses a button in the moment in which the next answer ends."""


def test_another_way_of_asking_is_taken_in_the_moment_the_answer_ends(visit: Visit) -> None:
    page = visit.page
    visit.ask.answered("What does lesson 2 say about quantisation?")
    asked = page.locator(".exchange").last.get_attribute("id")
    page.evaluate(_CLICK_AT_THE_END, "Undo")
    page.locator(".named .again").click()
    page.wait_for_function(  # the first answer has such a button too, until it is replaced
        "(asked) => { const last = document.querySelector('.exchange.answered:last-of-type');"
        " return last && last.id !== asked && last.querySelector('.named .again'); }",
        arg=asked,
    )
    first = page.locator(".exchange").last.get_attribute("id")
    page.evaluate(_CLICK_AT_THE_END, "Ask again")
    page.get_by_role("button", name="Ask again", exact=True).click()
    page.wait_for_function(
        "(first) => { const now = document.querySelector('.exchange.answered:last-of-type')?.id;"
        " if (now && now !== first) (window.seen ??= new Set()).add(now); return window.seen?.size === 2; }",
        arg=first,
    )


def test_from_a_note_to_a_cited_answer_and_back_after_a_reload(owls: Visit, library: Path) -> None:
    page = owls.page
    assert (library / "uploads" / "owls.md").read_text(encoding="utf-8") == OWLS
    owls.ask.answered("What is the snowy owl of the observatory called?")
    assert "Cassiopeia" in page.locator(".answer").inner_text()
    assert page.locator(".verdict").first.inner_text().strip(" ✓!")
    announced = page.get_by_role("status").filter(has_text="Cassiopeia")
    assert announced.get_attribute("aria-live") == "polite"

    cite = page.locator(".answer .cite").first
    number = cite.get_attribute("data-n")
    cite.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f".source.current[open]:has(.number:text-is('{number}'))")
    owls.focused("element.className === 'passage'")
    mark = page.locator(".source.current mark").first
    assert "Cassiopeia" in mark.inner_text()
    page.wait_for_function(
        "(mark) => 0 < mark.getBoundingClientRect().y && mark.getBoundingClientRect().y < 800",
        arg=mark.element_handle(),
    )
    page.get_by_role("button", name="Back to the answer").first.click()
    owls.focused("element.className === 'cite'")

    assert "<script>document.title" in page.locator(".sources").inner_text()
    assert page.title().endswith("Lectern")
    assert page.locator(".sources :is(script, img)").count() == 0

    page.reload()
    page.wait_for_selector(".exchange.answered")
    assert "Cassiopeia" in page.locator(".answer").inner_text()
    assert page.locator(".conversations [aria-current]").inner_text().startswith("What is the snowy owl")
    page.locator(".source mark").first.wait_for(state="attached")

    with page.expect_download() as download:
        page.get_by_role("link", name="Save as Markdown").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith("# What is the snowy owl of the observatory called?")
    assert "owls.md ›" in text

    page.get_by_text("Was this right?").click()
    page.get_by_role("button", name="Wrong source").click()
    page.wait_for_selector("[data-verdict='wrong source'][aria-pressed=true]", state="attached")


def test_passages_come_before_words_words_stream_and_escape_stops_them(talk: Visit) -> None:
    page = talk.page
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const words = document.querySelector('.answer[aria-busy]:has(.caret)')?.textContent.length ?? 0;
             if (words !== seen.at(-1)?.words) seen.push({ words, sources: document.querySelectorAll('.source').length });
           }).observe(document.body, { childList: true, subtree: true, characterData: true }); }"""
    )
    talk.ask.send("Explain in detail how jitter of the sampling clock limits the signal-to-noise ratio.")
    page.wait_for_function("window.seen.length >= 4")
    page.keyboard.press("Escape")
    page.wait_for_selector(".exchange.stopped")
    seen = page.evaluate("window.seen")
    lengths = [state["words"] for state in seen if state["words"]]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 3
    assert all(state["sources"] for state in seen if state["words"])
    assert "Stopped." in page.locator(".answer").inner_text()
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    stopped = page.locator(".answer").inner_text()
    talk.reload()
    assert page.locator(".answer").inner_text() == stopped
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".exchange.answered")
    assert page.locator(".exchange").count() == 1


def test_a_question_the_course_cannot_answer_is_refused_with_the_nearest_passages(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.answered("Who won the football world cup in 1954?")
    assert "The notes do not say." in visit.page.locator(".answer.abstained").inner_text()
    assert visit.page.locator(".answer.abstained blockquote").count() == 2
    assert visit.page.locator(".source").count() > 0


def test_a_repaired_question_is_searched_as_typed_and_back(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("what is aliasng")
    assert "what is aliasing" in page.locator(".standalone").inner_text()
    page.get_by_role("button", name="Search as typed").click()
    page.wait_for_selector(".exchange.answered .standalone:has-text('Searched as typed.')")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".exchange.answered .standalone:has-text('Understood as')")
    assert page.locator(".exchange").count() == 1


_END_AFTER_THE_NEXT_EVENT = """
const fetched = window.fetch;
let arrived = () => {};
const held = () => new TransformStream({
  async transform(bytes, out) {
    const text = new TextDecoder().decode(bytes);
    const at = text.indexOf('data: {"msg":"close_stream"');
    const [before, end] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
    if (before) out.enqueue(new TextEncoder().encode(before));
    if (!end) return;
    globalThis.heldEnds = (globalThis.heldEnds ?? 0) + 1;
    await new Promise((sent) => (arrived = sent));
    out.enqueue(new TextEncoder().encode(end));
  },
});
window.fetch = async (...given) => {
  const answer = await fetched(...given);
  const address = String(given[0]?.url ?? given[0]);
  if (address.includes("/queue/join")) setTimeout(() => arrived(), 100);
  return address.includes("/queue/data") ? new Response(answer.body.pipeThrough(held())) : answer;
};
"""
"""The end of a stream of events comes after the answer to the next event that is sent."""


def test_a_click_is_not_lost_while_a_stream_of_events_ends(browser: Browser, server: Server) -> None:
    visit = Visit(browser, server.address, script=_END_AFTER_THE_NEXT_EVENT)
    visit.ask.answered("What is aliasing?")
    visit.ask.answered("And how is it avoided?")
    assert visit.page.evaluate("heldEnds") > 0
    visit.close()


def test_formulas_are_drawn_with_the_bundled_katex(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.answered("How fast must a signal that is band-limited to B be sampled?")
    visit.page.wait_for_selector(".source lectern-math", state="attached")
    drawn = "[...document.querySelectorAll('lectern-math')].every((m) => m.shadowRoot?.querySelector('.katex-html'))"
    visit.page.wait_for_function(drawn)


def test_two_people_at_once(browser: Browser, server: Server) -> None:
    first, second = Visit(browser, server.address), Visit(browser, server.address)
    first.ask.send("What is aliasing?")
    second.ask.send("What is quantisation?")
    for tab, words in ((first, "What is aliasing?"), (second, "What is quantisation?")):
        tab.page.wait_for_selector(".exchange.answered")
        assert tab.page.locator(".question").inner_text().endswith(words)
        assert tab.page.locator(".exchange").count() == 1
        tab.close()


def test_a_phone_sees_everything_without_scrolling_sideways(browser: Browser, server: Server) -> None:
    phone = Visit(browser, server.address, 390, 844)
    phone.ask.new_conversation()
    phone.ask.limit("lesson-01-sampling.md", "notebook-02-temperature-log.ipynb")
    phone.page.wait_for_selector(".scope.limited:has-text('and 1 more')")
    chosen = phone.page.locator(".scope details > div").bounding_box()
    assert chosen is not None
    assert chosen["x"] >= 0
    assert chosen["x"] + chosen["width"] <= 390
    phone.ask.answered("What is the Nyquist rate?")
    assert not phone.page.locator(".scope details[open]").count()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    wide = "[...document.querySelectorAll('#desk *')].filter((e) => !e.closest('pre, lectern-math, .conversations'))"
    assert phone.page.evaluate(wide + ".filter((e) => e.getBoundingClientRect().right > 391).length") == 0
    for name in ("Ask", "New conversation"):
        phone.page.get_by_role("button", name=name, exact=True).wait_for()
    phone.close()


def test_a_question_is_kept_to_a_part_of_the_notes_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    page.wait_for_selector(".welcome")
    summary = page.locator(".scope summary")
    assert summary.inner_text() == "About: all notes"
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("quantis")
    page.wait_for_function("document.querySelectorAll('.scope li:not([hidden])').length === 1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    lesson = page.get_by_role("button", name=re.compile("^lesson-02"), pressed=True)
    lesson.wait_for()
    visit.focused("element.matches('[aria-pressed=true]') && element.textContent.startsWith('lesson-02')")
    page.wait_for_function("document.querySelectorAll('.scope li:not([hidden])').length === 1")
    page.keyboard.press("Escape")
    page.wait_for_selector(".scope.limited details:not([open])")
    assert summary.inner_text() == "Only about: lesson-02-quantisation.md"
    visit.focused("element.matches('.scope summary')")

    visit.ask.answered("What is the Nyquist rate?")
    assert page.locator(".asked-of").inner_text() == "Asked about: lesson-02-quantisation.md"
    found = {text.partition(" › ")[0] for text in page.locator(".source .document").all_text_contents()}
    assert found == {"lesson-02-quantisation.md"}

    page.reload()
    page.wait_for_selector(".scope.limited:has-text('lesson-02-quantisation.md')")
    visit.ask.new_conversation()
    page.wait_for_selector(".welcome")
    page.get_by_role("button", name="Ask all notes").press("Enter")
    page.wait_for_selector(".scope:not(.limited)")
    page.locator(".conversations .open").first.click()
    page.wait_for_selector(".scope.limited")
    page.get_by_role("button", name="Ask all notes").press("Enter")
    page.wait_for_selector(".scope:not(.limited)")
    visit.focused("element.matches('.scope summary')")
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".exchange.answered:not(:has(.asked-of))")
    page.locator(".source .document:has-text('lesson-01-sampling.md')").first.wait_for(state="attached")
