"""The context budget is counted, never exceeded, and what is left out is said."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.prompt_budget import Budget, fit
from rag.errors import QuestionError
from rag.prompt import PromptStyle, render
from rag.types import Chunk, Hit, Locator, Omission, OmissionCode, Role, Turn, Unit


def count(turns: Sequence[Turn]) -> int:
    return sum(len(turn.content.split()) for turn in turns)


def hit(words: int, name: str) -> Hit:
    return Hit(Chunk(name, "a.md", 0, 0, 1, " ".join([name] * words), Locator(Unit.LINE, 1, 1)), 1.0)


def bare(style: PromptStyle = PromptStyle.READER) -> int:
    return count(render(style, "What is it?", ()))


def test_a_passage_that_does_not_fit_is_passed_over_for_a_shorter_one_and_said() -> None:
    hits = [hit(10, "a"), hit(50, "b"), hit(10, "c")]
    budget = Budget(prompt_tokens=1000, passage_tokens=25, passages=3)  # 11 + 51 + 11 with their numbers
    context = fit(PromptStyle.READER, "What is it?", hits, (), count, budget)
    assert [shown.chunk.id for shown in context.passages] == ["a", "c"]
    assert context.prompt_tokens == bare() + 22
    assert context.omissions == (Omission(OmissionCode.PASSAGES_OVER_SETTING, 1, 3, 25),)
    near = Budget(prompt_tokens=bare() + 24, passage_tokens=25, passages=3)
    context = fit(PromptStyle.READER, "What is it?", hits, (), count, near)
    assert context.omissions == (Omission(OmissionCode.PASSAGES_OVER_CONTEXT, 1, 3),)


def test_the_oldest_turns_go_first() -> None:
    history = [
        Turn(Role.USER, "old " * 50),
        Turn(Role.ASSISTANT, "old"),
        Turn(Role.USER, "new"),
        Turn(Role.ASSISTANT, "new"),
    ]
    budget = Budget(prompt_tokens=bare(PromptStyle.INSTRUCT) + 10, passage_tokens=100, passages=3)
    context = fit(PromptStyle.INSTRUCT, "What is it?", [], history, count, budget)
    assert [turn.content for turn in context.messages[1:-1]] == ["new", "new"]
    assert context.omissions == (Omission(OmissionCode.HISTORY_OVER_CONTEXT, 2, 4),)


def test_a_reader_is_shown_no_history_and_nothing_is_missed() -> None:
    history = [Turn(Role.USER, "a"), Turn(Role.ASSISTANT, "b")]
    context = fit(PromptStyle.READER, "What is it?", [], history, count, Budget(1000, 100, 3))
    assert len(context.messages) == 2
    assert context.omissions == ()


def test_a_question_longer_than_the_context_is_refused_with_both_numbers() -> None:
    with pytest.raises(QuestionError, match=r"takes \d+ tokens and the model reads 30"):
        fit(PromptStyle.READER, "word " * 100, [], (), count, Budget(30, 100, 3))


@given(
    st.lists(st.integers(1, 80), max_size=8), st.integers(100, 300), st.integers(1, 300), st.integers(1, 8)
)
def test_the_budget_holds_for_any_passages(sizes: list[int], prompt: int, passages: int, most: int) -> None:
    hits = [hit(size, f"h{i}") for i, size in enumerate(sizes)]
    context = fit(PromptStyle.READER, "What is it?", hits, (), count, Budget(prompt, passages, most))
    assert context.prompt_tokens == count(context.messages) <= min(prompt, bare() + passages)
    assert len(context.passages) <= most
    assert bool(context.omissions) == (len(context.passages) < min(most, len(hits)))


def test_passages_are_numbered_as_they_are_shown(make_hit: Callable[..., Hit]) -> None:
    context = fit(
        PromptStyle.READER, "q?", [make_hit("first"), make_hit("second")], (), count, Budget(900, 900, 2)
    )
    assert "[1]\nfirst" in context.messages[-1].content
    assert "[2]\nsecond" in context.messages[-1].content
