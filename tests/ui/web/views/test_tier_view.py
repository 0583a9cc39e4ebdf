"""Extracts, refusals and the marks of a whole answer, read as a screen reader does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from rag.answer.texts import EXTRACT_LEAD
from rag.types import Answer, AnswerKind, Chunk, Citation, Conflict, Diagnostics, Hit, Sentence, Why
from ui.web.conversation import Exchange
from ui.web.views.answer_view import checked_html, exchange_html
from ui.web.views.passage_view import Layout


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


QUOTED = Sentence("The owl hunts at night.", (1,), True, 1.0, "quoted from its passage", quoted=True)


def test_a_quote_is_marked_as_one(make_answer: Callable[..., Answer]) -> None:
    assert (
        words(checked_html("e1", make_answer(sentences=(QUOTED,))))
        == "The owl hunts at night. ❝ quoted from [1]"
    )


@pytest.mark.parametrize(
    ("probability", "kind", "said"),
    [
        (0.7, AnswerKind.ANSWER, "likely"),
        (0.69, AnswerKind.LIST, "unsure"),
        (0.4, AnswerKind.ANSWER, "unsure"),
        (0.39, AnswerKind.EXTRACT, "unlikely"),
        (0.0, AnswerKind.ANSWER, "unlikely"),
        (None, AnswerKind.ANSWER, ""),
        (0.9, AnswerKind.TALK, ""),
    ],
)
def test_the_answer_says_how_likely_it_answers(
    make_exchange: Callable[..., Exchange],
    make_answer: Callable[..., Answer],
    probability: float | None,
    kind: AnswerKind,
    said: str,
) -> None:
    html = exchange_html(make_exchange(make_answer(answers_question=probability, kind=kind)))
    assert html.count("Answers the question:") == bool(said)
    if said:
        assert f"Answers the question: {said} . The evidence scorer gives {probability:.2f} of 1" in words(
            html
        )
        assert f'title="The evidence scorer gives {probability:.2f} of 1' in html


def test_an_extract_is_quotes_under_a_heading_and_never_supported(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    text = f"{EXTRACT_LEAD}\n\nThe owl hunts at night. [1]"
    html = exchange_html(make_exchange(make_answer(text, sentences=(QUOTED,), kind=AnswerKind.EXTRACT)))
    assert '<h4 class="tier">Closest in your notes, not a direct answer</h4>' in html
    assert "<blockquote" in html
    assert "The owl hunts at night. quoted from [1] birds.md › lines 1-1" in words(html)
    assert "supported" not in html
    assert re.findall(r"<(h\d)", html) == ["h3", "h4"]


def quote_of(chunk: Chunk, text: str) -> Citation:
    start = chunk.start + chunk.text.index(text)
    return Citation(1, chunk.document, chunk.label, start, start + len(text), text)


def of_passage(make_answer: Callable[..., Answer], chunk: Chunk, *quotes: str, **changes: Any) -> Answer:
    """An answer that quotes parts of one passage."""
    sentences = tuple(Sentence(quote, (1,), True, 1.0, "", True) for quote in quotes)
    return make_answer(
        " [1]\n\n".join(quotes) + " [1]",
        sentences=sentences,
        citations=tuple(quote_of(chunk, quote) for quote in quotes),
        hits=(Hit(chunk, 0.5),),
        **changes,
    )


TABLE = "| Bird | Hunts |\n|---|---|\n| Owl | at night |\n| Hawk | by day |"
CODE = "Run this:\ndef hoot():\n    return 1"


@pytest.mark.parametrize("kind", [AnswerKind.ANSWER, AnswerKind.EXTRACT])
def test_quoted_rows_are_a_table_with_its_head(
    make_exchange: Callable[..., Exchange],
    make_answer: Callable[..., Answer],
    make_chunk: Callable[..., Chunk],
    kind: AnswerKind,
) -> None:
    chunk = make_chunk(TABLE, document="birds.md")
    html = exchange_html(make_exchange(of_passage(make_answer, chunk, "| Hawk | by day |", kind=kind)))
    assert html.count("<th>") == 2
    assert "Bird Hunts Hawk by day" in words(html)
    assert "Owl" not in html


@pytest.mark.parametrize("kind", [AnswerKind.ANSWER, AnswerKind.EXTRACT])
def test_quoted_code_is_a_block_that_can_be_copied(
    make_exchange: Callable[..., Exchange],
    make_answer: Callable[..., Answer],
    make_chunk: Callable[..., Chunk],
    kind: AnswerKind,
) -> None:
    chunk = make_chunk(CODE, document="birds.ipynb")
    at = CODE.index("def")
    layouts = {chunk.id: Layout(markdown=True, code=((at, len(CODE)),))}
    answer = of_passage(make_answer, chunk, CODE[at:], kind=kind)
    html = exchange_html(make_exchange(answer), layouts=layouts)
    assert re.search(r'<pre class="code" tabindex="0">.*def hoot\(\):\n    return 1', html, re.DOTALL)
    assert html.count('class="copy-code"') == 1
    assert "</pre><button" in html
    assert words(html).count("quoted from [1]") == 1


def test_a_refusal_says_how_near_and_quotes_two_lines(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer], make_hit: Callable[..., Hit]
) -> None:
    owls = make_hit("# Owls\n\nThey sleep. Owls hunt.", document="a.md")
    hits = (
        replace(owls, why=Why(matched_terms=("hunt",))),
        make_hit("$$x$$ is " + "long " * 100, document="b.md"),
        make_hit("Third.", document="c.md"),
    )
    refused = make_answer(
        "The notes do not say.", abstained=True, kind=AnswerKind.NONE, sentences=(), citations=(), hits=hits,
        details=Diagnostics(gate="nearest passage at 0.23, threshold 0.42"),
    )  # fmt: skip
    said = words(exchange_html(make_exchange(refused, prompt_tokens=0)))
    assert "How near the notes come: nearest passage at 0.23, threshold 0.42." in said
    assert "Owls hunt. from [1] a.md ›" in said
    assert "long … from [2] b.md ›" in said
    assert "Third." not in said


def test_notes_that_disagree_are_linked(
    make_answer: Callable[..., Answer], make_exchange: Callable[..., Exchange]
) -> None:
    for kind in (AnswerKind.ANSWER, AnswerKind.EXTRACT):
        html = exchange_html(make_exchange(make_answer(conflicts=(Conflict((1, 3)),), kind=kind)))
        assert "Your notes disagree: [1] and [3]" in words(html)
        assert 'data-n="3" aria-label="Show passage 3"' in html


def test_quotes_that_are_blocks_stay_blocks_side_by_side(
    make_answer: Callable[..., Answer],
    make_exchange: Callable[..., Exchange],
    make_chunk: Callable[..., Chunk],
) -> None:
    formula = "It is defined as\n\n$$\nH = w / l.\n$$"
    row = "| heron | 2.1 kg |"
    chunk = make_chunk(f"{formula}\n\n{row}", document="heron.md")
    quotes = [
        Sentence(formula, (1,), True, 1.0, "", quoted=True),
        Sentence(row, (1,), True, 1.0, "", quoted=True),
    ]
    places = [(0, len(formula)), (len(formula) + 2, len(chunk.text))]
    citations = tuple(
        Citation(1, "heron.md", "heron.md › lines 1-7", start, end, quote.text)
        for quote, (start, end) in zip(quotes, places, strict=True)
    )
    text = f"{formula} {row}"
    answer = make_answer(text, sentences=tuple(quotes), citations=citations, hits=(Hit(chunk, 0.9, Why()),))
    html = exchange_html(make_exchange(answer))
    drawn = html.partition('<div class="answer')[2].partition("<ul")[0]
    assert "<lectern-math display>H = w / l.</lectern-math>" in drawn
    assert drawn.count("<td>") == 2
    assert "$$" not in drawn
    assert "|" not in drawn


def test_a_block_in_a_list_leaves_no_empty_item(
    make_answer: Callable[..., Answer],
    make_exchange: Callable[..., Exchange],
    make_chunk: Callable[..., Chunk],
) -> None:
    formula = "$$\nH = w / l.\n$$"
    chunk = make_chunk(formula, document="heron.md")
    quote = Sentence(formula, (1,), True, 1.0, "", quoted=True)
    citation = Citation(1, "heron.md", "heron.md › lines 1-3", 0, len(formula), formula)
    answer = make_answer(
        f"Herons\n\n- {formula}", sentences=(quote,), citations=(citation,), hits=(Hit(chunk, 0.9, Why()),)
    )
    drawn = exchange_html(make_exchange(answer)).partition('<div class="answer')[2].partition("</div>")[0]
    assert "<lectern-math display>" in drawn
    assert "<li>" not in drawn
