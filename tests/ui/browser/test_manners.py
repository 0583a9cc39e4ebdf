"""The manners of an editor: nothing is forgotten, lost, unreadable or out of reach."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

RATIO = r"""# The heron ratio

The heron ratio of the reed bed is defined as

$$
H = \frac{w}{l}.
$$

## How a heron is weighed

A heron of the reed bed is weighed in these steps:

1. Calm the heron with a hood.
2. Put the heron on the balance.
3. Read the balance after ten seconds.
"""


@pytest.fixture(scope="module")
def heron(browser: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A visit after a note with a formula and a numbered list was added, and one question answered."""
    note = tmp_path_factory.mktemp("heron") / "heron.md"
    note.write_text(RATIO, encoding="utf-8")
    visit = Visit(browser, server.address)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.notes.open()
    visit.page.locator("#upload input[type=file]").set_input_files([note])
    visit.notes.row("heron.md").wait_for()
    visit.ask.open()
    visit.ask.answered("How is the heron ratio of the reed bed defined?")
    yield visit
    visit.close()


def test_the_choice_of_dark_outlives_a_reload(visit: Visit) -> None:
    dark = "document.body.classList.contains('dark')"
    before = visit.page.evaluate(dark)
    visit.ask.click("Switch between light and dark")
    assert visit.page.evaluate(dark) is not before
    visit.reload()
    visit.page.wait_for_selector(".status.ready")
    assert visit.page.evaluate(dark) is not before
    visit.ask.click("Switch between light and dark")
    visit.reload()
    visit.page.wait_for_selector(".status.ready")
    assert visit.page.evaluate(dark) is before


def test_a_verdict_leaves_the_focus_on_its_button(heron: Visit) -> None:
    heron.page.get_by_text("Was this right?").first.focus()
    heron.page.keyboard.press("Enter")
    verdict = heron.page.get_by_role("button", name="Wrong source").first
    verdict.focus()
    heron.page.keyboard.press("Enter")
    heron.page.wait_for_selector("[data-verdict='wrong source'][aria-pressed=true]")
    heron.page.wait_for_function("document.activeElement.dataset.verdict === 'wrong source'")
    assert verdict.is_visible()


def test_a_display_formula_is_drawn_in_the_answer(heron: Visit) -> None:
    formula = heron.page.locator(".answer lectern-math[display]").first
    formula.wait_for()
    heron.page.wait_for_function(
        "(math) => math.shadowRoot?.querySelector('.katex-display')", arg=formula.element_handle()
    )
    assert "$" not in heron.ask.answer.first.inner_text()


def test_what_is_copied_keeps_its_formulas_and_can_name_its_sources(heron: Visit) -> None:
    copied = "navigator.clipboard.readText()"
    heron.page.get_by_role("button", name="Copy", exact=True).first.click()
    heron.page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('$$'))")
    bare = heron.page.evaluate(copied)
    assert r"$$" in bare
    assert r"H = \frac{w}{l}." in bare
    assert "[1]" not in bare
    heron.page.get_by_role("button", name="Copy with sources").first.click()
    heron.page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('Sources:'))")
    assert re.search(r"\[\d\] heron\.md › ", heron.page.evaluate(copied))


def test_an_export_names_what_answered_and_not_a_digest(heron: Visit) -> None:
    with heron.page.expect_download() as download:
        heron.page.get_by_role("link", name="Save as Markdown").click()
    last = download.value.path().read_text(encoding="utf-8").strip().splitlines()[-1]
    assert re.fullmatch(r"\*quotes from your notes, \d{4}-\d\d-\d\d \d\d:\d\d UTC\*", last)


def test_a_printed_page_has_the_conversation_and_none_of_the_controls(heron: Visit) -> None:
    import pypdfium2

    pages = pypdfium2.PdfDocument(io.BytesIO(heron.page.pdf()))
    text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    assert "How is the heron ratio of the reed bed defined?" in text
    assert "heron.md" in text
    for control in ("New conversation", "Copy", "Was this right?", "Save as Markdown", "ready"):
        assert control not in text
    pages.close()


def test_lists_of_a_passage_keep_their_numbers(heron: Visit) -> None:
    heron.ask.answered("In which steps is a heron of the reed bed weighed?")
    numbered = heron.page.locator(".passage ol").first
    numbered.wait_for(state="attached")
    assert numbered.evaluate("(list) => getComputedStyle(list).listStyleType") == "decimal"


def test_a_pasted_page_is_a_short_heading_and_a_pasted_book_is_a_sentence(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.send("heron " * 300)
    visit.page.wait_for_selector(".exchange:is(.answered, .failed)")
    heading = visit.page.locator(".question").bounding_box()
    assert heading is not None
    assert heading["height"] < 300
    visit.page.get_by_text(re.compile("The whole question .1,799 characters.")).click()
    whole = visit.page.locator(".whole pre").bounding_box()
    assert whole is not None
    assert whole["height"] < 400
    book = "heron " * 16_000
    visit.ask.send(book)
    visit.page.wait_for_selector(".report.problem:has-text('The question has 95,999 characters')")
    assert visit.ask.question.input_value() == book
    assert visit.ask.exchanges.count() == 1


def test_a_note_can_be_taken_out_on_a_phone(browser: Browser, server: Server) -> None:
    phone = Visit(browser, server.address, 390, 844)
    phone.notes.open()
    remove = phone.notes.row("lesson-01-sampling.md").locator("summary")
    remove.scroll_into_view_if_needed()
    box = remove.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone.close()
