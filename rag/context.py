"""What fits into the model's context: counted with the model's own tokenizer, and what was left out is said.

Instructions and the question always stay. Passages come next, best first; then the conversation, latest first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.errors import QuestionError
from rag.prompt import PromptStyle, render
from rag.types import Hit, Turn

CountTokens = Callable[[Sequence[Turn]], int]
"""Tokens of a rendered conversation, the model's template included."""


@dataclass(frozen=True, slots=True)
class Context:
    """The prompt that fits, the passages in it (numbered from 1 in this order), and what did not fit and into what, in words."""

    messages: tuple[Turn, ...]
    passages: tuple[Hit, ...]
    prompt_tokens: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much there is: `prompt_tokens` for the whole prompt, `passages` notes of `passage_tokens` in all."""

    prompt_tokens: int
    passage_tokens: int
    passages: int


def fit(
    style: PromptStyle,
    question: str,
    hits: Sequence[Hit],
    history: Sequence[Turn],
    count: CountTokens,
    budget: Budget,
) -> Context:
    """The largest prompt within the budget.

    Raises:
        QuestionError: the question alone, with one passage cut away entirely, does not fit.
    """
    bare = count(render(style, question, ()))
    if bare > budget.prompt_tokens:
        raise QuestionError(
            f"The question takes {bare} tokens and the model reads {budget.prompt_tokens}. Ask it in fewer words."
        )
    limit = min(budget.prompt_tokens, bare + budget.passage_tokens)
    shown = _take_passages(style, question, hits[: budget.passages], count, limit)
    kept = _take_history(style, question, shown, history, count, budget.prompt_tokens)
    messages = render(style, question, [hit.chunk for hit in shown], kept)
    return Context(
        messages,
        tuple(shown),
        count(messages),
        _left_out(shown, hits[: budget.passages], kept, history, style, _limit_of_passages(bare, budget)),
    )


def _take_passages(
    style: PromptStyle, question: str, hits: Sequence[Hit], count: CountTokens, limit: int
) -> list[Hit]:
    """Passages in order while they fit; one that does not is passed over for a shorter one behind it."""
    shown: list[Hit] = []
    for hit in hits:
        if count(render(style, question, [other.chunk for other in (*shown, hit)])) <= limit:
            shown.append(hit)
    return shown


def _take_history(
    style: PromptStyle,
    question: str,
    shown: Sequence[Hit],
    history: Sequence[Turn],
    count: CountTokens,
    limit: int,
) -> list[Turn]:
    if style is PromptStyle.READER:
        return []
    chunks = [hit.chunk for hit in shown]
    kept = list(history)
    while kept and count(render(style, question, chunks, kept)) > limit:
        kept = kept[2:]
    return kept


def _limit_of_passages(bare_tokens: int, budget: Budget) -> str:
    """What bounds the passages, in words: the nearer of the two limits."""
    if bare_tokens + budget.passage_tokens < budget.prompt_tokens:
        return f"the {budget.passage_tokens:,} tokens of answer.passage_tokens"
    return "the model's context"


def _left_out(
    shown: Sequence[Hit],
    hits: Sequence[Hit],
    kept: Sequence[Turn],
    history: Sequence[Turn],
    style: PromptStyle,
    limit_of_passages: str,
) -> tuple[str, ...]:
    said = []
    if len(shown) < len(hits):
        said.append(f"{len(hits) - len(shown)} of {len(hits)} passages did not fit {limit_of_passages}")
    if style is PromptStyle.INSTRUCT and len(kept) < len(history):
        said.append(f"{len(history) - len(kept)} earlier messages did not fit the model's context")
    return tuple(said)
