"""The sources panel: the passages that were found, before the first word of the answer, and what the answer rests on.

Passages shown to the model are numbered as the answer cites them; the rest follow folded away. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from rag.types import Chunk, Hit, Why
from ui.web.conversation import Exchange, Outcome
from ui.web.highlight import highlights
from ui.web.passage_view import Layout, layout_of, passage_html

EMPTY = (
    '<section class="sources empty" aria-label="Sources"><h2>Sources</h2><p>The passages that an answer rests on appear '
    "here, before its first word.</p></section>"
)


def sources_html(exchange: Exchange | None, layouts: Mapping[str, Layout] | None = None) -> str:
    """The panel for one exchange; `layouts` maps chunk ids to how they are drawn."""
    if exchange is None or (not exchange.hits and exchange.outcome is Outcome.PENDING):
        return EMPTY
    if not exchange.hits:
        return EMPTY.replace(
            "The passages that an answer rests on appear here, before its first word.", "Nothing was found."
        )
    drawn = layouts or {}
    shown = [
        _source_html(exchange, n, hit, drawn) for n, hit in enumerate(exchange.hits[: exchange.shown], 1)
    ]
    rest = [
        _source_html(exchange, n, hit, drawn) for n, hit in enumerate(exchange.hits, 1) if n > exchange.shown
    ]
    return (
        f'<section class="sources" aria-label="Sources" data-exchange="{exchange.id}"><h2>Sources</h2>'
        f'<p class="lead">{escape(_lead(exchange))}</p><ol>{"".join(shown)}</ol>{_rest_html(rest, bool(shown))}</section>'
    )


def cited_numbers_of(exchange: Exchange) -> tuple[int, ...]:
    """The passages that the finished answer names, ascending."""
    return tuple(sorted(citation.n for citation in exchange.answer.citations)) if exchange.answer else ()


def why_words(hit: Hit) -> str:
    """Why a passage was found, in words: `score 0.71 · meaning: 1st, 0.62 · words: 3rd (nyquist, rate)`."""
    why = hit.why
    said = [f"score {hit.score:.2f}"]
    if why.dense_rank is not None:
        cosine = f", {why.dense_score:.2f}" if why.dense_score is not None else ""
        said.append(f"meaning: {_ordinal(why.dense_rank)}{cosine}")
    if why.lexical_rank is not None:
        said.append(f"words: {_ordinal(why.lexical_rank)}{_terms(why)}")
    if why.match_score is not None:
        said.append(f"token by token: {why.match_score:.2f}")
    if why.rerank_score is not None:
        said.append(f"reranked: {why.rerank_score:.2f}")
    return " · ".join(said)


def _terms(why: Why) -> str:
    return f" ({', '.join(why.matched_terms)})" if why.matched_terms else ""


def _ordinal(rank: int) -> str:
    ending = "th" if 10 <= rank % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _lead(exchange: Exchange) -> str:
    found = len(exchange.hits)
    if exchange.answer is not None and exchange.answer.abstained:
        return "These passages are nearest to the question, but they do not hold an answer."
    if exchange.answer is not None and exchange.answer.details.get("outline"):
        return "The first passage of each document that the answer names."
    if not exchange.shown:
        return f"{found} passages found."
    return f"{exchange.shown} of {found} passages found are shown to the model."


def _rest_html(rest: Sequence[str], folded: bool) -> str:
    if not rest:
        return ""
    if not folded:
        return f"<ol>{''.join(rest)}</ol>"
    count = "1 more passage" if len(rest) == 1 else f"{len(rest)} more passages"
    return f'<details class="rest"><summary>{count} found, not shown to the model</summary><ol>{"".join(rest)}</ol></details>'


def _source_html(exchange: Exchange, number: int, hit: Hit, layouts: Mapping[str, Layout]) -> str:
    chunk = hit.chunk
    spans = highlights(exchange.answer, number, chunk) if exchange.answer else []
    cited = number in cited_numbers_of(exchange)
    layout = layouts.get(chunk.id) or layout_of(chunk, None)
    open_now = cited or (number == 1 and not cited_numbers_of(exchange))
    badge = '<span class="badge">cited</span>' if cited else ""
    return (
        f'<li><details class="source{" cited" if cited else ""}" id="source-{exchange.id}-{number}"{" open" if open_now else ""}>'
        f'<summary><span class="number" aria-hidden="true">{number}</span><span class="locator">'
        f'<span class="spoken">Passage {number}: </span>{_locator_html(chunk)}</span>{badge}</summary>'
        f'<p class="why">{escape(why_words(hit))}</p><blockquote class="passage" dir="auto" tabindex="-1">'
        f"{passage_html(chunk.text, layout, spans)}</blockquote>"
        f'<button type="button" class="back" data-exchange="{exchange.id}">Back to the answer</button></details></li>'
    )


def _locator_html(chunk: Chunk) -> str:
    return f'<span class="document">{escape(chunk.document)}</span> › {escape(str(chunk.locator))}'
