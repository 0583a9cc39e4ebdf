"""Rows of a data set become conversations: `(training, held out)` lists of chat messages.

Rows that cannot be used are dropped and counted by reason; nothing vanishes silently.
"""

from __future__ import annotations

import gzip
import json
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
    """Rows of a JSON-lines file with `messages`; every k-th one is held out."""
    rows: list[list[Message]] = []
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for number, line in enumerate(text.decode("utf-8").splitlines(), 1):
            if line.strip():
                rows.append(_checked(path, number, line))
    except (OSError, UnicodeDecodeError) as exc:
        raise DatasetError(
            f"{path} cannot be read ({exc}). Give a JSON-lines file with a `messages` column."
        ) from exc
    step = round(1 / share) if share else 0
    held = [row for place, row in enumerate(rows) if step and place % step == step - 1]
    train = [row for place, row in enumerate(rows) if not (step and place % step == step - 1)]
    return Conversations(train, held)


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
