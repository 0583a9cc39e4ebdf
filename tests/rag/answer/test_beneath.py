"""The statements that answer stand below a model's text, but for those that it says itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rag.answer.beneath import with_cited, with_statements
from rag.answer.citations import check
from rag.answer.found import Draft, Found
from rag.answer.pair_scorer import PassageScore, SentenceScore
from rag.answer.quotes import quoted_sentences
from rag.answer.selected import Selected
from rag.answer.statements import statements_of
from rag.types import AnswerKind, Chunk, Citation, Decision, Hit, Tier

RATE, BUFFER = "The logger stores 4 readings a second.", "Its buffer holds 900 readings."
QUESTION = "How fast does the logger store, and how much does it hold?"


def _scored(chunk: Chunk, score: float, logit: float, left_out: Sequence[str] = ()) -> PassageScore:
    """Return scores of a passage whose sentences are all alike."""
    spans = [
        (one.start, one.end)
        for one in statements_of(chunk.text)
        if chunk.text[one.start : one.end] not in left_out
    ]
    return PassageScore(score, logit, tuple(SentenceScore(*span, score, logit) for span in spans), (0.0, 0.0))


@pytest.fixture
def passages(make_chunk: Callable[..., Chunk]) -> list[Chunk]:
    return [make_chunk(RATE, document="logger.md"), make_chunk(BUFFER, document="buffer.md")]


@pytest.fixture
def answered(passages: list[Chunk]) -> Callable[..., Draft]:
    """Return a model's text over the first passages with the statements beneath it."""

    def make(text: str, shown: int = 2, tier: Tier = Tier.ANSWER) -> Draft:
        scores = tuple(_scored(one, 0.8, 2.0) for one in passages)
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


def test_numbers_of_citations_are_no_figures_and_a_denial_is_another_statement(
    answered: Callable[..., Draft],
) -> None:
    text = "The logger stores readings a second. [4] Its buffer does not hold 900 readings."
    assert answered(text).text.endswith(f"In your notes:\n\n{RATE} [1]\n\n{BUFFER} [2]")


def test_an_open_fence_does_not_swallow_what_comes_below(answered: Callable[..., Draft]) -> None:
    assert "```\n\nIn your notes:" in answered("It stores 4 readings a second.\n```python\nread()").text


@pytest.fixture
def extract(make_chunk: Callable[..., Chunk]) -> Callable[..., Draft]:
    """Returns an extract of the buffer with what a citation of a note adds."""

    def make(text: str, cited: str, left_out: Sequence[str] = (), **fields: Any) -> Draft:
        note, buffer = make_chunk(text, document="note.md", start=50, **fields), make_chunk(BUFFER)
        hits = tuple(Hit(one, 1.0) for one in (buffer, note))
        scores = tuple(_scored(one.chunk, 0.1, 0.0, left_out) for one in hits)
        found = Found(QUESTION, QUESTION, (), hits, scores, Decision(Tier.EXTRACT, None, None, ""))
        (sentence,) = quoted_sentences([Selected(1, 0, len(BUFFER), 0.1)], [buffer], [buffer])
        drafted = Draft(AnswerKind.EXTRACT, f"Closest:\n\n{BUFFER} [1]", (sentence,), (), hits)
        start = note.start + text.index(cited)
        citation = Citation(1, "note.md", "", start, start + len(cited), cited)
        draft = with_cited(drafted, [citation], [hits[1]], found)
        for one in draft.citations:
            assert one.quote == text[one.start - 50 : one.end - 50]
            assert draft.passages[one.n - 1].chunk.document == one.document
        return draft

    return make


def test_an_extract_gets_the_whole_statement_that_a_text_cites(extract: Callable[..., Draft]) -> None:
    draft = extract(f"# Logger\n\n{RATE} Owls hunt.", "4 readings", headings=("Logger",))
    assert draft.text == f"Closest:\n\n{BUFFER} [1]\n\n{RATE} [2]"
    assert [(one.n, one.document, one.quote) for one in draft.citations] == [(2, "note.md", RATE)]


@pytest.mark.parametrize(
    ("text", "cited", "left_out"),
    [
        (BUFFER, "900", ()),
        (f"# Logger\n\n{RATE}", "Logger\n", ()),
        (f"{RATE}\n\nlog: step 4", "log: step 4", ("log: step 4",)),
    ],
    ids=["said already", "a heading", "left out by the readers"],
)
def test_what_adds_no_statement_leaves_an_extract_as_it_is(
    extract: Callable[..., Draft], text: str, cited: str, left_out: Sequence[str]
) -> None:
    assert extract(text, cited, left_out, headings=("Logger",)).text == f"Closest:\n\n{BUFFER} [1]"


def test_a_statement_with_what_it_leans_on_is_shown_once(extract: Callable[..., Draft]) -> None:
    text = "The logger stores 4 readings. It has a clock of its own."
    assert extract(text, text).text.count("The logger stores 4 readings.") == 1
