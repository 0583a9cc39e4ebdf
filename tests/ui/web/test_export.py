"""A conversation as Markdown, with its sources."""

from __future__ import annotations

from collections.abc import Callable

from rag.types import Answer, Sentence
from ui.web.conversation import Exchange, Outcome
from ui.web.export import conversation_markdown, file_name


def test_the_whole_file(make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]) -> None:
    extra = Sentence("It costs 7.", (), False, 0.0, "no shown passage holds the number 7")
    answer = make_answer("The owl hunts at night. [1] It costs 7.")
    answer = make_answer(
        answer.text, sentences=(*answer.sentences, extra), standalone_question="When does the barn owl hunt?"
    )
    failed = make_exchange(
        outcome=Outcome.FAILED,
        answer=None,
        question="And\nnow?",
        error="The disk is full.",
        scope=("folder:owls",),
    )
    assert conversation_markdown([make_exchange(answer), failed]) == (
        "# When does the owl hunt?\n\n## When does the owl hunt?\n\n*Understood as: When does the barn owl hunt?*\n\n"
        "The owl hunts at night. [1] It costs 7.\n\nNot supported by the passages:\n\n"
        "- It costs 7. (no shown passage holds the number 7)\n\n**Sources**\n\n"
        "[1] birds.md › lines 1-1\n\n> The owl hunts at night.\n\n*SmolLM2 with default, 2026-11-22 04:00 UTC*\n\n"
        "## And now?\n\n*Asked about: owls/*\n\n*Understood as: When does the owl hunt?*\n\n*No answer: The disk is full.*\n"
    )


def test_file_names_hold_nothing_odd(make_exchange: Callable[..., Exchange]) -> None:
    assert file_name([make_exchange(question='../"x"\r\n: ünï?')]) == "lectern-x-n.md"
    assert file_name([]) == "lectern-conversation.md"
