"""The sources panel: numbers, reasons, the highlight, and what was not shown to the model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from rag.types import Answer, Block, BlockKind, Chunk, Document, DocumentKind, Hit, Locator, Unit, Why
from ui.web.conversation import Exchange, Outcome
from ui.web.passage_view import Layout, layout_of, passage_html
from ui.web.sources_view import EMPTY, sources_html, why_words


def test_the_reasons_are_in_words(passage: Chunk) -> None:
    hit = Hit(passage, 0.714, Why(1, 0.62, 3, 4.0, 1, matched_terms=("owl", "hunts")))
    assert why_words(hit) == "score 0.71 · meaning: 1st, 0.62 · words: 3rd (owl, hunts)"
    assert (
        why_words(Hit(passage, 0.5, Why(dense_rank=22, rerank_score=1.5)))
        == "score 0.50 · meaning: 22nd · reranked: 1.50"
    )
    assert why_words(Hit(passage, 0.5, Why(match_score=0.8))) == "score 0.50 · token by token: 0.80"
    assert why_words(Hit(passage, 0.5, Why(lexical_rank=111))) == "score 0.50 · words: 111th"


def test_the_cited_sentence_is_highlighted(make_exchange: Callable[..., Exchange]) -> None:
    html = sources_html(make_exchange())
    assert re.findall(r"<mark>(.*?)</mark>", html) == ["The owl hunts at night."]
    assert 'id="source-e1-1" open' in html
    assert "birds.md</span> › &quot;Owls&quot; › line 1" in html


def test_the_sources_of_an_outline_were_not_shown_to_a_model(
    make_exchange: Callable[..., Exchange],
) -> None:
    plain = make_exchange()
    assert plain.answer is not None
    html = sources_html(replace(plain, answer=replace(plain.answer, details={"outline": True})))
    assert "The first passage of each document that the answer names." in html
    assert "shown to the model" not in html


def test_before_the_answer_nothing_is_highlighted(make_exchange: Callable[..., Exchange]) -> None:
    html = sources_html(make_exchange(outcome=Outcome.PENDING, answer=None, text=""))
    assert "<mark>" not in html
    assert "1 of 1 passages found are shown to the model." in html


def test_passages_that_were_not_shown_are_folded_away(
    make_exchange: Callable[..., Exchange], make_hit: Callable[..., Hit]
) -> None:
    hits = (
        *make_exchange().hits,
        make_hit("The finch sings.", document="finch.md"),
        make_hit("Eggs.", document="e.md"),
    )
    html = sources_html(make_exchange(hits=hits, shown=1))
    shown, rest = html.split('<details class="rest">')
    assert "source-e1-1" in shown
    assert "source-e1-2" not in shown
    assert "2 more passages found, not shown to the model" in rest
    assert "source-e1-3" in rest


def test_an_abstention_shows_the_nearest_passages(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    answer = make_answer("The notes do not say.", abstained=True, sentences=(), citations=())
    html = sources_html(make_exchange(answer, shown=0))
    assert "they do not hold an answer" in html
    assert "source-e1-1" in html
    assert 'class="rest"' not in html


def test_nothing_asked_and_nothing_found(make_exchange: Callable[..., Exchange]) -> None:
    assert sources_html(None) == EMPTY
    assert "Nothing was found." in sources_html(make_exchange(hits=(), shown=0))


def test_a_poisoned_passage_is_inert(
    make_exchange: Callable[..., Exchange], make_chunk: Callable[..., Chunk]
) -> None:
    poison = "<script>alert(1)</script> ![x](http://evil.example/?q=1)"
    chunk = make_chunk(poison, document="<b>.md", headings=("<i>",))
    html = sources_html(
        make_exchange(hits=(Hit(chunk, 0.5, Why(lexical_rank=1, matched_terms=("<u>",))),), shown=1)
    )
    assert not re.search(r"<(script|img|b|i|u)\b", html)


def test_code_cells_are_drawn_as_code(make_chunk: Callable[..., Chunk]) -> None:
    text = "# Owls\n\n# not a heading\nhoot(1)"
    code = text.index("# not")
    where = Locator(Unit.CELL, 1, 1)
    blocks = (
        Block(BlockKind.HEADING, 50, 56, where, 1),
        Block(BlockKind.CODE, 50 + code, 50 + len(text), where),
    )
    document = Document("n.ipynb", "n", DocumentKind.NOTEBOOK, "", " " * 50 + text, blocks)
    chunk = make_chunk(text, document="n.ipynb", start=50)
    layout = layout_of(chunk, document)
    assert layout == Layout(markdown=True, code=((code, len(text)),))
    assert passage_html(text, layout, [(len(text) - 7, len(text))]) == (
        '<p class="heading">Owls</p>\n<pre class="code"># not a heading\n<mark>hoot(1)</mark></pre>'
    )


def test_a_page_is_plain_text(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("2 * 3 * 4 is 24", document="a.pdf")
    document = Document("a.pdf", "a", DocumentKind.PDF, "", chunk.text, ())
    html = passage_html(chunk.text, layout_of(chunk, document), [(2, 5)])
    assert html == '<p class="plain">2 <mark>* 3</mark> * 4 is 24</p>'
    assert layout_of(replace(chunk, document="gone.md"), None) == Layout(markdown=True)
