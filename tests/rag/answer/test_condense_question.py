"""Follow-ups are recognised and completed; questions that stand alone are left alone."""

import pytest

from rag.answer.condense_question import accept_rewrite, leans_on_history, merge, topic
from rag.prompt import ABSTENTION
from rag.types import Role, Turn


def conversation(*said: str) -> list[Turn]:
    return [Turn(Role.USER if i % 2 == 0 else Role.ASSISTANT, text) for i, text in enumerate(said)]


BM25 = conversation("What is BM25?", "BM25 is a ranking function used by search engines. [1]")
DEADLINE = conversation(
    "What is the deadline for assignment 2?", "Assignment 2 is due on Friday, 14 March. [1]"
)


@pytest.mark.parametrize(
    ("history", "question", "expected"),
    [
        (BM25, "How does it handle long documents?", "How does BM25 handle long documents?"),
        (BM25, "And what are its parameters?", "And what are BM25's parameters?"),
        (BM25, "why?", "why (BM25)?"),
        (DEADLINE, "And for the essay?", "And for the essay (deadline for assignment 2)?"),
        (DEADLINE, "What is stemming?", "What is stemming?"),
        (
            DEADLINE,
            "Which of these metrics counts?",
            "Which of these metrics counts (deadline for assignment 2)?",
        ),
        (
            conversation("Who proposed PageRank?", "Larry Page."),
            "When did he publish it?",
            "When did Larry Page publish it?",
        ),
        (
            conversation("Explain precision and recall", ABSTENTION),
            "How do they differ?",
            "How do precision and recall differ?",
        ),
        ([], "How does it work?", "How does it work?"),
        (BM25, "what is hybrid search and why use it", "what is hybrid search and why use it"),
        (
            BM25,
            "What are its parameters and how are they set?",
            "What are BM25's parameters and how are they set?",
        ),
        (
            conversation(
                "list the homework deadlines", "Homework 1 is due on Monday, the deadlines are firm."
            ),
            "why are they firm?",
            "why are homework deadlines firm?",
        ),
    ],
)
def test_merge(history: list[Turn], question: str, expected: str) -> None:
    assert merge(question, history) == expected


def test_the_topic_is_followed_through_follow_ups() -> None:
    history = [
        *BM25,
        *conversation("How does it handle long documents?", "By length normalisation, which b controls."),
    ]
    assert topic(history) == "BM25"


@pytest.mark.parametrize(
    "question",
    ["What is an inverted index?", "Is it possible to use that many threads at the end of this course?"],
)
def test_a_question_that_stands_alone_does_not_lean(question: str) -> None:
    assert leans_on_history(question, BM25) == ("many threads" in question)


def test_a_rewrite_made_of_the_conversation_is_taken() -> None:
    assert accept_rewrite(
        '"How does BM25 handle long documents?"',
        "How does it do that?",
        [*BM25, Turn(Role.USER, "long documents handle")],
    ) == ("How does BM25 handle long documents?")


@pytest.mark.parametrize("rewrite", ["", "Pandas eat bamboo in Sichuan.", "x " * 500])
def test_an_invented_rewrite_falls_back_to_the_rule(rewrite: str) -> None:
    assert accept_rewrite(rewrite, "How does it rank?", BM25) == "How does BM25 rank?"
