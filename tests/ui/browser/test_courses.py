"""Several courses in one app: each has its own notes, conversations and address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def two(browser: Browser, server: Server) -> Iterator[Visit]:
    """A visit to a new course beside the first one; the course is removed at the end."""
    visit = Visit(browser, server.address)
    visit.courses.make("Birds")
    yield visit
    visit.courses.remove("Birds")
    visit.close()


def test_nothing_of_one_course_is_in_another(two: Visit, server: Server, tmp_path: Path) -> None:
    page, course = two.page, two.page.url
    assert "/course/birds" in course
    assert page.title() == "Birds · Lectern"
    page.wait_for_selector("text=Put your notes on the lectern")
    note = tmp_path / "gull.md"
    note.write_text("# The gull\n\nThe herring gull of the harbour is called Ada.", encoding="utf-8")
    two.notes.open()
    two.notes.add(note)
    assert two.notes.row("lesson-01-sampling.md").count() == 0
    two.ask.open()
    two.ask.answered("What is the herring gull called?")
    page.wait_for_selector(".conversations .title:has-text('herring gull')")
    address = page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as Markdown").click()
    assert "herring gull" in download.value.path().read_text(encoding="utf-8")
    # The conversation, its export and its notes are not in the first course.
    two.courses.switch("My notes")
    assert page.locator(".conversations .title:has-text('herring gull')").count() == 0
    conversation = address.split("=")[-1]
    assert page.request.get(f"{server.address}/lectern/export/{conversation}").status == 404
    assert page.request.get(f"{course.split('#')[0]}lectern/export/{conversation}").status == 200
    two.notes.open()
    two.notes.row("lesson-01-sampling.md").wait_for()
    assert two.notes.row("gull.md").count() == 0
    # Back, and a reload, keep the course.
    page.goto(address)
    page.wait_for_selector(".exchange.answered:has-text('herring gull')")
    two.reload()
    page.wait_for_selector(".exchange.answered:has-text('herring gull')")
    assert page.title() == "Birds · Lectern"


def test_the_pages_beside_the_chat_stay_in_the_course(two: Visit) -> None:
    page, course = two.page, two.page.url.split("#")[0]
    names = {
        "Evaluate": "lectern/evaluate",
        "Monitor": "lectern/monitor",
        "Model": "lectern/model",
        "You": "account",
    }
    for place, links in (
        (course, "#person a"),
        (f"{course}account", "nav a"),
        (f"{course}lectern/model", "nav a"),
    ):
        page.goto(place)
        for name, path in names.items():
            link = page.locator(links).filter(has_text=name)
            assert link.get_attribute("href") == f"{urlsplit(course).path}{path}"
    page.locator("nav").get_by_role("link", name="Ask").click()
    page.wait_for_selector(".welcome")
    assert page.url.startswith(course)


def test_a_course_is_renamed_removed_and_brought_back(two: Visit) -> None:
    page, courses = two.page, two.courses
    courses.open()
    page.get_by_label("New name of this course").fill("Birds <img src=x>")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.wait_for_selector(".courses summary:has-text('Birds <img src=x>')")
    assert page.title() == "Birds <img src=x> · Lectern"
    courses.remove("Birds <img src=x>")
    page.wait_for_selector(".courses .deleted:has-text('Removed: Birds')")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url("**/course/birds*/")
    page.wait_for_selector(".courses summary:has-text('Birds <img src=x>')")
    courses.open()
    page.get_by_label("New name of this course").fill("Birds")
    page.keyboard.press("Enter")
    page.wait_for_selector(".courses summary:has-text('Birds'):not(:has-text('img'))")


def test_a_course_that_was_removed_elsewhere_is_one_sentence(two: Visit, browser: Browser) -> None:
    page = two.page
    address = page.url
    other = Visit(browser, address)
    two.courses.remove("Birds")
    # Coming back to the tab looks at the models; nobody asked for an error there.
    looked = other.courses.come_back()
    assert looked.status == 200, looked.text()
    other.page.get_by_role("button", name="New conversation").click()
    complaint = other.page.get_by_role("alert").filter(has_text="This course is not here any more")
    complaint.wait_for()
    complaint.get_by_role("button", name="Dismiss").click()
    complaint.wait_for(state="detached")
    other.ask.send("Is anybody there?")
    other.page.wait_for_selector("text=This course is not here any more")
    answer = other.page.goto(address)
    assert answer is not None
    assert answer.status == 410
    other.complaints.clear()  # the browser reports the 410 as an error
    other.close()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url("**/course/birds*/")
    page.wait_for_selector(".welcome")


def test_a_name_that_is_taken_is_refused(two: Visit) -> None:
    two.courses.open()
    two.page.get_by_label("Name of the new course").fill("BIRDS")
    two.page.get_by_role("button", name="New course").click()
    two.page.wait_for_selector("text=There is a course BIRDS already")


def test_the_courses_are_reached_by_the_keyboard(two: Visit) -> None:
    page = two.page
    summary = page.locator(".courses summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    links = page.locator(".courses a")
    assert links.first.evaluate("(link) => link === document.activeElement")
    page.keyboard.press("ArrowDown")
    assert links.nth(1).evaluate("(link) => link === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^/]+//[^/]+/$"))
    page.wait_for_selector(".welcome, .exchange")


@pytest.mark.parametrize("drawn_anew", ["", "details.removeAttribute('open');"])
def test_what_is_opened_stays_open_when_the_page_changes_at_once(visit: Visit, drawn_anew: str) -> None:
    page, courses = visit.page, visit.courses
    for _time in range(2):  # what was once closed is known as closed
        courses.open()
        page.locator(".courses details[open]").wait_for()
        courses.summary.click()
        page.wait_for_selector(".courses details:not([open])")
    # The page changes before the browser tells that the list was opened.
    courses.summary.evaluate(
        f"(summary) => {{ const details = summary.parentElement; summary.click(); {drawn_anew}"
        " document.querySelector('#announcer').append(' ');"
        " return new Promise((told) => details.addEventListener('toggle', told)); }"
    )
    assert page.locator(".courses details[open]").count() == 1
