"""Proposals: definitions found by their wording, kept only if the retriever finds them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eval.golden.drafts import (
    Draft,
    definition_drafts,
    kept_drafts,
    model_drafts,
    spread,
    unanswerable_drafts,
)
from eval.golden.golden_file import GoldenQuestion
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Hit, Locator, Unit

TEXT = (
    "# Loss\n\nA loss function is a measure of error. It is a number. **Gradient descent** is the usual way down. "
    "The MSE is a mean of squares. A Pt100 is a film\nof platinum. Its sheet is a contract. How far is a mile?\n\nThere is a catch."
)


def _document(text: str) -> Document:
    blocks = (
        Block(BlockKind.HEADING, 0, 6, Locator(Unit.LINE, 1, 1), 1),
        Block(BlockKind.PARAGRAPH, 8, len(text), Locator(Unit.LINE, 3, 5)),
    )
    return Document("loss.md", "Loss", DocumentKind.MARKDOWN, "h", text, blocks)


def test_definitions_become_questions_with_their_exact_span() -> None:
    drafts = list(definition_drafts(_document(TEXT)))
    assert [draft.question for draft in drafts] == [
        "What is a loss function?",
        "What is gradient descent?",
        "What is the MSE?",
        "What is a Pt100?",
    ]
    for draft in drafts:
        assert TEXT[draft.start : draft.end] == draft.text
    assert drafts[3].answer == "A Pt100 is a film of platinum."
    assert drafts[1].answer == "Gradient descent is the usual way down."


@pytest.fixture
def draft() -> Draft:
    return Draft("What is a loss?", "A loss is a number.", "loss.md", 0, 19, "A loss is a number.")


def test_only_what_is_found_is_kept_and_each_question_once(
    draft: Draft, make_hit: Callable[..., Hit]
) -> None:
    found = make_hit("A loss is a number.", document="loss.md")
    other = make_hit("Something else.", document="m.md")
    (kept,) = kept_drafts([draft, draft], lambda _: [other, found])
    assert (kept.gold[0].start, kept.gold[0].end, kept.tags) == (0, 19, ("draft",))
    assert list(kept_drafts([draft], lambda _: [other] * 5 + [found])) == []
    assert list(kept_drafts([draft], lambda _: [found], ["what is a LOSS?"])) == []


def test_a_written_answer_must_stand_in_its_passage(make_chunk: Callable[..., Chunk]) -> None:
    passage = make_chunk("Momentum averages past gradients.", document="m.md", start=5)
    replies = iter(
        [
            ("What does momentum average?", "past gradients"),
            ("What is Adam?", "an optimiser"),
            ("Tell me", "past gradients"),
        ]
    )
    (draft,) = model_drafts([passage] * 3, lambda _: next(replies))
    assert (draft.question, draft.start, draft.end) == (
        "What does momentum average?",
        5,
        5 + len(passage.text),
    )


def test_every_document_has_its_turn() -> None:
    drafts = [Draft(f"{name}{i}?", "", name, i, i + 1, "") for name in "ab" for i in range(5)]
    chosen = spread(drafts, 4)
    assert sorted(draft.document for draft in chosen) == ["a", "a", "b", "b"]
    assert spread(drafts, 100) == drafts


def test_questions_of_another_course_are_unanswerable_here(
    make_question: Callable[..., GoldenQuestion],
) -> None:
    others = [
        make_question("a"),
        make_question("b", unanswerable=True),
        make_question("c", history=[{"role": "user", "content": "x"}]),
    ]
    (drawn,) = unanswerable_drafts(others, 5)
    assert (drawn.question, drawn.unanswerable, drawn.gold) == ("What is a?", True, ())
