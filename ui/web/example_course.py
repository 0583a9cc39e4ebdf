"""The example course, which a first visit offers."""

from __future__ import annotations

from pathlib import Path

_UI = Path(__file__).resolve().parents[1]
_PLACES = (_UI / "example_course", _UI.parent / "examples" / "course")
"""Folders of the course: in an installed package, and in a clone."""


def example_course() -> Path | None:
    """Return the folder of the example course, None where it did not come along."""
    return next((folder for folder in _PLACES if folder.is_dir()), None)
