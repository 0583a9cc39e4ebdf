"""Access: axe-core finds nothing in any state, the keyboard reaches everything, and 320 pixels are enough.

In forced colours a state has a line and not only a colour.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_pages import Server, Visit

from ui.accounts.person import Role
from ui.accounts.store import AccountStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

NARROW = 320
WITHOUT_LINE = """() => {
  const sides = ["Top", "Right", "Bottom", "Left"];
  const isSeen = (width, style, colour) => parseFloat(width) > 0 && style !== "none" && colour !== "rgba(0, 0, 0, 0)";
  const hasLine = (style) =>
    sides.some((side) => isSeen(style[`border${side}Width`], style[`border${side}Style`], style[`border${side}Color`])) ||
    isSeen(style.outlineWidth, style.outlineStyle, style.outlineColor);
  return [...document.querySelectorAll(
    "[aria-current], [aria-pressed=true], [role=tab][aria-selected=true], mark, .here, progress, .key, .missed, .problem, " +
    ".done, .deleted, .chosen, .choice:has(:checked), .study-verdict, .primary"
  )].filter((element) => element.offsetParent && !hasLine(getComputedStyle(element))).map((element) => element.outerHTML.slice(0, 90));
}"""
"""A script: the elements whose state is a colour alone, with none of their own lines."""


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


def faults(page: Page, axe: str) -> list[str]:
    """What axe-core finds on the page: the rule, and the first element."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in found["violations"]]


def test_axe_finds_nothing_in_any_state(coloured: Visit, axe: str) -> None:
    page, ask = coloured.page, coloured.ask
    ask.new_conversation()
    assert faults(coloured.page, axe) == []
    ask.answered("What is the Nyquist rate?")
    page.get_by_text("Was this right?").click()
    page.get_by_text("Edit", exact=True).click()
    assert faults(coloured.page, axe) == []
    page.get_by_text("Ask again, but…").click()
    assert faults(coloured.page, axe) == []
    page.keyboard.press("Escape")
    page.locator(".source[open] [data-action=read]").first.click()
    page.wait_for_selector(".reader")
    assert faults(coloured.page, axe) == []
    ask.new_conversation()
    ask.answered("Who won the football world cup in 1954?")
    assert faults(coloured.page, axe) == []
    page.get_by_role("button", name=re.compile("^Delete the conversation: Who won")).first.click()
    page.wait_for_selector(".deleted")
    assert faults(coloured.page, axe) == []
    ask.scope.click()
    assert faults(coloured.page, axe) == []
    page.keyboard.press("Escape")
    page.locator(".adapters summary").click()
    assert faults(coloured.page, axe) == []
    coloured.notes.open()
    coloured.notes.row("lesson-01-sampling.md").locator("summary").click()
    assert faults(coloured.page, axe) == []
    coloured.notes.add_folder(Path("/nowhere"))
    page.wait_for_selector(".report.problem")
    assert faults(coloured.page, axe) == []


def test_axe_finds_nothing_in_the_states_of_a_course(
    coloured: Visit, axe: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page, name = coloured.page, f"Owls, {request.node.name[-6:]}"
    coloured.courses.open()
    assert faults(coloured.page, axe) == []
    coloured.courses.make(name)
    page.wait_for_selector(".status.ready")
    assert faults(coloured.page, axe) == []
    for number in range(3000):
        (tmp_path / f"owl-{number}.md").write_text(f"# Owl {number}\n\nIt has {number} feathers.")
    for number in range(2):
        (tmp_path / f"broken-{number}.ipynb").write_text("{")
    coloured.notes.open()
    coloured.notes.folder.fill(str(tmp_path))
    page.get_by_role("button", name="Add and watch the folder").click()
    coloured.notes.progress.wait_for()
    assert faults(coloured.page, axe) == []
    assert_fits(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_selector(".report:has-text('Cancelled')")
    page.wait_for_selector(".watched")
    assert faults(coloured.page, axe) == []
    page.get_by_role("button", name="Stop watching").click()
    page.locator(".watched").wait_for(state="detached")
    for number in range(3000):
        (tmp_path / f"owl-{number}.md").unlink()
    coloured.notes.add_folder(tmp_path)
    page.wait_for_selector(".problems [data-action=retry_note]")
    assert faults(coloured.page, axe) == []
    coloured.courses.remove(name)
    assert faults(coloured.page, axe) == []
    coloured.courses.open()
    page.wait_for_selector("text=Removed, kept for a day")
    assert faults(coloured.page, axe) == []


@pytest.fixture
def seen(browser: Browser, server: Server, axe: str) -> Iterator[Visit]:
    """A visit without motion, in which a test's script may run."""
    visit = Visit(browser, server.address, bypass_csp=True, reduced_motion="reduce")
    visit.page.wait_for_selector(".status.ready")
    yield visit
    visit.close()


def assert_accessible(page: Page, axe: str) -> None:
    """Check a state with axe in light and dark, at 320 pixels, and in forced colours."""
    for _ in ("light", "dark"):
        assert faults(page, axe) == []
        page.locator("button.theme").click()
    assert_fits(page)


def assert_fits(page: Page) -> None:
    """Check a state at 320 pixels and in forced colours."""
    page.set_viewport_size({"width": NARROW, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(forced_colors="active")
    assert page.evaluate(WITHOUT_LINE) == []
    page.emulate_media(forced_colors="none")


def test_the_states_of_asking_have_lines_in_forced_colours(seen: Visit) -> None:
    seen.page.emulate_media(forced_colors="active")
    seen.ask.new_conversation()
    seen.ask.answered("What is the Nyquist rate?")
    seen.page.locator(".source[open] [data-action=read]").first.click()
    seen.page.wait_for_selector(".reader mark")
    assert seen.page.evaluate(WITHOUT_LINE) == []
    seen.ask.new_conversation()
    seen.ask.limit("lesson-04-filters.md")
    assert seen.page.evaluate(WITHOUT_LINE) == []


def test_studying_is_accessible(seen: Visit, axe: str) -> None:
    page = seen.page
    page.get_by_role("tab", name="Study").click()
    page.locator("#study-quiz").click()
    page.wait_for_selector(".study-question")
    assert_accessible(seen.page, axe)
    choices = page.locator(".study-choices button")
    (choices.first if choices.count() else page.get_by_role("button", name="I do not know")).click()
    page.wait_for_selector(".study-verdict")
    assert_accessible(seen.page, axe)


def test_the_pages_beside_the_app_are_accessible(seen: Visit, server: Server, axe: str) -> None:
    page = seen.page
    seen.ask.new_conversation()
    seen.ask.answered("What does a Pt100 measure?")
    page.get_by_text("Was this right?").click()
    page.locator("a.golden").click()
    page.locator("#golden input[name=passage]").first.check()
    assert_accessible(seen.page, axe)
    page.locator("#golden textarea").fill("temperature")
    page.get_by_role("button", name="Save the golden question").click()
    page.wait_for_selector(".done")
    assert_accessible(seen.page, axe)
    page.goto(f"{server.address}/lectern/evaluate")
    page.get_by_role("button", name="Measure retrieval").click()
    page.wait_for_selector("table a")
    page.wait_for_function("!document.querySelector('.job')")
    assert_accessible(seen.page, axe)
    page.locator("table a").first.click()
    page.wait_for_selector(".plot")
    assert_accessible(seen.page, axe)
    for path in ("lectern/monitor", "lectern/model", "account"):
        page.goto(f"{server.address}/{path}")
        assert_accessible(seen.page, axe)


def test_the_login_page_is_accessible(
    browser: Browser, serve: Callable[..., Server], course_library: Path, tmp_path: Path, axe: str
) -> None:
    copy = tmp_path / "library"
    shutil.copytree(course_library, copy)
    AccountStore(copy).add("ann", "owls at night", Role.TEACHER)
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(serve(copy).address)
    page.get_by_label("Password").wait_for()
    assert_accessible(page, axe)
    context.close()


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
