"""The requests to an engine and their results.

It is the interface between the LangChain models and the engines. An engine is anything with `submit`; it runs
in this process, may batch several requests, and passes tokens on as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class FinishReason(StrEnum):
    """The reason why a generation ended, in the words of the OpenAI protocol."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt with how to continue it.

    `grammar` is EBNF that the continuation must obey, empty for none. `temperature` 0 is greedy.
    """

    prompt_ids: tuple[int, ...]
    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    grammar: str = ""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Token ids that came together.

    `finish` is set on the last batch, whose ids may be empty.
    """

    ids: tuple[int, ...]
    finish: FinishReason | None = None


class Generation(Protocol):
    """A request under way. Iterating yields batches until one has a `finish`; `cancel` frees its place."""

    def __iter__(self) -> Iterator[TokenBatch]: ...

    def cancel(self) -> None: ...


class GenerationEngine(Protocol):
    """A loaded model."""

    name: str

    def submit(self, request: GenerationRequest) -> Generation:
        """A generation for the request, queued if others run.

        Raises:
            ModelBusy: the queue is full.
        """
        ...

    def close(self) -> None:
        """Free the model's memory; requests under way end as cancelled."""
        ...
