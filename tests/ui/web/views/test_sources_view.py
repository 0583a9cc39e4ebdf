"""The sources panel: numbers, reasons, the highlight, and what was not shown to the model."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from rag.types import (
    Answer,
    AnswerKind,
    Block,
    BlockKind,
    Chunk,
    Document,
    DocumentKind,
    Hit,
    Locator,
    Unit,
    Why,
)
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.views.passage_view import Layout, layout_of, passage_html
from ui.web.views.sources_view import empty_html, sources_html, why_words


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
    assert "birds.md</span> › &#34;Owls&#34; › line 1" in html


def test_the_sources_of_an_outline_were_not_shown_to_a_model(
    make_exchange: Callable[..., Exchange],
) -> None:
    plain = make_exchange()
    assert plain.answer is not None
    html = sources_html(replace(plain, answer=replace(plain.answer, kind=AnswerKind.OUTLINE)))
    assert "The first passage of each document that the answer names." in html
    assert "shown to the model" not in html


def test_an_extract_names_what_it_quotes_and_no_model(make_exchange: Callable[..., Exchange]) -> None:
    plain = make_exchange(prompt_tokens=0)
    assert plain.answer is not None
    assert "1 of 1 passages found were read for the answer." in sources_html(plain)
    html = sources_html(replace(plain, answer=replace(plain.answer, kind=AnswerKind.EXTRACT)))
    assert "1 passage found. The extract quotes those marked as cited." in html


def test_before_the_answer_nothing_is_highlighted(make_exchange: Callable[..., Exchange]) -> None:
    html = sources_html(make_exchange(outcome=ExchangeOutcome.PENDING, answer=None, text=""))
    assert "<mark>" not in html
    assert "1 of 1 passages found are shown to the model." in html


def test_what_was_found_is_shown_while_it_is_read(
    make_exchange: Callable[..., Exchange], make_hit: Callable[..., Hit]
) -> None:
    hits = (*make_exchange().hits, make_hit("The finch sings.", document="finch.md"))
    html = sources_html(
        make_exchange(outcome=ExchangeOutcome.PENDING, answer=None, text="", hits=hits, shown=0)
    )
    assert "2 passages found." in html
    assert 'class="rest"' not in html


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
    assert "they do not contain an answer" in html
    assert "source-e1-1" in html
    assert 'class="rest"' not in html


def test_nothing_asked_and_nothing_found(make_exchange: Callable[..., Exchange]) -> None:
    assert sources_html(None) == empty_html()
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
    span = (code, len(text))
    assert layout == Layout(markdown=True, code=(span,), coloured={span: "python"})
    assert passage_html(text, layout, [(len(text) - 7, len(text))]) == (
        '<p class="heading">Owls</p>\n<pre class="code" tabindex="0"># not a heading\n<mark>hoot(1)</mark></pre>'
    )


def test_a_page_is_plain_text(make_chunk: Callable[..., Chunk]) -> None:
    chunk = make_chunk("2 * 3 * 4 is 24", document="a.pdf")
    document = Document("a.pdf", "a", DocumentKind.PDF, "", chunk.text, ())
    html = passage_html(chunk.text, layout_of(chunk, document), [(2, 5)])
    assert html == '<p class="plain">2 <mark>* 3</mark> * 4 is 24</p>'
    assert layout_of(replace(chunk, document="gone.md"), None) == Layout(markdown=True)


def test_code_that_a_passage_cuts_through_stays_code(make_chunk: Callable[..., Chunk]) -> None:
    text = "Before.\n\n```python\nx = 1\ny = 2\nz = 3\n```\n\nAfter it."
    fence = (text.index("```python"), text.index("\n\nAfter"))
    where = Locator(Unit.LINE, 1, 1)
    blocks = (
        Block(BlockKind.PARAGRAPH, 0, 7, where),
        Block(BlockKind.CODE, *fence, where),
        Block(BlockKind.PARAGRAPH, fence[1] + 2, len(text), where),
    )
    document = Document("n.md", "n", DocumentKind.MARKDOWN, "", text, blocks)

    def drawn(start: int, end: int) -> str:
        chunk = make_chunk(text[start:end], document="n.md", start=start)
        return passage_html(chunk.text, layout_of(chunk, document))

    middle = text.index("y = 2")
    code = '<pre class="code" tabindex="0">'
    assert drawn(0, middle) == f"<p>Before.</p>\n{code}x = 1</pre>"
    assert drawn(middle, len(text)) == f"{code}y = 2\nz = 3</pre><p>After it.</p>\n"
    assert drawn(middle, middle + 5) == f"{code}y = 2</pre>"
    closing = text.index("```\n\nAfter")
    assert drawn(closing, len(text)) == "<p>After it.</p>\n"
    assert drawn(0, fence[0] + 4) == "<p>Before.</p>\n"
    assert "hl-" in drawn(0, len(text))
