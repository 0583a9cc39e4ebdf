"""The statements that answer stand below a model's text, but for those that it says itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.answer.beneath import with_cited, with_statements
from rag.answer.citations import check, cite
from rag.answer.found import Draft, Found
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.types import AnswerKind, Chunk, Citation, Decision, Hit, Tier

RATE, BUFFER = "The logger stores 4 readings a second.", "Its buffer holds 900 readings."
QUESTION = "How fast does the logger store, and how much does it hold?"


@pytest.fixture
def passages(make_chunk: Callable[..., Chunk]) -> list[Chunk]:
    return [make_chunk(RATE, document="logger.md"), make_chunk(BUFFER, document="buffer.md")]


@pytest.fixture
def answered(passages: list[Chunk]) -> Callable[..., Draft]:
    """Return a model's text over the first passages with the statements beneath it."""

    def make(text: str, shown: int = 2, tier: Tier = Tier.ANSWER, logit: float = 2.0) -> Draft:
        scores = tuple(
            PassageScore(0.8, logit, (SentenceScore(0, len(one.text), 0.8, logit),), (0.0, 0.0))
            for one in passages
        )
        hits = tuple(Hit(one, 1.0) for one in passages)
        found = Found(QUESTION, QUESTION, (), hits, scores, Decision(tier, None, None, ""))
        evidence = check(text, passages[:shown], 0.6)
        written = Draft(
            AnswerKind.ANSWER, evidence.text, evidence.sentences, evidence.citations, hits[:shown]
        )
        return with_statements(written, found)

    return make


def test_a_statement_that_the_text_leaves_out_stands_below_it(answered: Callable[..., Draft]) -> None:
    draft = answered("It stores 4 readings a second.")
    assert draft.text == f"It stores 4 readings a second. [1]\n\nIn your notes:\n\n{BUFFER} [2]"
    assert [(one.text, one.citations) for one in draft.sentences][1:] == [(BUFFER, (2,))]
    assert [(one.n, one.document) for one in draft.citations] == [(1, "logger.md"), (2, "buffer.md")]


def test_a_text_that_says_them_all_stays_alone(answered: Callable[..., Draft]) -> None:
    text = "The logger stores 4 readings a second, and its buffer holds 900 readings."
    assert "In your notes" not in answered(text).text


def test_another_figure_is_not_the_same_statement(answered: Callable[..., Draft]) -> None:
    text = "The logger stores 5 readings a second, and its buffer holds 900 readings."
    assert answered(text).text.endswith(f"In your notes:\n\n{RATE} [1]")


def test_a_passage_that_the_model_did_not_read_gets_the_next_number(answered: Callable[..., Draft]) -> None:
    draft = answered("It stores 4 readings a second.", shown=1)
    assert draft.text.endswith(f"{BUFFER} [2]")
    assert [hit.chunk.document for hit in draft.passages] == ["logger.md", "buffer.md"]


def test_nothing_stands_below_where_the_readers_find_no_answer(answered: Callable[..., Draft]) -> None:
    assert (
        answered("It stores 4 readings a second.", tier=Tier.EXTRACT).text
        == "It stores 4 readings a second. [1]"
    )


def test_an_extract_gets_the_whole_statement_that_a_text_cites(
    make_chunk: Callable[..., Chunk], passages: list[Chunk]
) -> None:
    note = make_chunk(f"# Logger\n\n{RATE} {BUFFER}", document="both.md", start=50, headings=("Logger",))
    hits = [Hit(one, 1.0) for one in (*passages[1:], note)]
    extract = Draft(AnswerKind.EXTRACT, f"Closest in your notes:\n\n{BUFFER} [1]", passages=tuple(hits[:1]))
    draft = with_cited(extract, [cite(2, note, "stores 4 readings")], hits)
    assert draft.text == f"Closest in your notes:\n\n{BUFFER} [1]\n\n{RATE} [2]"
    assert [(one.n, one.document, one.quote) for one in draft.citations] == [(2, "both.md", RATE)]
    assert [hit.chunk for hit in draft.passages] == [passages[1], note]
    assert with_cited(extract, [cite(1, passages[1], BUFFER)], hits) == extract


def test_a_heading_is_no_statement_to_add(make_chunk: Callable[..., Chunk]) -> None:
    note = make_chunk(f"# Logger\n\n{RATE}", document="one.md", headings=("Logger",))
    extract = Draft(AnswerKind.EXTRACT, f"Closest in your notes:\n\n{BUFFER}")
    start = note.text.index("Logger")
    heading = Citation(1, "one.md", "", start, start + len("Logger"), "Logger")
    assert with_cited(extract, [heading], [Hit(note, 1.0)]) == extract
