"""Access: axe-core finds nothing in any state, the keyboard reaches everything, and 320 pixels are enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NARROW = 320


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(params=["light", "dark"])
def coloured(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A visit in one of the two colours, in which a test's script may run."""
    visit = Visit(browser, server.address, color_scheme=request.param, bypass_csp=True)
    visit.page.wait_for_selector(".status.ready")
    yield visit
    visit.close()


def faults(visit: Visit, axe: str) -> list[str]:
    """What axe-core finds on the page: the rule, and the first element."""
    visit.page.evaluate(axe)
    found: dict[str, Any] = visit.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in found["violations"]]


def test_axe_finds_nothing_in_any_state(coloured: Visit, axe: str) -> None:
    page, ask = coloured.page, coloured.ask
    ask.new_conversation()
    assert faults(coloured, axe) == []
    ask.answered("What is the Nyquist rate?")
    page.get_by_text("Was this right?").click()
    page.get_by_text("Edit", exact=True).click()
    assert faults(coloured, axe) == []
    page.get_by_text("Ask again, but…").click()
    assert faults(coloured, axe) == []
    page.keyboard.press("Escape")
    page.locator(".source[open] [data-action=read]").first.click()
    page.wait_for_selector(".reader")
    assert faults(coloured, axe) == []
    ask.new_conversation()
    ask.answered("Who won the football world cup in 1954?")
    assert faults(coloured, axe) == []
    page.get_by_role("button", name=re.compile("^Delete the conversation: Who won")).first.click()
    page.wait_for_selector(".deleted")
    assert faults(coloured, axe) == []
    ask.scope.click()
    assert faults(coloured, axe) == []
    page.keyboard.press("Escape")
    page.locator(".adapters summary").click()
    assert faults(coloured, axe) == []
    coloured.notes.open()
    coloured.notes.row("lesson-01-sampling.md").locator("summary").click()
    assert faults(coloured, axe) == []
    coloured.notes.add_folder(Path("/nowhere"))
    page.wait_for_selector(".report.problem")
    assert faults(coloured, axe) == []


def test_axe_finds_nothing_in_the_states_of_a_course(
    coloured: Visit, axe: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page, name = coloured.page, f"Owls, {request.node.name[-6:]}"
    coloured.courses.open()
    assert faults(coloured, axe) == []
    coloured.courses.make(name)
    page.wait_for_selector(".status.ready")
    assert faults(coloured, axe) == []
    for number in range(800):
        (tmp_path / f"owl-{number}.md").write_text(f"# Owl {number}\n\nIt has {number} feathers.")
    for number in range(2):
        (tmp_path / f"broken-{number}.ipynb").write_text("{")
    coloured.notes.open()
    coloured.notes.folder.fill(str(tmp_path))
    page.get_by_role("button", name="Add and watch the folder").click()
    coloured.notes.progress.wait_for()
    assert faults(coloured, axe) == []
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_selector(".report:has-text('Cancelled')")
    page.wait_for_selector(".watched")
    assert faults(coloured, axe) == []
    page.get_by_role("button", name="Stop watching").click()
    page.locator(".watched").wait_for(state="detached")
    for number in range(800):
        (tmp_path / f"owl-{number}.md").unlink()
    coloured.notes.add_folder(tmp_path)
    page.wait_for_selector(".problems [data-action=retry_note]")
    assert faults(coloured, axe) == []
    coloured.courses.remove(name)
    assert faults(coloured, axe) == []
    coloured.courses.open()
    page.wait_for_selector("text=Removed, kept for a day")
    assert faults(coloured, axe) == []


def test_the_first_key_leads_past_the_lists_to_the_question(visit: Visit) -> None:
    visit.page.evaluate("document.activeElement.blur()")
    skip = visit.page.get_by_role("button", name="Skip to the question")
    skip.focus()
    box = skip.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(
        "(box) => box === document.activeElement", arg=visit.ask.question.element_handle()
    )


def test_arrow_keys_go_through_a_list(visit: Visit) -> None:
    visit.ask.new_conversation()
    examples = visit.page.locator(".example")
    examples.first.focus()
    visit.page.keyboard.press("ArrowDown")
    visit.focused("element === document.querySelectorAll('.example')[1]")
    visit.page.keyboard.press("ArrowUp")
    visit.focused("element === document.querySelectorAll('.example')[0]")


def test_a_scope_is_announced(visit: Visit) -> None:
    visit.ask.new_conversation()
    visit.ask.scope.click()
    visit.page.get_by_role("button", name=re.compile("^lesson-04")).click()
    visit.page.wait_for_selector("#announcer:has-text('Only about: lesson-04-filters.md')", state="attached")


@pytest.mark.parametrize("state", ["welcome", "courses", "answer", "wishes", "reader", "notes"])
def test_320_pixels_are_enough(browser: Browser, server: Server, state: str) -> None:
    visit = Visit(browser, server.address, NARROW, 640)
    steps: dict[str, Callable[[], Any]] = {
        "answer": lambda: visit.ask.answered("What is the Nyquist rate?"),
        "reader": lambda: _read(visit),
        "courses": visit.courses.open,
        "wishes": lambda: _wish(visit),
        "notes": visit.notes.open,
    }
    visit.ask.new_conversation()
    steps.get(state, visit.ask.open)()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW
    visit.close()


def _wish(visit: Visit) -> None:
    visit.ask.answered("What is the Nyquist rate?")
    visit.page.get_by_text("Ask again, but…").click()


def _read(visit: Visit) -> None:
    visit.ask.answered("What is the Nyquist rate?")
    visit.page.locator(".source[open] [data-action=read]").first.click()
    visit.page.wait_for_selector(".reader")
