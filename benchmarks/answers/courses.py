"""The courses of the sets of questions, and their libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingest.pipeline import ingest_paths
from ui.application import Application, load

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
FOLDERS: dict[str, tuple[Path, ...]] = {
    "example": (ROOT / "examples" / "course",),
    "network": (SHARED / "cases" / "08-course-questions",),
    "zoomcamp": (SHARED / "courses" / "seed-notes", SHARED / "courses" / "llm-zoomcamp"),
    "ml": (SHARED / "courses" / "ml-for-beginners",),
    "hf": (SHARED / "courses" / "hf-course",),
}
"""The folders of notes by course; only the example course is in the project."""


def is_present(course: str) -> bool:
    """Return whether the notes of a course are on this machine."""
    return all(folder.exists() for folder in FOLDERS[course])


def open_course(
    course: str, libraries: Path, shared: Application | None = None, **settings: Any
) -> Application:
    """Return an application over a course, its library in a folder of `libraries`.

    Notes that are new or changed since the library was made are ingested first. With `shared` it uses the models
    of that application.
    """
    application = Application(load(libraries / course, **settings))
    if shared is not None:
        application.share_models(shared)
    ingest_paths(
        application.open_library(), list(FOLDERS[course]), application.embedder, application.settings
    )
    return application
