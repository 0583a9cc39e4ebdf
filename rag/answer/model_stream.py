"""The tokens of a model as events, with the text so far."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from rag.answer.found import Clock, Model
from rag.answer.messages import to_messages
from rag.events import Token
from rag.types import Turn

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk
    from langchain_core.runnables import RunnableConfig


@dataclass(slots=True)
class Written:
    """The text and the number of tokens that a model has written so far."""

    text: str = ""
    tokens: int = 0


def stream_tokens(
    model: Model,
    turns: Sequence[Turn],
    written: Written,
    clock: Clock,
    config: RunnableConfig | None,
    ends: Callable[[str], bool],
) -> Generator[Token]:
    """Yield the tokens that a model writes, until the text so far `ends`.

    `written` grows with them. Closing the generator stops the model at once.
    """
    stream = cast("Generator[AIMessageChunk]", model.stream(to_messages(turns), config))
    with closing(stream):  # closing the chain's stream stops the model now, not when it is collected
        for chunk in stream:
            if chunk.text:
                clock.mark_token()
                written.text += chunk.text
                yield Token(chunk.text)
                if ends(written.text):
                    break
            if chunk.usage_metadata:
                written.tokens += chunk.usage_metadata["output_tokens"]
