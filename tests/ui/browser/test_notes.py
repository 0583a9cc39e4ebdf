"""Notes are added and taken out."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import Visit

pytestmark = pytest.mark.browser


def test_a_note_can_be_taken_out(owls: Visit, library: Path) -> None:
    owls.notes.open()
    row = owls.notes.row("owls.md")
    row.locator("summary").click()
    row.get_by_role("button", name="Yes, take it out").click()
    row.wait_for(state="detached")
    assert not (library / "uploads" / "owls.md").exists()


def test_a_folder_is_added_by_its_path(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "finch.txt").write_text("Finches sing in the morning.", encoding="utf-8")
    visit.notes.open()
    visit.notes.add_folder(tmp_path / "nowhere")
    visit.page.wait_for_selector(".report.problem:has-text('is not there')")
    visit.notes.add_folder(tmp_path / "course")
    visit.notes.row("finch.txt").wait_for()
