"""The models of this server: each course as one to ask, and the embedder."""

from __future__ import annotations

from datetime import datetime

from ui.api import embeddings
from ui.api.courses import Courses
from ui.api.openai_types import ModelCard


def model_cards(courses: Courses) -> list[ModelCard]:
    """Return every model, the default course first, without loading any."""
    cards = [
        ModelCard(
            id=name,
            created=_seconds(course.application.library.manifest.created_at),
            lectern={
                "course": course.name,
                "documents": len(course.application.library.documents()),
                "answers": "quotes" if course.application.quotes else course.application.settings.model.name,
            },
        )
        for name, course in courses.models().items()
    ]
    embedder = ModelCard(
        id=embeddings.MODEL,
        created=cards[0].created,
        lectern={"embedder": courses.default.application.settings.embedding.model},
    )
    return [*cards, embedder]


def _seconds(time: str) -> int:
    """Return a time in ISO 8601 as Unix seconds."""
    return int(datetime.fromisoformat(time).timestamp())
