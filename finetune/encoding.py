"""Conversations become tokens of which only the assistant's count for the loss.

The prompt is rendered with the model's own chat template. A token belongs to the assistant if it stands after the
template's own generation prompt, up to and including the token that ends the turn: without that one a model never learns
to stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import DatasetError

IGNORED = -100
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids and labels of one conversation, equally long; a label of -100 does not count."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens count for the loss."""
        return sum(label != IGNORED for label in self.labels)


def encode(tokenizer: Any, messages: Sequence[Message]) -> Encoded:
    """The tokens of a conversation with the assistant's turns as labels.

    Raises:
        DatasetError: the conversation has no assistant turn, or the template rewrites earlier turns.
    """
    ids: list[int] = []
    labels: list[int] = []
    last, done = 0, ""
    for place, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _template(tokenizer, messages[:place], answering=True)
        through = _template(tokenizer, messages[: place + 1], answering=False)
        if not (before.startswith(done) and through.startswith(before)):
            raise DatasetError(
                "The model's chat template changes earlier turns when a later one is added, so the assistant's tokens "
                "cannot be told apart. Use rows with one answer each, or another template."
            )
        prompt, answer = _tokens(tokenizer, before[len(done) :]), _tokens(tokenizer, through[len(before) :])
        last = len(ids) + len(prompt) + _end_of_turn(tokenizer, answer)
        ids += prompt + answer
        labels += [IGNORED] * len(prompt) + answer
        labels[last:] = [IGNORED] * (len(ids) - last)
        done = through
    if last == 0:
        raise DatasetError("A row has no assistant turn, so there is nothing to learn from it. Drop it.")
    return Encoded(ids[:last], labels[:last])


def encode_all(
    tokenizer: Any, rows: Iterable[Sequence[Message]], context_tokens: int
) -> tuple[list[Encoded], int]:
    """The encoded rows that fit the context, and how many did not and were left out."""
    kept: list[Encoded] = []
    too_long = 0
    for messages in rows:
        encoded = encode(tokenizer, messages)
        if len(encoded.input_ids) > context_tokens:
            too_long += 1
        else:
            kept.append(encoded)
    return kept, too_long


def _template(tokenizer: Any, messages: Sequence[Message], *, answering: bool) -> str:
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answering))


def _tokens(tokenizer: Any, text: str) -> list[int]:
    """Prompt and answer are tokenized apart, as when a model answers: else an answer's first space joins the prompt."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _end_of_turn(tokenizer: Any, ids: list[int]) -> int:
    """One past the last special token of an answer, which ends the turn; the whole length without any."""
    special = set(tokenizer.all_special_ids)
    return next((place + 1 for place in range(len(ids) - 1, -1, -1) if ids[place] in special), len(ids))
