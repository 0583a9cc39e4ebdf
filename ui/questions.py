"""Files of questions asked in bulk.

They are JSON lines with `id`, `question` and optionally `history`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import DatasetError
from rag.json_text import parse_json
from rag.types import Role, Turn


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: Role
    content: str


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    id: str
    question: str
    history: list[_Message] = []


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """One line of a file of questions."""

    id: str
    question: str
    history: tuple[Turn, ...]


def read_questions(path: Path) -> list[AskedQuestion]:
    """Return the questions of a file, in order.

    Golden files are such files too.

    Raises:
        DatasetError: the file is missing, or a line is not what is expected (with its number).
    """
    return [_parse(path, number, line) for number, line in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise DatasetError(f"{path} cannot be read: {exc.strerror}. Pass a file of JSON lines.") from exc
    except UnicodeDecodeError as exc:
        raise DatasetError(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from exc
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _parse(path: Path, number: int, line: str) -> AskedQuestion:
    try:
        value: Any = parse_json(line)
        if isinstance(value, dict):
            value.setdefault("id", str(number))
        parsed = _Line.model_validate(value)
    except (json.JSONDecodeError, ValidationError) as exc:
        reason = exc.errors()[0]["msg"] if isinstance(exc, ValidationError) else exc.msg
        raise DatasetError(
            f'{path}, line {number}: {reason}. Each line must look like {{"id": "q1", "question": "..."}}.'
        ) from exc
    history = tuple(Turn(message.role, message.content) for message in parsed.history)
    return AskedQuestion(parsed.id, parsed.question, history)
