"""Rows of a data set become conversations: `(training, held out)` lists of chat messages.

Rows that cannot be used are dropped and counted by reason; nothing vanishes silently.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from finetune.encoding import Message
from finetune.recipe import DataPart, Rows
from rag.errors import DatasetError


@dataclass(slots=True)
class Conversations:
    """Conversations to train on and to measure on, how many rows were dropped for which reason, and, where a data set has
    them, the intents of both in the same order."""

    train: list[list[Message]]
    held_out: list[list[Message]]
    dropped: dict[str, int] = field(default_factory=dict)
    train_intents: list[str] = field(default_factory=list)
    held_out_intents: list[str] = field(default_factory=list)


def read_conversations(part: DataPart, seed: int) -> Conversations:
    """The conversations of a recipe's data.

    Raises:
        DatasetError: the data are missing, malformed, or lack a column.
    """
    if part.rows is Rows.GROUNDED:
        from finetune.grounded.rows import conversation, load

        folder = Path(part.path)
        found = Conversations(
            [conversation(example) for example in load(folder, "train")],
            [conversation(example) for example in load(folder, "valid")],
        )
    elif part.rows is Rows.CUSTOMER_SERVICE:
        from finetune.customer_service import read_customer_service

        found = read_customer_service(part, seed)
    else:
        found = _messages(Path(part.path), part.evaluation_share)
    if part.limit:
        found.train, found.train_intents = found.train[: part.limit], found.train_intents[: part.limit]
    if not found.train:
        raise DatasetError(f"{part.path} has no row to train on. Give a file with at least one conversation.")
    return found


def _messages(path: Path, share: float) -> Conversations:
    """Rows of a JSON-lines file with `messages`; a share of them, evenly spread, is held out."""
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = text.decode("utf-8").split("\n")  # str.splitlines() would cut at a U+2028 within a string
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as exc:
        raise DatasetError(
            f"{path} cannot be read ({exc}). Give a JSON-lines file with a `messages` column."
        ) from exc
    rows = [_checked(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    held = [is_held_out(place, share) for place in range(len(rows))]
    return Conversations(
        [row for row, out in zip(rows, held, strict=True) if not out],
        [row for row, out in zip(rows, held, strict=True) if out],
    )


def is_held_out(place: int, share: float) -> bool:
    """Whether the row at `place` is held out: evenly spread, `floor(n * share)` of the first n rows, so never all."""
    return math.floor((place + 1) * share) > math.floor(place * share)


def _checked(path: Path, number: int, line: str) -> list[Message]:
    try:
        messages = json.loads(line)["messages"]
        valid = bool(messages) and all(
            isinstance(m["role"], str) and isinstance(m["content"], str) for m in messages
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise DatasetError(f"{path} line {number} is no conversation ({exc!r}). Expected {_FORM}.") from exc
    if not valid:
        raise DatasetError(f"{path} line {number} is no conversation. Expected {_FORM}.")
    return [{"role": m["role"], "content": m["content"]} for m in messages]


_FORM = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'
