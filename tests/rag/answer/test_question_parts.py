"""The parts of questions, answers, tables and code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from rag.answer.code_blocks import code_of, definition_end
from rag.answer.follow_up import named_items, substitutions, with_named_item
from rag.answer.matching import number_of
from rag.answer.question_parts import sides_of
from rag.answer.series import numbers_in
from rag.answer.structures import structures_of
from rag.answer.two_questions import ways_to_ask
from rag.types import Role, Turn


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Compare UDP and TCP", ("UDP", "TCP")),
        ("slotted against pure ALOHA", ("slotted ALOHA", "pure ALOHA")),
        ("Unterschied zwischen Diffusion und Osmose", ("Diffusion", "Osmose")),
        ("How do flash and sigma-delta converters differ?", ("flash", "sigma-delta converters")),
        ("Type A vs Type B", ("Type A", "Type B")),
    ],
)
def test_the_sides_of_a_comparison(question: str, sides: tuple[str, str]) -> None:
    assert sides_of(question)[0] in {sides, (f"{sides[0]} converters", sides[1])}


def test_two_questions_are_split_with_what_the_second_needs() -> None:
    assert ("What does a nonce do", "who signs a certificate?") in ways_to_ask(
        "What does a nonce do and who signs a certificate?"
    )
    assert ("Which ports do Kestra use?", "Which ports do Grafana use?") in ways_to_ask(
        "Which ports do Kestra and Grafana use?"
    )


@pytest.mark.parametrize(
    ("question", "ways"),
    [
        (
            "What voltage do Lisa and Marge need at noon?",
            ("What voltage do Lisa need at noon?", "What voltage do Marge need at noon?"),
        ),
        (
            "Wie lange dauern Übung 1 und Übung 2 im Sommer?",
            ("Wie lange dauern Übung 1 im Sommer?", "Wie lange dauern Übung 2 im Sommer?"),
        ),
        (
            "Who invented the lens and who ground the first one?",
            ("Who invented the lens", "who ground the first one?"),
        ),
    ],
)
def test_two_subjects_of_one_predicate_are_asked_one_after_the_other(
    question: str, ways: tuple[str, str]
) -> None:
    assert ways_to_ask(question)[0] == ways


def test_a_pronoun_is_also_the_last_thing_of_the_first_half() -> None:
    question = "What is allowed in the oral exam, and in which room is it?"
    assert ("What is allowed in the oral exam", "in which room is the oral exam?") in ways_to_ask(question)


def test_the_second_one_is_what_the_last_answer_names_second() -> None:
    history = (Turn(Role.ASSISTANT, "There are flash, SAR and sigma-delta converters. [1]"),)
    assert with_named_item("what is the last one used for?", history) == (
        "what is the sigma-delta converters used for?"
    )
    assert with_named_item("what is the second law?", history) == "what is the second law?"
    assert named_items("- one\n- two\n") == ["one", "two"]


def test_a_short_follow_up_takes_the_place_of_a_thing_of_the_last_question() -> None:
    history = (Turn(Role.USER, "How long is the TCP header?"),)
    assert "How long is the UDP header?" in substitutions("And UDP?", history)
    assert substitutions("what about the price of a new one in the shop then", history) == []


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("−93 dB", ["-93"]),
        ("2,000", ["2000"]),
        ("0,5", ["0.5"]),
        ("-40 to 125 °C", ["-40", "125"]),
        ("none", []),
    ],
)
def test_the_numbers_of_a_cell(cell: str, numbers: list[str]) -> None:
    assert numbers_in(cell) == [Decimal(number) for number in numbers]


@pytest.mark.parametrize(
    ("word", "number"),
    [("four", 4), ("vier", 4), ("VI", 6), ("12", 12), ("dreißig", 30), ("I", None), ("mix", None)],
)
def test_the_numbers_that_words_say(word: str, number: int | None) -> None:
    assert number_of(word) == number


def test_a_definition_ends_with_its_indentation_or_its_brace() -> None:
    python = "def f(a,\n      b):\n    if a:\n\n        return 1\n    return 2\n\nprint(3)\n"
    assert python[: definition_end(python, 0, 5)].endswith("return 2")
    brace = "function g() {\n  if (x) { y(); }\n}\nh();\n"
    assert brace[: definition_end(brace, 0, 10)].endswith("}\n}")


def test_columns_that_spaces_align_are_a_table(read_note: Callable[[str, str], Any]) -> None:
    text = "# Run\n\n```output\ncity    hotels    rank\nRome      12    2\nOslo       7    5\n```\n"
    tables = [one for one in structures_of(read_note("run.md", text)) if one.head]
    assert [item.cells for item in tables[0].items] == [("Rome", "12", "2"), ("Oslo", "7", "5")]


def test_code_in_a_list_is_found_with_what_it_prints(read_note: Callable[[str, str], Any]) -> None:
    text = "# Do\n\n1. Run this:\n\n    ```python\n    def two():\n        return 2\n    ```\n\n    It gives:\n\n    ```output\n    2\n    ```\n"
    (code,) = code_of(read_note("do.md", text))
    assert code.name == "two"
    assert code.output is not None
