"""The conversations of a recipe's data, whatever form its rows have."""

from __future__ import annotations

from pathlib import Path

from finetune.conversations import Conversations, read_messages
from finetune.customer_service import read_customer_service
from finetune.grounded.rows import conversation, load
from finetune.recipe import DataPart, Rows
from rag.errors import DatasetError


def read_conversations(part: DataPart, seed: int) -> Conversations:
    """The conversations of a recipe's data.

    Raises:
        DatasetError: the data are missing, malformed, or lack a column.
    """
    if part.rows is Rows.GROUNDED:
        folder = Path(part.path)
        found = Conversations(
            [conversation(example) for example in load(folder, "train")],
            [conversation(example) for example in load(folder, "valid")],
        )
    elif part.rows is Rows.CUSTOMER_SERVICE:
        found = read_customer_service(part, seed)
    else:
        found = read_messages(Path(part.path), part.evaluation_share)
    if part.limit:
        found.train, found.train_intents = found.train[: part.limit], found.train_intents[: part.limit]
    if not found.train:
        raise DatasetError(_no_row(part, found))
    return found


def _no_row(part: DataPart, found: Conversations) -> str:
    """Return the message for data without a row to train on.

    All rows were dropped or held out, or there was none.
    """
    dropped = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items())
    dropped = f" (dropped: {dropped})" if dropped else ""
    if found.held_out:
        return (
            f"{part.path} has no row to train on: all {len(found.held_out)} usable rows are held out to measure the adapter, "
            f"at least one of each intent{dropped}. Give more rows of each intent, or set data.evaluation_share = 0."
        )
    return f"{part.path} has no row to train on{dropped}. Give a file with at least one conversation."
