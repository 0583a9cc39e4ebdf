"""A conversation as Markdown, with its sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rag.types import Answer, Sentence
from ui.web.conversation import Exchange, ExchangeOutcome, from_json
from ui.web.export import (
    Written,
    answered_by,
    conversation_html,
    conversation_lines,
    conversation_markdown,
    file_name,
    written_answer,
)


def test_the_whole_file(make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]) -> None:
    extra = Sentence("It costs 7.", (), False, 0.0, "no shown passage holds the number 7")
    answer = make_answer("The owl hunts at night. [1] It costs 7.")
    answer = make_answer(
        answer.text, sentences=(*answer.sentences, extra), standalone_question="When does the barn owl hunt?"
    )
    failed = make_exchange(
        outcome=ExchangeOutcome.FAILED,
        answer=None,
        question="And\nnow?",
        error="The disk is full.",
        scope=("folder:owls",),
    )
    assert conversation_markdown([make_exchange(answer, model="SmolLM2-135M-Instruct"), failed]) == (
        "# When does the owl hunt?\n\n## When does the owl hunt?\n\n*Understood as: When does the barn owl hunt?*\n\n"
        "The owl hunts at night. [1] It costs 7.\n\nNot found in the passages:\n\n"
        "- It costs 7. (no shown passage holds the number 7)\n\n**Sources**\n\n"
        "[1] birds.md › lines 1-1\n\n> The owl hunts at night.\n\n*SmolLM2-135M-Instruct, 2026-11-22 04:00 UTC*\n\n"
        "## And now?\n\n*Asked about: owls/*\n\n*Understood as: When does the owl hunt?*\n\n*No answer: The disk is full.*\n"
    )


def test_file_names_hold_nothing_odd(make_exchange: Callable[..., Exchange]) -> None:
    assert file_name([make_exchange(question='../"x"\r\n: ünï?')]) == "lectern-x-n.md"
    assert file_name([]) == "lectern-conversation.md"


def test_an_answer_to_paste_keeps_its_formulas_and_names_its_sources(
    make_answer: Callable[..., Answer], make_exchange: Callable[..., Exchange]
) -> None:
    written = written_answer(make_exchange(make_answer("It is $x^2$. [1]")))
    assert written.bare == "It is $x^2$."
    assert written.sourced == "It is $x^2$. [1]\n\nSources:\n[1] birds.md › lines 1-1"
    assert written_answer(make_exchange(answer=None)) == Written()


def test_an_adapter_of_ones_own_is_named_and_an_old_answer_has_no_name(
    make_answer: Callable[..., Answer], make_exchange: Callable[..., Exchange]
) -> None:
    receipt = replace(make_answer().receipt, adapter="adapters/birds")
    answer = make_answer(receipt=receipt)
    assert answered_by(make_exchange(answer, model="qwen")) == "qwen with adapters/birds, "
    assert answered_by(make_exchange()) == ""


def test_a_web_page_is_inert_and_json_lines_are_whole(make_exchange: Callable[..., Exchange]) -> None:
    exchange = make_exchange(question="<script>alert(1)</script> why?")
    page = conversation_html([exchange])
    assert "<script" not in page
    assert "The owl hunts at night." in page
    assert "birds.md › lines 1-1" in page
    assert [from_json(line) for line in conversation_lines([exchange, exchange]).splitlines()] == [
        exchange
    ] * 2
    assert file_name([exchange], "jsonl").endswith(".jsonl")
