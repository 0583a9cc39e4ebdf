"""Questions and answers as HTML, with citations, verdicts and facts.

Pure functions: an `Exchange` goes in, HTML comes out, and no text of a note, a question or a model is live
in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from eval.golden.feedback import Verdict
from rag.prompt import cited_numbers, without_citations
from rag.types import Answer, AnswerKind, Sentence
from ui.answer_marks import SentenceMark, placed_sentences, sentence_mark
from ui.omissions import omission_text
from ui.web.conversation import Exchange, ExchangeOutcome
from ui.web.export import written_answer
from ui.web.language import gettext as _
from ui.web.language import ngettext, number
from ui.web.scope_choice import name_of
from ui.web.views.markdown import Mark, to_html
from ui.web.views.passage_view import Layout
from ui.web.views.quote_view import NO_LAYOUTS, in_blocks, with_copy
from ui.web.views.render import render
from ui.web.views.scope_view import scope_line_html
from ui.web.views.tier_view import (
    abstention_html,
    citations_html,
    conflicts_html,
    extract_html,
    likelihood_html,
)
from ui.web.wishes import Wish

_HEADING_CHARS, _HEADING_LINES = 400, 6
_CITATION_SPACE = " \t"
_SIGNS = {SentenceMark.QUOTED: "❝", SentenceMark.SUPPORTED: "✓", SentenceMark.NOT_FOUND: "!"}


def transcript_html(
    conversation: str, drawn: Sequence[Markup], welcome: Markup | None = None, *, running: bool = False
) -> Markup:
    """Return the whole conversation from its drawn exchanges, or the welcome.

    While an answer is under way (`running`) the page offers to stop it. It is not a live region, because it changes with every token: the page's script announces what matters,
    once.
    """
    return render(
        "transcript", conversation=conversation, drawn=drawn, welcome=welcome or "", running=running
    )


def welcome_html(
    questions: Sequence[str],
    documents: int,
    offer: str = "",
    example: bool = False,
    progress: Markup | str = "",
) -> Markup:
    """Return the first steps and example questions for an empty conversation.

    `offer` is the line that offers a better model, empty for none. `example` offers the example course, and `progress` is that
    of adding it.
    """
    return render(
        "welcome",
        questions=questions,
        documents=documents,
        offer=offer,
        example=example,
        progress=progress,
    )


def exchange_html(
    exchange: Exchange,
    last: bool = True,
    waiting: str = "",
    layouts: Mapping[str, Layout] = NO_LAYOUTS,
    suggested: Sequence[str] = (),
    wishes: Sequence[Wish] = (),
) -> Markup:
    """Return one question with its answer.

    Only the last one of a conversation can be asked again.

    `waiting` names what a question without a word of an answer waits for, where that is not the search. `layouts` maps the
    ids of its passages to their layouts, by which quotes are drawn. `suggested` are headings to go on
    with, `wishes` the ways to ask again.
    """
    return render(
        "exchange",
        exchange=exchange,
        heading=heading_of(exchange.question),
        written=written_answer(exchange),
        scope_line=scope_line_html([name_of(part) for part in exchange.scope]),
        understood=_understood_html(exchange, last),
        named=_named_html(exchange, last),
        answer=_answer_html(exchange, waiting, layouts, last),
        facts=facts(exchange),
        last=last,
        suggested=suggested,
        wishes=wishes,
        verdicts=verdict_labels(),
    )


def verdict_labels() -> dict[Verdict, str]:
    """Return the words for each verdict of a person."""
    return {
        Verdict.GOOD: _("Good answer"),
        Verdict.WRONG_ANSWER: _("Wrong answer"),
        Verdict.WRONG_SOURCE: _("Wrong source"),
        Verdict.SHOULD_HAVE_REFUSED: _("Should have refused"),
        Verdict.MISSING: _("Something is missing"),
    }


def waiting_words(place: int, ready: bool) -> str:
    """Return the words for a question that waits for something else than the search.

    `place` is the number of questions before it; the models are `ready` or still loading.
    """
    if place:
        return ngettext("%(n)s question is before yours…", "%(n)s questions are before yours…", place)
    return "" if ready else _("The language model is still loading; your question is next.")


def heading_of(question: str) -> str:
    """Return a question as a heading; one of many lines or characters is shortened."""
    lines = question.strip().splitlines()
    if len(question) <= _HEADING_CHARS and len(lines) <= _HEADING_LINES:
        return question
    short = " ".join("\n".join(lines[:_HEADING_LINES])[:_HEADING_CHARS].split())
    return f"{short} …"


def partial_html(exchange: Exchange) -> Markup:
    """Return the answer as it streams.

    Citations of shown passages are buttons, others are left out.
    """
    bare: list[str] = []
    marks: list[Mark] = []
    length = 0
    for text, numbers in _pieces(exchange.text):
        bare.append(text)
        length += len(text)
        shown = [n for n in numbers if 1 <= n <= max(exchange.shown, 0)]
        if shown:
            marks.append(Mark(length, length, tail=citations_html(exchange.id, shown)))
    return to_html("".join(bare), marks)


def checked_html(exchange: str, answer: Answer) -> Markup:
    """Return the answer with the citations and verdict of each sentence behind it."""
    text = without_citations(answer.text)
    placed = placed_sentences(text, answer.sentences)
    if placed is None:
        marked = [(each.text, _sentence_mark(exchange, each, 0)) for each in answer.sentences]
        return with_copy(Markup().join(to_html(each, [mark] if mark else []) for each, mark in marked))
    marks = [_sentence_mark(exchange, sentence, start) for start, sentence in placed]
    return with_copy(to_html(text, [mark for mark in marks if mark]))


def facts(exchange: Exchange) -> list[str]:
    """Return the cost of an answer and what did not fit, each in a few words.

    Small talk has none.
    """
    if exchange.answer is not None and exchange.answer.kind is AnswerKind.TALK:
        return []
    shown, found = number(exchange.shown), number(len(exchange.hits))
    words = [_("%(n)s of %(total)s passages shown", n=shown, total=found)] if exchange.hits else []
    if exchange.prompt_tokens:
        used, most = number(exchange.prompt_tokens), number(exchange.context_tokens)
        words.append(_("%(n)s of %(total)s tokens", n=used, total=most))
    answer = exchange.answer
    if answer is None:
        return words
    if answer.timings.first_token_seconds is not None:
        first = number(answer.timings.first_token_seconds, 1)
        words.append(_("first word after %(seconds)s s", seconds=first))
    words.append(_("%(seconds)s s in all", seconds=number(answer.timings.total_seconds, 1)))
    return words + [_("left out: %(what)s", what=item) for item in map(omission_text, answer.omissions)]


def _understood_html(exchange: Exchange, last: bool) -> Markup:
    """Return the stand-alone question if it differs, with the way to search as typed."""
    rewritten = exchange.standalone_question
    changeable = last and exchange.outcome is not ExchangeOutcome.PENDING
    same = rewritten.split() == exchange.question.split()
    return render("understood", exchange=exchange, rewritten="" if same else rewritten, changeable=changeable)


def _named_html(exchange: Exchange, last: bool) -> Markup:
    """Return the part of the notes that the question names, and the way to leave it."""
    part = exchange.answer.scope if exchange.answer is not None else None
    return render("named_part", exchange=exchange, part=part, changeable=last)


def _answer_html(exchange: Exchange, waiting: str, layouts: Mapping[str, Layout], last: bool) -> Markup:
    text = Markup()
    marks = {"kind": "", "conflicts": "", "likelihood": ""}
    match exchange.outcome:
        case ExchangeOutcome.PENDING if not exchange.text:
            waiting = waiting or _waiting(exchange)
            text = to_html(exchange.closest) if exchange.closest else text
        case ExchangeOutcome.PENDING:
            waiting, text = "", partial_html(exchange)
        case ExchangeOutcome.STOPPED:
            text = partial_html(exchange)
        case ExchangeOutcome.ANSWERED:
            answer = exchange.answer
            if answer is None:
                return Markup()
            if answer.abstained:
                return abstention_html(exchange, layouts, last)
            if answer.kind is AnswerKind.EXTRACT and answer.citations:
                return extract_html(exchange, answer, layouts)
            text = checked_html(exchange.id, in_blocks(answer, exchange.hits, layouts))
            marks = {
                "kind": answer.kind.value,
                "conflicts": conflicts_html(exchange.id, answer),
                "likelihood": likelihood_html(answer),
            }
    return render(
        "answer", outcome=exchange.outcome, error=exchange.error, text=text, waiting=waiting, **marks
    )


def _waiting(exchange: Exchange) -> str:
    if not exchange.hits:
        return _("Searching the notes you chose…") if exchange.scope else _("Searching your notes…")
    return ngettext(
        "Found %(n)s passage; the model is reading it…",
        "Found %(n)s passages; the model is reading them…",
        exchange.shown or len(exchange.hits),
    )


def _sentence_mark(exchange: str, sentence: Sentence, start: int) -> Mark | None:
    """Return the mark of a sentence, None without a word (the rule of a table)."""
    if not any(map(str.isalnum, sentence.text)):
        return None
    found = sentence_mark(sentence) is not SentenceMark.NOT_FOUND
    return Mark(
        start,
        start + len(sentence.text),
        "span",
        "held" if found else "unheld",
        _verdict_html(exchange, sentence),
    )


def _verdict_html(exchange: str, sentence: Sentence) -> Markup:
    """Return the words of a verdict and its citations.

    The reason is spoken too, unless it only repeats that the sentence is a quote.
    """
    mark = sentence_mark(sentence)
    return render(
        "verdict",
        state="unheld" if mark is SentenceMark.NOT_FOUND else "held",
        sign=_SIGNS[mark],
        words=_(mark.value),
        reason=sentence.reason,
        spoken=mark is not SentenceMark.QUOTED,
        citations=citations_html(exchange, sentence.citations),
    )


def _pieces(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield stretches of text without citations, each with the numbers that follow it.

    A citation of which only a part has been streamed is kept back.
    """
    at = 0
    while (opened := text.find("[", at)) >= 0:
        closed = text.find("]", opened)
        inside = text[opened + 1 : closed if closed >= 0 else len(text)]
        if closed < 0 and not inside.strip("0123456789, "):
            text = text[:opened].rstrip(_CITATION_SPACE)
            break
        numbers = cited_numbers(text[opened : closed + 1]) if closed >= 0 else ()
        if numbers:
            yield text[at:opened].rstrip(_CITATION_SPACE), numbers
            at = closed + 1
        else:
            yield text[at : opened + 1], ()
            at = opened + 1
    yield text[at:], ()
