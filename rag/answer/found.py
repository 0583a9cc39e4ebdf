"""Values and interfaces between the steps of an answer: found evidence, drafts."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from rag.answer.pair_scorer import PassageScore
from rag.answer.select import Cosines
from rag.events import Event
from rag.prompt import PromptStyle
from rag.types import (
    AnswerKind,
    Chunk,
    Citation,
    Conflict,
    Decision,
    Hit,
    NamedPart,
    Omission,
    Sentence,
    Timings,
    Turn,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.runnables import RunnableConfig


class Model(Protocol):
    """The part of a LangChain chat model that the chain uses.

    Every model of `rag.chat_models` has it.
    """

    @property
    def fingerprint(self) -> str: ...

    @property
    def context_tokens(self) -> int:
        """The longest prompt with its answer, in tokens."""
        ...

    @property
    def max_answer_tokens(self) -> int: ...

    @property
    def prompt_style(self) -> PromptStyle: ...

    def count_tokens(self, turns: Sequence[Turn], /) -> int:
        """Return the tokens of the rendered conversation, template included."""
        ...

    def invoke(self, messages: list[BaseMessage], config: RunnableConfig | None = None, /) -> AIMessage: ...

    def stream(
        self, messages: list[BaseMessage], config: RunnableConfig | None = None, /
    ) -> Iterator[AIMessageChunk]: ...


class Scorer(Protocol):
    """The part of `rag.answer.evidence_scorer.EvidenceScorer` that the steps use."""

    @property
    def fingerprint(self) -> str: ...

    def score(self, question: str, passages: Sequence[Chunk], /) -> tuple[PassageScore, ...]: ...

    def any_answers(self, scores: Sequence[PassageScore], /) -> float: ...


class Rereader(Scorer, Protocol):
    """The part of `rag.answer.second_reader.reader.SecondReader` that the steps use."""

    @property
    def passages(self) -> int:
        """The most passages of a question that it reads."""
        ...

    @property
    def within(self) -> float:
        """Logits below the best passage's down to which it reads another."""
        ...

    def score_again(
        self, question: str, passages: Sequence[Chunk], first: Sequence[PassageScore], /
    ) -> tuple[PassageScore, ...]: ...

    def any_answers_again(self, scores: Sequence[PassageScore], first: float, /) -> float: ...


class SentenceEmbedder(Protocol):
    """The part of `rag.embedding.embedder.Embedder` that the steps use."""

    def embed_passages(self, texts: Sequence[str], /) -> NDArray[np.float32]: ...

    def embed_query(self, text: str, /) -> NDArray[np.float32]: ...


def cosines_with(embedder: SentenceEmbedder | None, question: str) -> Cosines | None:
    """Return a function from texts to their cosines with a question.

    The cosines of the same texts are worked out once: an answer is looked at before it is drafted.
    """
    if embedder is None:
        return None

    @cache
    def cosines(texts: tuple[str, ...]) -> list[float]:
        return cast("list[float]", (embedder.embed_passages(texts) @ embedder.embed_query(question)).tolist())

    return lambda texts: cosines(tuple(texts))


@dataclass(slots=True)
class Clock:
    """A stopwatch for one question, started when it is asked. All times are in seconds."""

    started: float = field(default_factory=time.perf_counter)
    retrieved: float = 0.0
    first_token: float | None = None

    def mark_retrieved(self) -> None:
        """Keep the time at which the search is done."""
        self.retrieved = time.perf_counter() - self.started

    def mark_token(self) -> None:
        """Keep the time of the first token; later calls change nothing."""
        if self.first_token is None:
            self.first_token = time.perf_counter() - self.started

    def timings(self, prompt_tokens: int, answer_tokens: int) -> Timings:
        """Return the timings up to now."""
        total = time.perf_counter() - self.started
        return Timings(self.retrieved, self.first_token, total, prompt_tokens, answer_tokens)


Below: TypeAlias = Callable[[Citation], "tuple[Chunk, Citation] | None"]
"""Returns a passage, and a citation in it, that belongs below what is cited."""


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence that the search found for one question.

    `standalone` is the question that was searched and `history` the messages of the conversation that are
    used, oldest first. `hits` are best first; `scores` are of the first of them, in their order. `cosines`
    returns the likeness of texts to the question; None without an embedder. `scope` is the part
    of the notes that the question itself names, where the search kept to it. `answerable` in [0, 1] is the
    probability that the scored passages answer. `readings` are the scored hits as they are read (see
    `rag.answer.readable`), to which the spans of the scores belong. `below` returns what a cell printed below a citation.
    """

    question: str
    standalone: str
    history: tuple[Turn, ...]
    hits: tuple[Hit, ...]
    scores: tuple[PassageScore, ...]
    decision: Decision
    omissions: tuple[Omission, ...] = ()
    cosines: Cosines | None = None
    scope: NamedPart | None = None
    answerable: float | None = None
    readings: tuple[Hit, ...] = ()
    below: Below | None = None

    @property
    def read_hits(self) -> tuple[Hit, ...]:
        """The hits, the scored ones as they are read."""
        return self.readings + self.hits[len(self.readings) :]

    @property
    def read_chunks(self) -> list[Chunk]:
        """The passages that were scored, as they are read."""
        return [hit.chunk for hit in self.read_hits[: len(self.scores)]]

    @property
    def searched(self) -> list[float]:
        """The scores of the scored hits in the search."""
        return [hit.score for hit in self.scored]

    @property
    def scored(self) -> tuple[Hit, ...]:
        """The hits that were scored."""
        return self.hits[: len(self.scores)]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before the chain adds question, hits, receipt and timings.

    `passages` are the hits shown, in the order of their numbers. The other fields are those of `Answer` and
    `Diagnostics`.
    """

    kind: AnswerKind
    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    passages: tuple[Hit, ...] = ()
    answers_question: float | None = None
    conflicts: tuple[Conflict, ...] = ()
    scope: NamedPart | None = None
    omissions: tuple[Omission, ...] = ()
    prompt_tokens: int = 0
    answer_tokens: int = 0
    model_text: str = ""
    context_tokens: int = 0
    context_assumed: bool = False


Drafting: TypeAlias = Generator[Event, None, Draft]
"""A running answerer: a generator that yields events and returns the draft."""


class Answerer(Protocol):
    """A way of answering: by quotes, or by a model that writes."""

    def draft(self, found: Found, clock: Clock, config: RunnableConfig | None) -> Drafting:
        """Yield the events, `Retrieved` first, and return the draft."""
        ...
