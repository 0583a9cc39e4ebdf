"""Sentences about the running of a course, which are not worth a question.

Dates, places, authors and the installation of software are of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.answer.found import SentenceEmbedder

EXAMPLES = (
    "Office hours, contact and e-mail address of the lecturer",
    "Assessment, deadlines, grades and due dates of assignments",
    "Install the software, create an account and clone the repository",
    "The authors of this course and where they work",
    "Speakers of the event and their biographies",
    "She is an engineer at a company and the author of a book",
    "We offer a curriculum of lessons for beginners",
    "Click the link to join the community and watch the video",
    "In this lesson you will learn",
    "Acknowledgements, licence and credits",
    "Timetable of lectures and rooms",
    "How to submit homework and projects",
    "Upload the file, open the notebook in Colab and run the cells",
    "Prerequisites, workload and certificate of the course",
)
"""Sentences of the kind, written for this project."""
SAME_KIND = 0.33
"""Cosine from which a text is of that kind.

Read off the example course and one public course: nearly everything above it was about a course.
"""


@dataclass(slots=True)
class AboutCourse:
    """A classifier of texts about the running of a course, by their vectors."""

    embedder: SentenceEmbedder
    _examples: NDArray[np.float32] | None = None

    def likeness(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the greatest cosine of each text with an example, (n,)."""
        if self._examples is None:
            self._examples = self.embedder.embed_passages(list(EXAMPLES))
        if not texts:
            return np.zeros(0, np.float32)
        return np.asarray(
            (self.embedder.embed_passages(list(texts)) @ self._examples.T).max(axis=1), np.float32
        )
