"""Rows of a data set as conversations for training and for measuring.

A conversation is a list of chat messages. Rows that cannot be used are dropped and counted by reason.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from rag.chat_models.files.control_tokens import Message
from rag.errors import DatasetError
from rag.json_text import parse_json

BLANK_ANSWER = "blank answer"
"""The reason for rows with an empty answer, which teach a model to say nothing."""


@dataclass(slots=True)
class Conversations:
    """Conversations for training and held-out ones, with the rows dropped by reason.

    If a data set has intents, they are in the same order as the conversations.
    """

    train: list[list[Message]]
    held_out: list[list[Message]]
    dropped: dict[str, int] = field(default_factory=dict)
    train_intents: list[str] = field(default_factory=list)
    held_out_intents: list[str] = field(default_factory=list)


def read_messages(path: Path, share: float) -> Conversations:
    """Return the rows of a JSON-lines file with `messages`.

    A share of them, evenly spread, is held out.
    """
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = text.decode("utf-8").split("\n")  # str.splitlines() would cut at a U+2028 within a string
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as exc:
        raise DatasetError(
            f"{path} cannot be read ({exc}). Give a JSON-lines file with a `messages` column."
        ) from exc
    found = [_checked(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    rows = [row for row in found if not _has_blank_answer(row)]
    dropped = {BLANK_ANSWER: len(found) - len(rows)} if len(rows) < len(found) else {}
    held_out = [is_held_out(place, share) for place in range(len(rows))]
    return Conversations(
        [row for row, out in zip(rows, held_out, strict=True) if not out],
        [row for row, out in zip(rows, held_out, strict=True) if out],
        dropped,
    )


def is_held_out(place: int, share: float) -> bool:
    """Return whether the row at `place` is held out.

    Held-out rows are evenly spread: `floor(n * share)` of the first n rows, so never all.
    """
    return math.floor((place + 1) * share) > math.floor(place * share)


def _checked(path: Path, number: int, line: str) -> list[Message]:
    """Return the messages of a line.

    Raises:
        DatasetError: the line is not a conversation, or has no answer or begins with one.
    """
    try:
        messages = parse_json(line)["messages"]
        valid = bool(messages) and all(
            isinstance(m["role"], str) and isinstance(m["content"], str) for m in messages
        )
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise DatasetError(f"{path} line {number} is no conversation ({exc!r}). Expected {_FORM}.") from exc
    if not valid:
        raise DatasetError(f"{path} line {number} is no conversation. Expected {_FORM}.")
    roles = [m["role"] for m in messages]
    if roles[0] == "assistant":
        raise DatasetError(f"{path} line {number} begins with the assistant. Begin it with a user message.")
    if "assistant" not in roles:
        raise DatasetError(
            f"{path} line {number} has no assistant turn, so there is nothing to learn from it. Add one or drop the row."
        )
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def _has_blank_answer(messages: list[Message]) -> bool:
    return any(m["role"] == "assistant" and not m["content"].strip() for m in messages)


_FORM = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'
