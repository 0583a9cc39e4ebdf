"""Control tokens in message contents, kept as plain text by any chat template.

A note or a question may contain `<|im_start|>`. In the rendered prompt it would look like the template's own marker,
and the tokenizer would begin a new turn there. So every such string gets a mark after its first character before the
template is rendered, and the prompt is cut at the marks and tokenized piece by piece: no piece contains the whole
string, and the pieces together decode to the characters that were written. Only the marker of the template is whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARK = "\ufdd0"
"""A noncharacter: Unicode reserves it for use inside programs, not in texts."""
Message = dict[str, str]


class ControlTokens:
    """The control tokens of a tokenizer, hidden in the contents of messages.

    `added` are the tokenizer's added tokens by id. All special ones are hidden. Others that the chat template writes
    (Gemma's turn markers, for example) are hidden in every message but the assistant's own, in which they can have a
    meaning, as `<think>` has.
    """

    def __init__(self, added: Mapping[int, Any], template: str, ends: Sequence[int] = ()) -> None:
        special = {token.content for number, token in added.items() if token.special or number in ends}
        written = {token.content for token in added.values() if token.content in template}
        self._in_answers = _occurrences(special)
        self._elsewhere = _occurrences(special | written)

    def hide(self, messages: Sequence[Message]) -> tuple[list[Message], str]:
        """Return the messages with a mark inside every control token, and the mark.

        The mark is empty and the messages are unchanged if no content contains a control token.
        """
        mark = _MARK
        while any(mark in message["content"] for message in messages):
            mark += _MARK
        hidden = [message | {"content": self._marked(message, mark)} for message in messages]
        return (hidden, mark) if hidden != list(messages) else (list(messages), "")

    def _marked(self, message: Message, mark: str) -> str:
        pattern = self._in_answers if message["role"] == "assistant" else self._elsewhere
        return pattern.sub(mark, message["content"]) if pattern else message["content"]


def pieces(text: str, mark: str) -> list[str]:
    """Return a rendered prompt cut at the marks, each piece to be tokenized alone."""
    return text.split(mark) if mark else [text]


def _occurrences(tokens: set[str]) -> re.Pattern[str] | None:
    """Return a pattern of the places after the first character of each token.

    The pattern has no width, so that overlapping tokens are found too: `(?<=<)(?=im_start>)`. Tokens of one
    character cannot be cut.
    """
    by_first: dict[str, list[str]] = {}
    for token in sorted(tokens):
        if len(token) > 1:
            by_first.setdefault(token[0], []).append(re.escape(token[1:]))
    # One alternative for each first character: Llama 3 has 256 control tokens, and most places fail at that character.
    places = [f"(?<={re.escape(first)})(?={'|'.join(rests)})" for first, rests in by_first.items()]
    return re.compile("|".join(places)) if places else None
