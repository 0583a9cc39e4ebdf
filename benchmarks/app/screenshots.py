"""Pictures of the web app in its states: light, dark and on a phone.

`python -m benchmarks.app.screenshots [FOLDER]` ingests the example course, drives the app as a student and a teacher do, each
form on a library of its own, and writes one PNG for each state and form, by default into `docs/screens`. Look at each of them.
The libraries are in one folder for all runs, because its name is on the pages.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.app.running import COURSE, chromium, lectern, server
from ui.web.slide_decks import libreoffice

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCREENS = Path(__file__).resolve().parents[2] / "docs" / "screens"
_FORMS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
_COLOURS = 128
"""Colours of a picture: a third of the bytes, and no difference to see."""
_PATIENCE_MS = 300_000
"""Longest wait: only a hang takes it."""
_NOTES = 1500
_FOLDER = Path(tempfile.gettempdir()) / "lectern-screens"
_QUESTIONS = (
    "What is aliasing?", "What is dither?", "What is jitter?", "How does a thermocouple work?",
    "What is an FIR filter?", "When is the exam?", "What is photosynthesis?",
)  # fmt: skip
"""Questions of a class, so that the page Monitor has something to show."""


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=SCREENS)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(_FOLDER, ignore_errors=True)
    _FOLDER.mkdir()
    lectern("ingest", str(COURSE), "--library", str(_FOLDER / "course"))
    with chromium() as browser:
        for form in _FORMS:
            _draw(browser, folder, form)
    shutil.rmtree(_FOLDER)


def _draw(browser: Browser, folder: Path, form: str) -> None:
    """Write the pictures of a form."""
    with server("--library", str(_FOLDER / f"{form}-empty" / "library")) as address:
        _write(folder, "first-visit", form, _page(browser, address, form))
    library = _FOLDER / form / "library"
    shutil.copytree(_FOLDER / "course", library)
    with server("--library", str(library)) as address:
        page = _page(browser, address, form)
        for state, reach in (*_states(page), *_teacher_states(page, address), *_ingest_states(page, address)):
            reach()
            _write(folder, state, form, page)
        page.context.close()
    password = _FOLDER / "password"
    password.write_text("bats at noon\n", encoding="utf-8")
    person = ("tess", "--role", "teacher", "--password-file", str(password))
    lectern("users", "add", *person, "--library", str(library))
    with server("--library", str(library)) as address:
        page = browser.new_context(**_FORMS[form]).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address)
        _write(folder, "login", form, page)
        page.get_by_label("Name").fill("tess")
        page.get_by_label("Password").fill("bats at noon")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector(".welcome")
        page.goto(f"{address}/account")
        _write(folder, "account", form, page)
        page.context.close()


def _teacher_states(page: Page, address: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the pages of a teacher by name, after the states of the chat."""
    yield "golden", lambda: _correct(page)
    yield "evaluate", lambda: _evaluate(page, address)
    yield "run", page.locator("table a").first.click
    yield "run-failure", page.locator("details.failure summary").first.click
    yield "monitor", lambda: _monitor(page, address)
    yield "monitor-below", lambda: page.evaluate("scrollTo(0, 700)")
    yield "model", lambda: _open(page, f"{address}/lectern/model")


def _ingest_states(page: Page, address: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the states of an ingest, in a course of its own."""
    yield "ingest", lambda: _ingest(page, address)
    yield "ingest-cancelled", lambda: _cancel(page)


def _monitor(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".welcome, .exchange")
    for question in _QUESTIONS:
        _ask(page, question)
    _open(page, f"{address}/lectern/monitor")


def _correct(page: Page) -> None:
    page.get_by_role("tab", name="Ask").click()
    _ask(page, "How heavy is a Pt100?")
    page.get_by_text("Was this right?").last.click()
    page.locator("a.golden").click()
    page.wait_for_selector("#golden")


def _evaluate(page: Page, address: str) -> None:
    _open(page, f"{address}/lectern/evaluate")
    page.locator("input[name=golden]").fill(str(COURSE.parent / "golden.jsonl"))
    page.get_by_role("button", name="Measure retrieval").click()
    page.wait_for_selector("table a")
    page.wait_for_function("!document.querySelector('.job')")


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".plain-page")


def _states(page: Page) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the states by name, each with the way to it from the one before."""
    yield "welcome", lambda: None
    yield "answer", lambda: _ask(page, "How are the Nyquist rate and the Nyquist frequency different?")
    yield "document", lambda: _read(page)
    yield "page-of-a-pdf", lambda: _ask_and_read(page, "How many address bits does an I2C message have?")
    if libreoffice():
        yield "slide", lambda: _slide(page, "What is spectral leakage?")
    yield "short-answer", lambda: _ask(page, "Why would anybody oversample?")
    yield "refusal", lambda: _ask(page, "Who won the football world cup in 1954?")
    yield "asked-again", lambda: _wish(page, "What is the Nyquist rate?")
    yield "scope", lambda: page.locator(".scope summary").click()
    yield "courses", lambda: _courses(page)
    yield "study", lambda: _study(page)
    yield "study-key", lambda: _solve(page)
    yield "notes", lambda: page.get_by_role("tab", name="Notes").click()


def _ask(page: Page, question: str) -> None:
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_selector(".welcome")
    page.get_by_role("textbox", name="Question").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_selector(".exchange.answered")


def _wish(page: Page, question: str) -> None:
    _ask(page, question)
    page.get_by_text("Ask again, but…").click()


def _courses(page: Page) -> None:
    page.keyboard.press("Escape")
    page.locator(".courses summary").click()


def _ingest(page: Page, address: str) -> None:
    """Make a course and show its ingest of many notes."""
    folder = _FOLDER / "notes"
    folder.mkdir(exist_ok=True)
    for number in range(_NOTES):
        note = f"# Lecture {number}\n\n" + f"The sample {number} is taken at time {number}. " * 20
        (folder / f"lecture-{number:04}.md").write_text(note, encoding="utf-8")
    page.goto(address)
    page.wait_for_selector(".status.ready")
    page.locator(".courses summary").click()
    page.get_by_label("Name of the new course").fill("Signals and systems")
    page.get_by_role("button", name="New course").click()
    page.wait_for_url("**/course/**")
    page.wait_for_selector(".status.ready")
    page.get_by_role("tab", name="Notes").click()
    page.get_by_role("textbox", name="A folder on this machine").fill(str(folder))
    page.get_by_role("button", name="Add and watch the folder").click()
    page.wait_for_selector(".progress progress[value]")


def _cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.wait_for_selector(".report:has-text('Cancelled')")
    page.wait_for_selector(".watched")


def _read(page: Page) -> None:
    page.locator(".source[open] [data-action=read]").first.click()
    page.wait_for_selector(".reader")


def _slide(page: Page, question: str) -> None:
    _ask(page, question)
    source = page.locator(".source", has_text=".pptx").first
    source.evaluate(
        "(source) => { source.closest('details.rest')?.setAttribute('open', ''); source.open = true; }"
    )
    source.locator("[data-action=read]").click()
    page.locator(".reader .page img").first.wait_for()


def _study(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Study").click()
    page.locator("#study-quiz").click()
    page.wait_for_selector(".study-question")


def _solve(page: Page) -> None:
    choices = page.locator(".study-choices button")
    (choices.first if choices.count() else page.get_by_role("button", name="I do not know")).click()
    page.wait_for_selector(".study-verdict")


def _ask_and_read(page: Page, question: str) -> None:
    _ask(page, question)
    _read(page)


def _page(browser: Browser, address: str, form: str) -> Page:
    page = browser.new_context(**_FORMS[form]).new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(".status.ready")
    page.wait_for_selector(".welcome")
    return page


def _write(folder: Path, state: str, form: str, page: Page) -> None:
    from PIL import Image

    page.wait_for_function("document.fonts.status === 'loaded'")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    picture.convert("RGB").quantize(_COLOURS).save(folder / f"{state}-{form}.png", optimize=True)


if __name__ == "__main__":
    main()
