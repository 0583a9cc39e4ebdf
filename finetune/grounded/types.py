"""The data of the grounded examples: `Source -> Corpus -> Example`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rag.types import Chunk

Span = tuple[str, int, int]
"""A document's name and a half-open range of its characters."""


class Part(StrEnum):
    """The purpose of a source, whose text is in one part only."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the stretches of documents that answer it.

    `answers` are short gold strings, any of which an answer must contain; empty where the source has none. No span means
    that no document of the source answers it. `origin` says how the question came to be: `human`, `written`, `rule`.
    """

    text: str
    spans: tuple[Span, ...]
    answers: tuple[str, ...] = ()
    origin: str = "human"


@dataclass(slots=True)
class Source:
    """Documents by file name, as students have them on disk, with questions on them."""

    name: str
    documents: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    part: Part = Part.TRAIN

    @property
    def folder(self) -> str:
        """The folder of its notes."""
        return f"{self.name}-{self.part}"


@dataclass(frozen=True, slots=True)
class Support:
    """A part of a passage that answers a question.

    It is the passage's index in its corpus, and the text verbatim.
    """

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """A question whose answer is known to the passage; as `Asked` otherwise.

    `beside` is the passage that a near miss was written on: it is about the same thing and does not answer.
    """

    text: str
    supports: tuple[Support, ...]
    answers: tuple[str, ...] = ()
    origin: str = "human"
    beside: int | None = None


@dataclass(slots=True)
class Corpus:
    """Passages that may be shown together as notes, and the questions on them."""

    name: str
    passages: list[Chunk]
    questions: list[TrainingQuestion] = field(default_factory=list)
    part: Part = Part.TRAIN


@dataclass(frozen=True, slots=True)
class Note:
    """A passage shown in an example.

    `cut` is a part taken out of it, so that it no longer answers.
    """

    passage: Chunk
    cut: str = ""

    def chunk(self) -> Chunk:
        """The passage as shown."""
        if not self.cut:
            return self.passage
        text = self.passage.text.replace(self.cut, " ").strip()
        return Chunk(
            self.passage.id,
            self.passage.document,
            self.passage.ordinal,
            self.passage.start,
            self.passage.end,
            text,
            self.passage.locator,
            self.passage.title,
            self.passage.headings,
        )


@dataclass(frozen=True, slots=True)
class Example:
    """A question, its notes in the order shown, and the answer the model should give.

    `gold` are the 1-based numbers of the notes that support the answer; none means that it should abstain. `answers`
    are the short strings of which a right answer contains one.
    """

    id: str
    source: str
    question: str
    notes: tuple[Note, ...]
    target: str
    gold: tuple[int, ...]
    answers: tuple[str, ...] = ()
