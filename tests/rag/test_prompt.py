"""Prompts number their notes, keep the stable part first, and read citations back."""

from collections.abc import Callable

import pytest

from rag.prompt import ABSTENTION, PromptStyle, cited_numbers, render, without_citations
from rag.types import Chunk, Role, Turn


def test_notes_are_numbered_with_their_place(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("BM25 ranks.", title="Lesson 2", headings=("Ranking", "BM25"))
    system, asked = render(PromptStyle.READER, " What ranks? ", [chunk])
    assert ABSTENTION in system.content
    assert "[1]" in asked.content
    assert "Lesson 2 › Ranking › BM25" in asked.content
    assert asked.content.endswith("Question: What ranks?")


def test_the_conversation_comes_between_the_rules_and_the_notes() -> None:
    history = (Turn(Role.USER, "a"), Turn(Role.ASSISTANT, "b"))
    turns = render(PromptStyle.INSTRUCT, "c", (), history)
    assert [turn.role for turn in turns] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER]
    assert len(render(PromptStyle.READER, "c", (), history)) == 2


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a [1] b [2][3].", (1, 2, 3)),
        ("[1, 2] and [2]", (1, 2)),
        ("array[0] and x[i]", ()),
        ("rows[1].text, [2](page) and ```\nx[3]\n``` or `y[4]` [5]", (5,)),
        ("none", ()),
        ("[1234]", ()),
    ],
)
def test_cited_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert cited_numbers(text) == numbers


def test_without_citations() -> None:
    assert without_citations("It ranks [1], well. [2][3]") == "It ranks, well."
