"""Extracts, refusals and the marks of a whole answer as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from rag.answer.texts import UNCONFIRMED_LEAD
from rag.prompt import without_citations
from rag.types import Answer
from ui.answer_marks import (
    EXTRACT_TITLE,
    how_near,
    likelihood,
    likelihood_reason,
    nearest_lines,
    quotes_by_passage,
    unconfirmed_text,
)
from ui.unread_content import unread_lines
from ui.web.conversation import Exchange
from ui.web.language import gettext as _
from ui.web.language import ngettext
from ui.web.views.passage_view import Layout
from ui.web.views.quote_view import NO_LAYOUTS, excerpt_html, near_html, with_copy
from ui.web.views.render import render

_GAUGES = {"likely": "●●●", "unsure": "●●○", "unlikely": "●○○"}


def abstention_html(
    exchange: Exchange, layouts: Mapping[str, Layout] = NO_LAYOUTS, last: bool = True
) -> Markup:
    """Return a refusal with how near the notes come and the nearest lines.

    The `last` one of a conversation that was about a part of the notes can be asked of all of them.
    """
    if exchange.shown and exchange.prompt_tokens:
        reason = ngettext(
            "The model read %(n)s passage and found no answer in it.",
            "The model read %(n)s passages and found no answer in them.",
            exchange.shown,
        )
    elif exchange.hits:
        near = _("Nothing in your notes is near enough to this question.")
        reason = (
            _("Nothing in the notes you chose is near enough to this question.") if exchange.scope else near
        )
    else:
        matches = _("Nothing in your notes matches this question.")
        reason = _("Nothing in the notes you chose matches this question.") if exchange.scope else matches
    if exchange.answer and exchange.hits:
        reason = f"{reason} {how_near(exchange.answer)}".strip()
    nearest = [
        near_html(exchange.id, n, hit, line, layouts)
        for n, (hit, line) in enumerate(nearest_lines(exchange.hits), 1)
    ]
    return render(
        "abstention",
        refusal=without_citations(exchange.text),
        reason=reason,
        nearest=nearest,
        widen=exchange.id if last and exchange.scope else "",
        unread=unread_lines(exchange.answer) if exchange.answer else [],
    )


def extract_html(exchange: Exchange, answer: Answer, layouts: Mapping[str, Layout] = NO_LAYOUTS) -> Markup:
    """Return an extract: what is closest in the notes, as quotes with their places."""
    quotes = [excerpt_html(exchange.id, each, exchange.hits, layouts) for each in quotes_by_passage(answer)]
    return render(
        "extract",
        title=_(EXTRACT_TITLE),
        excerpts=map(with_copy, quotes),
        unconfirmed_lead=_(UNCONFIRMED_LEAD),
        unconfirmed=unconfirmed_text(answer),
        conflicts=conflicts_html(exchange.id, answer),
        likelihood=likelihood_html(answer),
        unread=unread_lines(answer),
    )


def conflicts_html(exchange: str, answer: Answer) -> Markup:
    """Return the pairs of passages that disagree, with the buttons that show them."""
    pairs = [[citations_html(exchange, (n,)) for n in conflict.citations] for conflict in answer.conflicts]
    return render("conflicts", pairs=pairs)


def likelihood_html(answer: Answer) -> Markup:
    """Return how likely the text answers the question, empty where nothing says so."""
    word = likelihood(answer)
    if not word:
        return Markup()
    return render(
        "likelihood", word=word, shown=_(word), gauge=_GAUGES[word], reason=likelihood_reason(answer)
    )


def citations_html(exchange: str, numbers: Sequence[int]) -> Markup:
    """Return the numbers of passages as buttons that show them."""
    return render("citations", exchange=exchange, numbers=numbers)
