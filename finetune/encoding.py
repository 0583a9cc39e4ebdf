"""Conversations as token ids; only those of the assistant's messages have labels.

The prompt is rendered with the model's own chat template. A token belongs to the assistant if it comes after
the template's generation prompt, up to and including the token that ends the message: without that one a
model never learns to stop. Contents are plain text: a control token written in a row is never a token of that
kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rag.chat_models.files.control_tokens import ControlTokens, Message, pieces
from rag.errors import DatasetError

IGNORED = -100
_BATCH_ROWS = 512


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids and labels of one conversation, of equal length.

    A label of -100 does not count.
    """

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """The number of tokens that count for the loss."""
        return sum(label != IGNORED for label in self.labels)


def encode(tokenizer: Any, messages: Sequence[Message]) -> Encoded:
    """Return the tokens of a conversation with the assistant's messages as labels.

    Raises:
        DatasetError: the conversation has no answer or begins with one, or the template refuses it or changes earlier
            messages.
    """
    return _joined(
        tokenizer, _tokens(tokenizer, _stretches(tokenizer, messages, control_tokens_of(tokenizer)))
    )


def encode_all(
    tokenizer: Any, rows: Iterable[Sequence[Message]], context_tokens: int
) -> tuple[list[Encoded], int]:
    """Return the encoded rows that fit the context, and the number of longer ones.

    The tokenizer gets many rows at once, which it encodes on all cores.

    Raises:
        DatasetError: as `encode`.
    """
    kept: list[Encoded] = []
    too_long = 0
    waiting = iter(rows)
    control_tokens = control_tokens_of(tokenizer)
    while batch := [
        _stretches(tokenizer, messages, control_tokens) for messages in islice(waiting, _BATCH_ROWS)
    ]:
        ids = iter(_tokens(tokenizer, [stretch for stretches in batch for stretch in stretches]))
        for stretches in batch:
            encoded = _joined(tokenizer, list(islice(ids, len(stretches))))
            if len(encoded.input_ids) > context_tokens:
                too_long += 1
            else:
                kept.append(encoded)
    return kept, too_long


def encode_prompts(tokenizer: Any, prompts: Iterable[Sequence[Message]]) -> list[list[int]]:
    """Return the tokens of each prompt, ending where the assistant's answer begins.

    Raises:
        DatasetError: the model's chat template refuses a prompt.
    """
    control_tokens = control_tokens_of(tokenizer)
    stretches = []
    for prompt in prompts:
        messages, mark = control_tokens.hide(prompt)
        stretches.append(pieces(_template(tokenizer, messages, answering=True), mark))
    return _tokens(tokenizer, stretches)


def control_tokens_of(tokenizer: Any) -> ControlTokens:
    """Return the control tokens of a transformers tokenizer."""
    template = getattr(tokenizer, "chat_template", None)
    return ControlTokens(
        tokenizer.added_tokens_decoder, str(template or ""), tuple(tokenizer.all_special_ids)
    )


def _stretches(tokenizer: Any, messages: Sequence[Message], control_tokens: ControlTokens) -> list[list[str]]:
    """Return the rendered conversation, cut into prompts and answers in turn.

    It ends with the last answer. Each part is a list of pieces to be tokenized apart
    (`control_tokens.pieces`), usually of one.
    """
    stretches: list[list[str]] = []
    done = ""
    hidden, mark = control_tokens.hide(messages)
    for place, message in enumerate(hidden):
        if message["role"] != "assistant":
            continue
        if place == 0:
            raise DatasetError(
                "A row begins with the assistant, so its first answer has no question. Begin it with a user message."
            )
        before = _template(tokenizer, hidden[:place], answering=True)
        through = _template(tokenizer, hidden[: place + 1], answering=False)
        if not (before.startswith(done) and through.startswith(before)):
            raise DatasetError(
                "The model's chat template changes earlier turns when a later one is added, so the assistant's tokens "
                "cannot be found. Use rows with one answer each, or another template."
            )
        stretches += [pieces(before[len(done) :], mark), pieces(through[len(before) :], mark)]
        done = through
    if not stretches:
        raise DatasetError("A row has no assistant turn, so there is nothing to learn from it. Drop it.")
    return stretches


def _joined(tokenizer: Any, stretches: Sequence[list[int]]) -> Encoded:
    """Return one row made of the tokens of its parts.

    Tokens after the end of the last answer are left out.
    """
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
    from jinja2 import TemplateError

    try:
        return str(
            tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=answering)
        )
    except (TemplateError, LookupError, TypeError, ValueError) as exc:
        roles = ", ".join(message["role"] for message in messages)
        raise DatasetError(
            f"The model's chat template refuses messages of the roles {roles} ({exc}). Change the row's roles, or take "
            "a base model whose template has them."
        ) from exc


def _tokens(tokenizer: Any, stretches: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the tokens of each stretch.

    Prompt and answer are tokenized apart, as when a model answers: otherwise an answer's first space would join the prompt.
    """
    texts = [piece for stretch in stretches for piece in stretch]
    ids = iter(tokenizer(texts, add_special_tokens=False)["input_ids"]) if texts else iter(())
    return [[number for piece in islice(ids, len(stretch)) for number in piece] for stretch in stretches]


def _end_of_turn(tokenizer: Any, ids: list[int]) -> int:
    """Return the place after the last special token of an answer, which ends it.

    Without any it is the answer's length.
    """
    special = set(tokenizer.all_special_ids)
    return next((place + 1 for place in range(len(ids) - 1, -1, -1) if ids[place] in special), len(ids))
