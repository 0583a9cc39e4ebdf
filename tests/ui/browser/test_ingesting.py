"""An ingest belongs to the course: it outlives a reload, is seen from another tab, and can be cancelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_pages import Server, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
MANY = 1500
"""Notes that take far longer to read than a page to load."""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of notes, each with other words."""
    for number in range(MANY):
        text = " ".join(f"w{number}x{word}" for word in range(60))
        (tmp_path / f"note-{number:04}.md").write_text(f"# Note {number}\n\n{text}.", encoding="utf-8")
    return tmp_path


def test_an_ingest_goes_on_over_a_reload_and_is_cancelled_from_another_tab(
    browser: Browser, server: Server, many: Path
) -> None:
    visit = Visit(browser, server.address)
    visit.courses.make("Many")
    visit.notes.open()
    visit.notes.add_folder(many)
    visit.notes.progress.wait_for()
    visit.reload()
    visit.notes.open()
    visit.notes.progress.wait_for()
    other = Visit(browser, visit.page.url)
    other.notes.open()
    other.page.wait_for_selector(f".progress:has-text('of {MANY:,} files')")
    other.page.get_by_role("button", name="Cancel", exact=True).click()
    for each in (other, visit):
        each.page.wait_for_selector(".report:has-text('Cancelled: ')")
    rows = visit.page.locator(".library tbody tr").count()
    assert rows < MANY
    visit.page.get_by_role("button", name="Dismiss", exact=True).click()
    visit.page.locator(".report").wait_for(state="detached")
    other.close()
    visit.courses.remove("Many")
    visit.close()


def test_a_watched_folder_is_read_again_by_itself(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "wren.md").write_text("# The wren\n\nIt builds in ivy.", encoding="utf-8")
    visit.courses.make("Watched")
    visit.notes.open()
    visit.notes.folder.fill(str(tmp_path))
    visit.page.get_by_role("button", name="Add and watch the folder").click()
    visit.notes.row("wren.md").wait_for()
    visit.page.wait_for_selector(f".watched:has-text('{tmp_path}')")
    (tmp_path / "robin.md").write_text("# The robin\n\nIt sings at night.", encoding="utf-8")
    # The tab sees it when a person comes back to its window.
    visit.page.wait_for_function(
        """() => {
          dispatchEvent(new Event("focus"));
          return document.querySelector(".library").textContent.includes("robin.md");
        }""",
        polling=500,
    )
    visit.page.get_by_role("button", name="Stop watching").click()
    visit.page.locator(".watched").wait_for(state="detached")
    visit.notes.row("robin.md").wait_for()
    visit.courses.remove("Watched")


def test_a_failed_file_is_tried_again_or_dismissed(visit: Visit, tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "metadata": {}, "source": ["The wren builds in ivy."]}
    sound = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for name in ("one.ipynb", "two.ipynb"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    (tmp_path / "three.md").write_text("# Three\n\nWords.", encoding="utf-8")
    visit.courses.make("Failed")
    visit.notes.open()
    visit.notes.add_folder(tmp_path)
    visit.page.wait_for_selector(".library .problems:has-text('two.ipynb')")
    (tmp_path / "one.ipynb").write_text(json.dumps(sound), encoding="utf-8")
    visit.page.get_by_role("button", name="Try one.ipynb again").click()
    visit.notes.row("one.ipynb").wait_for()
    visit.page.get_by_role("button", name="Dismiss two.ipynb").click()
    visit.page.locator(".library .problems").wait_for(state="detached")
    visit.courses.remove("Failed")


def test_a_folder_is_dropped_with_its_paths(visit: Visit) -> None:
    visit.courses.make("Dropped")
    visit.notes.open()
    visit.page.evaluate(
        """() => {
          const file = (name, text) => ({ name, isFile: true, file: (found) => found(new File([text], name)) });
          const folder = (name, children) => ({
            name, isDirectory: true,
            createReader() { let given = false; return { readEntries: (read) => { read(given ? [] : children); given = true; } }; },
          });
          const course = folder("course", [
            folder("week1", [file("slides.md", "# One")]),
            folder("week2", [file("slides.md", "# Two")]),
            folder(".git", [file("config.md", "x")]),
          ]);
          const event = new Event("drop", { bubbles: true, cancelable: true });
          Object.defineProperty(event, "dataTransfer", { value: { items: [{ webkitGetAsEntry: () => course }] } });
          document.querySelector("#upload button, #upload").dispatchEvent(event);
        }"""
    )
    visit.notes.row("course/week1/slides.md").wait_for()
    visit.notes.row("course/week2/slides.md").wait_for()
    assert visit.page.locator(".library tbody tr").count() == 2
    visit.courses.remove("Dropped")
