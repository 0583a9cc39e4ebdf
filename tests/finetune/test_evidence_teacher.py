"""Tests of what is asked of the teacher and of what is kept, on strings made by hand."""

from __future__ import annotations

import random
from collections import Counter
from math import log
from typing import Any

import pytest

from finetune.evidence import join, write
from finetune.evidence import questions as q

TEXT = "# Rules\nLate homework loses 10 % a day. Ask early for an extension.\n\n| Quiz | Date |\n|---|---|\n| Quiz 2 | May 12, room H4 |\n"


def test_lines_worth_asking_about_are_statements() -> None:
    shown = q.shown("Statistics", TEXT)
    assert [shown.lines[number - 1] for number in q.worth_asking(shown)] == [
        "Late homework loses 10 % a day.",
        "Ask early for an extension.",
        "| Quiz 2 | May 12, room H4 |",
    ]


@pytest.mark.parametrize(
    "line",
    ["What is the optimal value of the bias?", "Now let's implement the RNN encoder.", "![plot](a.png)"],
)
def test_lines_that_state_nothing_are_not_asked_about(line: str) -> None:
    assert q.worth_asking(q.shown("", line)) == []


def test_prompt_names_the_lines_and_shows_the_style() -> None:
    messages = q.ask(q.shown("Statistics", TEXT), [2, 6], "search")
    assert messages[-1]["content"].startswith("Notes (Statistics):\n[1] # Rules\n[2] Late")
    assert "Questions for [2], [6]." in messages[-1]["content"]
    assert "late homework penalty" in messages[-2]["content"]


def test_questions_are_read_with_their_numbers() -> None:
    answer = (
        '[2] how late can I be?\n3: "What is early?"\n[9] not asked for\n[2] how late can I be?\n[3] cut of'
    )
    assert q.asked(answer, [2, 3]) == [(2, "how late can I be?"), (3, "What is early?"), (3, "cut of")]
    assert q.asked(answer, [2, 3], finished=False) == [(2, "how late can I be?"), (3, "What is early?")]


def test_forbidden_words_leave_names_and_numbers() -> None:
    sentence = "In 1998 Watson described the double helix of DNA."
    assert q.forbidden("What did Watson say of the double helix of DNA in 1998?", sentence) == [
        "double",
        "helix",
    ]


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ("what do I lose when I hand it in after the deadline?", True),
        ("how much does late homework lose?", False),
        ("How much does late homework lose a day?", False),
    ],
)
def test_rewrite_is_kept_only_in_other_words(after: str, kept: bool) -> None:
    assert (
        q.kept_rewrite("How much does late homework lose a day?", after, "Late homework loses 10 % a day.")
        is kept
    )


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("How much does late homework lose?", ""),
        ("late homework penalty", ""),
        ("What does the text say about homework?", "points"),
        ("What is the main goal of this study?", "points"),
        ("Why is it important for students?", "unresolved"),
        ("¿Por qué es importante este estudio?", "points"),
        ("why?", "short"),
        ("Late homework loses 10 % a day", "copied"),
        ("作业 late homework", "script"),
    ],
)
def test_useless_questions_are_named(question: str, reason: str) -> None:
    assert q.wrong(question, "Late homework loses 10 % a day.") == reason


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie viele Punkte verliere ich?", "de"),
        ("¿Cómo dibujo un histograma?", "es"),
        ("Comment tracer un histogramme avec les barres ?", "fr"),
        ("how do I draw a histogram", "en"),
        ("histogram bars", "en"),
    ],
)
def test_language_is_told_by_small_words(text: str, language: str) -> None:
    assert q.language_of(text) == language


def test_check_offers_each_line_and_none() -> None:
    messages, head, choices = q.check(q.shown("Statistics", TEXT))
    assert choices == ["A", "B", "C", "D", "E", "F", "Z"]
    assert "B. Late homework" in head and head.endswith("Question: ")
    assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * 3]


def test_typing_errors_change_little() -> None:
    rng = random.Random(0)
    for _ in range(50):
        said = join.mistyped("Which function draws a histogram?", rng)
        assert abs(len(said) - len("Which function draws a histogram?")) <= 3
        assert len(said.split()) == 5


def test_joined_filters_and_marks_the_round_trip() -> None:
    passage = {"corpus": "a", "document": "a/b.md", "context": "Statistics", "passage": TEXT}
    span = [TEXT.index("Late"), TEXT.index(" Ask")]
    rows = [
        {
            "i": 0,
            "s": 2,
            "q": "what does being late cost?",
            "style": "own",
            "p": [0.7, 0.1, 0.2],
            "span": span,
        },
        {
            "i": 0,
            "s": 2,
            "q": "What does being late cost",
            "style": "plain",
            "p": [0.7, 0.1, 0.2],
            "span": span,
        },
        {"i": 0, "s": 2, "q": "what is early homework", "style": "plain", "p": [0.3, 0.1, 0.6], "span": span},
        {
            "i": 0,
            "s": 2,
            "q": "why be on time",
            "style": "own",
            "p": [0.7, 0.1, 0.2],
            "span": span,
            "rank": 99,
        },
        {"i": 0, "s": 2, "q": "what is late homework?", "style": "de", "p": [0.7, 0.1, 0.2], "span": span},
    ]
    dropped: Counter[str] = Counter()
    found = list(join.joined([passage], rows, dropped))
    assert [(row["question"], row["round_trip"]) for row in found if row["style"] != "typo"] == [
        ("what does being late cost?", True),
        ("what is early homework", False),
        ("why be on time", False),
    ]
    assert dropped == {"twice": 1, "language": 1}
    assert found[0]["passage"][slice(*found[0]["sentence"])] == "Late homework loses 10 % a day."


def test_near_miss_is_asked_for_by_topic_without_the_notes() -> None:
    messages = q.miss("late homework penalty", "Statistics › Rules")
    assert messages[-1] == {
        "role": "user",
        "content": "Topic: Statistics › Rules\nQuestion: late homework penalty",
    }
    assert [message["role"] for message in messages[1:3]] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("How much does late homework lose?", "How much does a late essay lose?", True),
        ("which room is quiz 2 in", "which room is quiz 3 in", True),
        ("How much does late homework lose?", "how much does late homework lose", False),
        ("How much does late homework lose?", "Is the cafeteria open?", False),
        ("which room is quiz 2 in", "which room is the extension in", False),
        ("which room is quiz 2 in", "which room are quizzes 2 in", False),
        ("How much does my talk lose?", "How much does my poster lose?", False),
    ],
    ids=["thing", "number", "same", "far", "in the notes", "form", "not of the notes"],
)
def test_near_miss_asks_about_another_thing_than_the_notes(before: str, after: str, kept: bool) -> None:
    assert q.kept_miss(before, after, TEXT) is kept


def test_near_miss_is_kept_where_none_is_likelier_than_for_its_question() -> None:
    passage = {"corpus": "a", "document": "a/b.md", "context": "Statistics", "passage": TEXT}
    row = {"i": 0, "s": 2, "style": "miss", "span": [TEXT.index("Late"), TEXT.index(" Ask")]}
    rows = [
        {**row, "q": "what does a missed talk lose?", "p": [0.6, 0.08, 0.3], "none_of": 0.01},
        {**row, "q": "what does tardy homework lose?", "p": [0.9, 0.01, 0.1], "none_of": 0.01},
        {**row, "q": "what does slow homework lose?", "p": [0.9, 0.001, 0.1]},
    ]
    found = list(join.joined([passage], rows, Counter()))
    assert [one["round_trip"] for one in found if one["style"] == "miss"] == [True, False, False]


class _Fixed:
    """A teacher that writes what it is given and finds none likely for near misses."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def answers(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if requests and "choices" in requests[0]:
            none = [0.2 if r["messages"][-1]["content"].endswith("3") else 0.01 for r in requests]
            shares = [
                [(1 - n) / (len(r["choices"]) - 1)] * (len(r["choices"]) - 1)
                for n, r in zip(none, requests, strict=True)
            ]
            return [{"scores": [log(p) for p in [*share, n]]} for share, n in zip(shares, none, strict=True)]
        return [{"texts": [text], "finished": [True]} for text in self.texts]


def test_near_miss_keeps_its_question_and_how_likely_none_was_for_it() -> None:
    passages = [{"context": "Statistics", "passage": TEXT}]
    asked = [{"i": 0, "s": 6, "q": "when is quiz 2", "style": "own"}]
    always = random.Random(0)
    always.random = lambda: 0.0  # type: ignore[method-assign]
    missed = write.miss_all(_Fixed(["when is quiz 3"]), passages, asked, always)  # type: ignore[arg-type]
    write.check_all(_Fixed([]), passages, [*asked, *missed])  # type: ignore[arg-type]
    assert [(row["q"], row["style"], row["of"], row["none_of"]) for row in missed] == [
        ("when is quiz 3", "miss", "when is quiz 2", 0.01)
    ]
    assert missed[0]["p"][1] == 0.2
