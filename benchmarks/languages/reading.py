"""Paragraphs and questions of a file in SQuAD's form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the place of its paragraph and its accepted answers."""

    id: str
    text: str
    place: int
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The paragraphs of a language, and its questions."""

    paragraphs: list[str]
    questions: list[Question]

    def thinned(self, count: int) -> Reading:
        """Return the reading with `count` questions, evenly; all of them for 0."""
        if not count:
            return self
        places = np.linspace(0, len(self.questions) - 1, min(count, len(self.questions))).astype(int)
        return Reading(self.paragraphs, [self.questions[place] for place in places])


def read(file: Path) -> Reading:
    """Return the paragraphs and questions of a file in SQuAD's form."""
    found = [
        paragraph
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
    ]
    asked = [
        Question(each["id"], each["question"], place, tuple(one["text"] for one in each["answers"]))
        for place, paragraph in enumerate(found)
        for each in paragraph["qas"]
    ]
    return Reading([one["context"] for one in found], asked)
