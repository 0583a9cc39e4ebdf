"""The largest prompt that fits the model's context, in the model's tokens.

Instructions and the question are always in it. Passages come next, best first; then the conversation, latest
first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.errors import QuestionError
from rag.prompt import PromptStyle, render
from rag.settings import AnswerSettings
from rag.types import Hit, Omission, OmissionCode, Turn

CountTokens = Callable[[Sequence[Turn]], int]
"""A function from messages to their tokens, the model's chat template included."""


@dataclass(frozen=True, slots=True)
class Context:
    """The prompt that fits: its messages, passages and tokens, and what did not fit.

    `passages` are in the order of their numbers, from 1.
    """

    messages: tuple[Turn, ...]
    passages: tuple[Hit, ...]
    prompt_tokens: int
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a prompt.

    The whole prompt has at most `prompt_tokens`. It has at most `passages` passages, of `passage_tokens`
    together.
    """

    prompt_tokens: int
    passage_tokens: int
    passages: int


PASSAGES = 4
"""Most passages shown, where the settings do not say.

Training examples of the grounded adapter have two to six, most often four (`finetune.grounded.examples`).
Qwen2.5-Coder-1.5B has the answer to 161 of 215 questions with four passages (golden file, paragraphs of XQuAD),
to 159 with two, 161 with three, 162 with six and eight, and 158 with the best of four last. Its prompt has 630
tokens with four and 1,180 with eight.
"""
READER_PASSAGE_TOKENS = 1200
"""Most tokens of passages in the reader style.

Training examples have two to six passages in at most 2,048 tokens. The number is chosen within that, not
measured.
"""


def budget_for(style: PromptStyle, prompt_tokens: int, settings: AnswerSettings) -> Budget:
    """Return the limits of a prompt of at most `prompt_tokens`.

    Limits that the settings leave at 0 are chosen by the prompt's style. In the instruct style passages may
    take a third of the prompt.
    """
    share = READER_PASSAGE_TOKENS if style is PromptStyle.READER else prompt_tokens // 3
    return Budget(prompt_tokens, settings.passage_tokens or share, settings.passages or PASSAGES)


def fit(
    style: PromptStyle,
    question: str,
    hits: Sequence[Hit],
    history: Sequence[Turn],
    count: CountTokens,
    budget: Budget,
) -> Context:
    """Return the largest prompt within the budget.

    Raises:
        QuestionError: the question does not fit even without passages and history.
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
        _omissions(shown, hits[: budget.passages], kept, history, style, (bare, budget)),
    )


def _take_passages(
    style: PromptStyle, question: str, hits: Sequence[Hit], count: CountTokens, limit: int
) -> list[Hit]:
    """Return the hits that fit, in order; one that does not is skipped."""
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


def _omissions(
    shown: Sequence[Hit],
    hits: Sequence[Hit],
    kept: Sequence[Turn],
    history: Sequence[Turn],
    style: PromptStyle,
    limits: tuple[int, Budget],
) -> tuple[Omission, ...]:
    """Return the passages and messages that did not fit.

    `limits` are the tokens of the prompt without passages and history, and the budget.
    """
    bare_tokens, budget = limits
    found = []
    if len(shown) < len(hits):
        over_setting = bare_tokens + budget.passage_tokens < budget.prompt_tokens
        code = OmissionCode.PASSAGES_OVER_SETTING if over_setting else OmissionCode.PASSAGES_OVER_CONTEXT
        found.append(
            Omission(code, len(hits) - len(shown), len(hits), budget.passage_tokens if over_setting else 0)
        )
    if style is PromptStyle.INSTRUCT and len(kept) < len(history):
        found.append(Omission(OmissionCode.HISTORY_OVER_CONTEXT, len(history) - len(kept), len(history)))
    return tuple(found)
