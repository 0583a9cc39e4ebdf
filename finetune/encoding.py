"""Conversations become tokens of which only the assistant's count for the loss.

The prompt is rendered with the model's own chat template. A token belongs to the assistant if it stands after the
template's own generation prompt, up to and including the token that ends the turn: without that one a model never learns
to stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rag.errors import DatasetError

IGNORED = -100
_BATCH_ROWS = 512
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
    return _joined(tokenizer, _tokens(tokenizer, _stretches(tokenizer, messages)))


def encode_all(
    tokenizer: Any, rows: Iterable[Sequence[Message]], context_tokens: int
) -> tuple[list[Encoded], int]:
    """The encoded rows that fit the context, and how many did not and were left out.

    Many rows go to the tokenizer at once, which reads them on all cores.
    """
    kept: list[Encoded] = []
    too_long = 0
    waiting = iter(rows)
    while batch := [_stretches(tokenizer, messages) for messages in islice(waiting, _BATCH_ROWS)]:
        ids = iter(_tokens(tokenizer, [text for stretches in batch for text in stretches]))
        for stretches in batch:
            encoded = _joined(tokenizer, list(islice(ids, len(stretches))))
            if len(encoded.input_ids) > context_tokens:
                too_long += 1
            else:
                kept.append(encoded)
    return kept, too_long


def _stretches(tokenizer: Any, messages: Sequence[Message]) -> list[str]:
    """The rendered conversation up to its last answer, cut into what stands before an answer and the answer, in turn."""
    stretches: list[str] = []
    done = ""
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
        stretches += [before[len(done) :], through[len(before) :]]
        done = through
    if not stretches:
        raise DatasetError("A row has no assistant turn, so there is nothing to learn from it. Drop it.")
    return stretches


def _joined(tokenizer: Any, stretches: Sequence[list[int]]) -> Encoded:
    """One row of the tokens of its stretches; nothing after the end of the last answer."""
    ids: list[int] = []
    labels: list[int] = []
    last = 0
    for prompt, answer in zip(stretches[::2], stretches[1::2], strict=True):
        last = len(ids) + len(prompt) + _end_of_turn(tokenizer, answer)
        ids += prompt + answer
        labels += [IGNORED] * len(prompt) + answer
        labels[last:] = [IGNORED] * (len(ids) - last)
    return Encoded(ids[:last], labels[:last])


def _template(tokenizer: Any, messages: Sequence[Message], *, answering: bool) -> str:
    return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answering))


def _tokens(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text. Prompt and answer are tokenized apart, as when a model answers: else an answer's first space
    joins the prompt."""
    return list(tokenizer(list(texts), add_special_tokens=False)["input_ids"])


def _end_of_turn(tokenizer: Any, ids: list[int]) -> int:
    """One past the last special token of an answer, which ends the turn; the whole length without any."""
    special = set(tokenizer.all_special_ids)
    return next((place + 1 for place in range(len(ids) - 1, -1, -1) if ids[place] in special), len(ids))
