"""The golden file: JSON lines of questions with the spans that answer them.

Gold is a span of a source document and never a chunk id, so a golden file outlives every change of chunker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rag.errors import DatasetError
from rag.json_text import parse_json
from rag.system.atomic_write import append
from rag.types import Role, Turn


class GoldSpan(BaseModel):
    """The half-open span `text[start:end]` of a document that answers a question."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    document: str = Field(min_length=1)
    start: int = Field(ge=0)
    end: int
    text: str = ""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError(
                f"gold span of {self.document} ends at {self.end}, which is not after its start {self.start}"
            )
        return self


class GoldenTurn(BaseModel):
    """An earlier message of the conversation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Role
    content: str


class GoldenQuestion(BaseModel):
    """A question, the answers that count as right, and the spans with the answer.

    `answers` are alternatives, each right on its own; `answer` is the one to show. A question with `unanswerable` has
    no gold: the right thing is to refuse. Unknown keys are left out here and named by `unknown_keys`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    history: tuple[GoldenTurn, ...] = ()
    answer: str | None = None
    answers: tuple[str, ...] = ()
    gold: tuple[GoldSpan, ...] = ()
    unanswerable: bool = False
    tags: tuple[str, ...] = ()

    @field_validator("id", mode="before")
    @classmethod
    def _number_as_id(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("question")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the question is empty")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.unanswerable and self.gold:
            raise ValueError(
                "the question is marked unanswerable and yet has gold spans; keep one of the two"
            )
        if not self.unanswerable and not self.gold and not self.references:
            raise ValueError(
                "the question has neither gold spans nor an answer; add one, or `unanswerable`: true"
            )
        return self

    @property
    def references(self) -> tuple[str, ...]:
        """Every answer that counts as right, each once, the one to show first."""
        return tuple(dict.fromkeys(text for text in ((self.answer or ""), *self.answers) if text.strip()))

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as the chain takes it."""
        return tuple(Turn(turn.role, turn.content) for turn in self.history)


def read_golden(path: Path) -> list[GoldenQuestion]:
    """Return the questions of a golden file in its order; blank lines are skipped.

    Raises:
        DatasetError: the file is missing, empty or not UTF-8, or a line breaks the format; names file and line.
    """
    questions: list[GoldenQuestion] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        question = _parse(line, f"{path}:{number}")
        if question.id in seen:
            raise DatasetError(
                f"{path}:{number}: the id {question.id!r} was used before on line {seen[question.id]}. Give each its own."
            )
        seen[question.id] = number
        questions.append(question)
    if not questions:
        raise DatasetError(
            f"{path} has no questions. Write one JSON object per line, or use `lectern eval golden add`."
        )
    return questions


def unknown_keys(path: Path) -> dict[str, int]:
    """Return the keys that are not read, each with the number of its first line."""
    found: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            for key in parse_json(line):
                if key not in GoldenQuestion.model_fields:
                    found.setdefault(key, number)
    return found


def append_golden(path: Path, question: GoldenQuestion) -> None:
    """Add one question at the end of a golden file, which is made if necessary.

    The line is on the disk when this returns. After an error the file is as long as it was before.

    Raises:
        DatasetError: the id is taken, the file that is there is not a golden file, or it cannot be written.
    """
    existing = read_golden(path) if path.exists() and path.stat().st_size else []
    if any(other.id == question.id for other in existing):
        raise DatasetError(
            f"{path} already has a question with the id {question.id!r}. Change that line, or choose another id."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    break_before = bool(existing) and not _ends_with_newline(path)
    _append(path, ("\n" * break_before + golden_line(question) + "\n").encode("utf-8"))


def golden_line(question: GoldenQuestion) -> str:
    """Return the question as one line of a golden file, without its empty fields."""
    fields = {
        key: value
        for key, value in question.model_dump(mode="json").items()
        if value not in (None, [], False, "")
    }
    return json.dumps(fields, ensure_ascii=False)


def question_id(question: str, history: Iterable[str] = ()) -> str:
    """Return a short id made from the words of the question and its history."""
    return "q-" + blake2b("\0".join((*history, question)).encode("utf-8"), digest_size=5).hexdigest()


def golden_hash(questions: Sequence[GoldenQuestion]) -> str:
    """Return a hash of a golden set, 32 hexadecimal digits.

    It is the same for the same questions in the same order.
    """
    return blake2b("\n".join(map(golden_line, questions)).encode("utf-8"), digest_size=16).hexdigest()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError as exc:
        raise DatasetError(f"No golden file at {path}. Pass --golden with a file that exists.") from exc
    except UnicodeDecodeError as exc:
        raise DatasetError(
            f"{path} is not UTF-8 (byte {exc.start}). Save it as UTF-8 and try again."
        ) from exc
    except OSError as exc:
        raise DatasetError(
            f"{path} cannot be read: {exc.strerror}. Pass --golden with a readable file."
        ) from exc


def _parse(line: str, place: str) -> GoldenQuestion:
    try:
        fields: Any = parse_json(line)
    except json.JSONDecodeError as exc:
        raise DatasetError(
            f"{place}: not JSON ({exc.msg} at column {exc.colno}). Each line is one JSON object."
        ) from exc
    if not isinstance(fields, dict):
        raise DatasetError(
            f"{place}: found a JSON {type(fields).__name__}, expected an object with id, question and gold."
        )
    try:
        return GoldenQuestion.model_validate(fields)
    except ValidationError as exc:
        raise DatasetError(f"{place}: {_in_words(exc)}") from exc


def _in_words(error: ValidationError) -> str:
    """Return every complaint about one line, in one sentence each."""
    complaints = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        complaints.append(f"`{where}` {message}" if where else message)
    return "; ".join(complaints) + "."


def _append(path: Path, content: bytes) -> None:
    """Write `content` at the end of a file and through to the disk, all or nothing."""
    try:
        append(path, content)
    except OSError as exc:
        raise DatasetError(
            f"{path} cannot be written ({exc.strerror}); nothing was added. Free some space, or choose another file."
        ) from exc


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
