"""The sources panel as HTML: the passages found, the cited ones marked.

The panel is there before the first word of the answer. Passages shown to the model have the numbers by which
the answer cites them; the rest is folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from rag.types import AnswerKind, Hit, Why
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.language import current, ngettext, number
from ui.web.language import gettext as _
from ui.web.views.highlight import highlights
from ui.web.views.passage_view import Layout, layout_of, passage_html
from ui.web.views.render import render


def empty_html() -> Markup:
    """Return the panel before anything was found."""
    message = _("The passages that an answer rests on appear here, before its first word.")
    return render("no_sources", message=message)


def sources_html(exchange: Exchange | None, layouts: Mapping[str, Layout] | None = None) -> Markup:
    """Return the panel for one exchange; `layouts` maps chunk ids to layouts."""
    if exchange is None or (not exchange.hits and exchange.outcome is ExchangeOutcome.PENDING):
        return empty_html()
    if exchange.answer is not None and exchange.answer.kind in {AnswerKind.TALK, AnswerKind.STUDY}:
        return empty_html()
    if not exchange.hits:
        return render("no_sources", message=_("Nothing was found."))
    rows = [_source(exchange, number, hit, layouts or {}) for number, hit in enumerate(exchange.hits, 1)]
    reading = exchange.outcome is ExchangeOutcome.PENDING and not exchange.shown
    shown = len(rows) if reading else exchange.shown
    rest = rows[shown:]
    return render(
        "sources",
        exchange=exchange.id,
        lead=_lead(exchange),
        shown=rows[:shown],
        rest=rest,
        folded=_folded(exchange, len(rest)),
    )


def cited_numbers_of(exchange: Exchange) -> tuple[int, ...]:
    """Return the numbers of the passages that the finished answer cites, ascending."""
    return tuple(sorted(citation.n for citation in exchange.answer.citations)) if exchange.answer else ()


def why_words(hit: Hit) -> str:
    """Return the scores and ranks by which a passage was found, in words.

    For example `score 0.71 · meaning: 1st, 0.62 · words: 3rd (nyquist, rate)`.
    """
    why = hit.why
    words = [_("score %(score)s", score=number(hit.score, 2))]
    if why.dense_rank is not None:
        cosine = f", {number(why.dense_score, 2)}" if why.dense_score is not None else ""
        words.append(_("meaning: %(rank)s", rank=_ordinal(why.dense_rank)) + cosine)
    if why.lexical_rank is not None:
        words.append(_("words: %(rank)s", rank=_ordinal(why.lexical_rank)) + _terms(why))
    if why.match_score is not None:
        words.append(_("token by token: %(score)s", score=number(why.match_score, 2)))
    if why.rerank_score is not None:
        words.append(_("reranked: %(score)s", score=number(why.rerank_score, 2)))
    return " · ".join(words)


def _terms(why: Why) -> str:
    return f" ({', '.join(why.matched_terms)})" if why.matched_terms else ""


def _ordinal(rank: int) -> str:
    if current() != "en":
        return _("no. %(rank)s", rank=rank)
    ending = "th" if 10 <= rank % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def _lead(exchange: Exchange) -> str:
    found = len(exchange.hits)
    if exchange.answer is not None and exchange.answer.abstained:
        return _("These passages are nearest to the question, but they do not contain an answer.")
    if exchange.answer is not None and exchange.answer.kind is AnswerKind.OUTLINE:
        return _("The first passage of each document that the answer names.")
    if exchange.answer is not None and exchange.answer.kind is AnswerKind.EXTRACT:
        return " ".join((_passages_found(found), _("The extract quotes those marked as cited.")))
    if not exchange.shown:
        return _passages_found(found)
    if exchange.answer is not None and not exchange.prompt_tokens:
        return _("%(n)s of %(total)s passages found were read for the answer.", n=exchange.shown, total=found)
    return _("%(n)s of %(total)s passages found are shown to the model.", n=exchange.shown, total=found)


def _folded(exchange: Exchange, count: int) -> str:
    passages = ngettext("%(n)s more passage found", "%(n)s more passages found", count)
    read = _("not shown to the model") if exchange.prompt_tokens else _("not read for the answer")
    return f"{passages}, {read}"


def _passages_found(count: int) -> str:
    return ngettext("%(n)s passage found.", "%(n)s passages found.", count)


def _source(exchange: Exchange, number: int, hit: Hit, layouts: Mapping[str, Layout]) -> dict[str, Any]:
    """Return the values of one passage; a cited one is open, else the first."""
    chunk = hit.chunk
    spans = highlights(exchange.answer, number, chunk) if exchange.answer else []
    numbers = cited_numbers_of(exchange)
    return {
        "number": number,
        "chunk": chunk,
        "why": why_words(hit),
        "passage": passage_html(chunk.text, layouts.get(chunk.id) or layout_of(chunk, None), spans),
        "cited": number in numbers,
        "open": number in numbers or (number == 1 and not numbers),
    }
