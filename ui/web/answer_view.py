"""Questions and answers as HTML: verified citations as buttons, the evidence for each sentence in words, the facts below.

Pure: what goes in is an `Exchange`, what comes out is a string in which nothing of a note, a question or a model is live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rag.prompt import cited_numbers, without_citations
from rag.types import Answer, Sentence
from ui.web.conversation import Exchange, Outcome, Verdict
from ui.web.markdown import Mark, to_html
from ui.web.scope_choice import name_of
from ui.web.scope_view import scope_line_html

_CITATION_SPACE = " \t"
VERDICT_LABELS = {
    Verdict.GOOD: "Good answer",
    Verdict.WRONG_ANSWER: "Wrong answer",
    Verdict.WRONG_SOURCE: "Wrong source",
    Verdict.SHOULD_HAVE_REFUSED: "Should have refused",
    Verdict.MISSING: "Something is missing",
}


def transcript_html(conversation: str, drawn: Sequence[str], welcome: str = "") -> str:
    """The whole conversation from its drawn exchanges, or `welcome` (HTML) while it is empty.

    It is no live region itself, because it changes with every token: the page's script announces what matters, once.
    """
    export = (
        f'<a class="export" href="/lectern/export/{escape(conversation)}" download>Save as Markdown</a>'
        if drawn
        else ""
    )
    return (
        f'<div class="transcript" role="log" aria-live="off" aria-label="Conversation" '
        f'data-conversation="{escape(conversation)}">{"".join(drawn) or welcome}</div>{export}'
    )


def welcome_html(course: str, questions: Sequence[str], documents: int) -> str:
    """What stands where the conversation will be: what to do first, and questions ready to click."""
    if not documents:
        return (
            '<div class="welcome"><h2>Put your notes on the lectern</h2><p>There is nothing to ask about yet. Open '
            "<strong>Notes</strong> and add your files or a folder: Markdown, notebooks, PDF, Word, PowerPoint, HTML or "
            "text. They stay on this machine.</p></div>"
        )
    buttons = "".join(
        f'<li><button type="button" class="example" data-action="ask" data-question="{escape(question)}">'
        f"{escape(question)}</button></li>"
        for question in questions
    )
    return (
        f'<div class="welcome"><h2>Ask {escape(course)}</h2><p>Every answer comes from your notes and shows the passages it '
        "rests on. If they do not hold the answer, you are told so.</p>"
        + (f'<ul class="examples" aria-label="Questions to start with">{buttons}</ul>' if buttons else "")
        + "</div>"
    )


def exchange_html(exchange: Exchange, last: bool = True, waiting: str = "") -> str:
    """One question with its answer. Only the last one of a conversation can be asked again.

    `waiting` says what a question without a word of an answer waits for, where that is not the search.
    """
    return (
        f'<article class="exchange {exchange.outcome}" id="exchange-{exchange.id}" data-exchange="{exchange.id}">'
        f'<h3 class="question" dir="auto"><span class="spoken">You asked: </span>{escape(exchange.question)}</h3>'
        f"{scope_line_html([name_of(part) for part in exchange.scope])}{_standalone_html(exchange)}{_answer_html(exchange, waiting)}{_facts_html(exchange)}{_actions_html(exchange, last)}</article>"
    )


def _standalone_html(exchange: Exchange) -> str:
    rewritten = exchange.standalone_question
    if not rewritten or " ".join(rewritten.split()) == " ".join(exchange.question.split()):
        return ""
    return f'<p class="standalone">Understood as: <q>{escape(rewritten)}</q></p>'


def _answer_html(exchange: Exchange, waiting: str) -> str:
    match exchange.outcome:
        case Outcome.FAILED:
            return f'<div class="answer notice" role="alert"><p>{escape(exchange.error)}</p></div>'
        case Outcome.PENDING:
            if not exchange.text:
                said = escape(waiting or _waiting(exchange))
                return f'<div class="answer" dir="auto" aria-busy="true"><p class="waiting">{said}</p></div>'
            caret = '<span class="caret" aria-hidden="true"></span>'
            return f'<div class="answer" dir="auto" aria-busy="true">{partial_html(exchange)}{caret}</div>'
        case Outcome.STOPPED:
            note = "Stopped. What stands above was not checked against the passages."
            return (
                f'<div class="answer" dir="auto">{partial_html(exchange)}<p class="stopped">{note}</p></div>'
            )
    if exchange.answer is None:
        return ""
    if exchange.answer.abstained:
        return abstention_html(exchange)
    return f'<div class="answer" dir="auto">{checked_html(exchange.id, exchange.answer)}</div>'


def _waiting(exchange: Exchange) -> str:
    if not exchange.hits:
        return f"Searching {_searched(exchange)}…"
    passages = "1 passage" if exchange.shown == 1 else f"{exchange.shown or len(exchange.hits)} passages"
    return f"Found {passages}; the model is reading them…"


def _searched(exchange: Exchange) -> str:
    return "the notes you chose" if exchange.scope else "your notes"


def abstention_html(exchange: Exchange) -> str:
    """A refusal: the fixed sentence, who refused (the gate or the model), and where the nearest passages are."""
    said = without_citations(exchange.text)
    if exchange.shown:
        passages = "1 passage" if exchange.shown == 1 else f"{exchange.shown} passages"
        why = f"The model read {passages} and found no answer in them. They are listed under Sources."
    elif exchange.hits:
        why = f"Nothing in {_searched(exchange)} is near enough to this question. The nearest passages are listed under Sources."
    else:
        why = f"Nothing in {_searched(exchange)} matches this question."
    return f'<div class="answer abstained" dir="auto"><p><strong>{escape(said)}</strong></p><p>No answer is given. {why}</p></div>'


def partial_html(exchange: Exchange) -> str:
    """The answer as it streams: citations of shown passages are live already, other numbers are left out."""
    bare: list[str] = []
    marks: list[Mark] = []
    length = 0
    for text, numbers in _pieces(exchange.text):
        bare.append(text)
        length += len(text)
        shown = [n for n in numbers if 1 <= n <= max(exchange.shown, 0)]
        if shown:
            marks.append(Mark(length, length, tail=_citations_html(exchange.id, shown)))
    return to_html("".join(bare), marks)


def checked_html(exchange: str, answer: Answer) -> str:
    """The answer with each sentence's verified citations and its verdict in words behind it."""
    text = without_citations(answer.text)
    marks: list[Mark] = []
    at = 0
    for sentence in answer.sentences:
        start = text.find(sentence.text, at)
        if start < 0:
            return "".join(to_html(s.text, [_sentence_mark(exchange, s, 0)]) for s in answer.sentences)
        at = start + len(sentence.text)
        marks.append(_sentence_mark(exchange, sentence, start))
    return to_html(text, marks)


def _sentence_mark(exchange: str, sentence: Sentence, start: int) -> Mark:
    css_class = "held" if sentence.supported else "unheld"
    tail = _citations_html(exchange, sentence.citations) + _verdict_html(sentence)
    return Mark(start, start + len(sentence.text), "span", css_class, tail)


def _verdict_html(sentence: Sentence) -> str:
    if sentence.supported:
        words, sign = "supported", "✓"
    else:
        words, sign = (
            ("not supported by its passage" if sentence.citations else "no passage supports this"),
            "!",
        )
    state = "held" if sentence.supported else "unheld"
    reason = escape(sentence.reason)
    return (
        f'<span class="verdict {state}" title="{reason}"><span aria-hidden="true">{sign}</span> {words}'
        f'<span class="spoken">: {reason}.</span></span>'
    )


def _citations_html(exchange: str, numbers: Sequence[int]) -> str:
    return "".join(
        f'<button type="button" class="cite" data-action="show" data-exchange="{exchange}" data-n="{n}" '
        f'aria-label="Show passage {n}">[{n}]</button>'
        for n in numbers
    )


def _pieces(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Stretches of text without citations, each with the numbers that follow it; a citation half streamed is held back."""
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


def _facts_html(exchange: Exchange) -> str:
    found = facts(exchange)
    if not found:
        return ""
    return (
        '<ul class="facts" aria-label="About this answer">'
        + "".join(f"<li>{escape(f)}</li>" for f in found)
        + "</ul>"
    )


def facts(exchange: Exchange) -> list[str]:
    """What an answer cost and what did not fit, each in a few words."""
    said = [f"{exchange.shown} of {len(exchange.hits)} passages shown"] if exchange.hits else []
    if exchange.prompt_tokens:
        said.append(f"{exchange.prompt_tokens:,} of {exchange.context_tokens:,} tokens")
    answer = exchange.answer
    if answer is None:
        return said
    if answer.timings.first_token_seconds is not None:
        said.append(f"first word after {answer.timings.first_token_seconds:.1f} s")
    said.append(f"{answer.timings.total_seconds:.1f} s in all")
    if answer.abstained and not exchange.shown and "gate" in answer.details:
        said.append(str(answer.details["gate"]))
    return said + [f"left out: {item}" for item in answer.left_out]


def _actions_html(exchange: Exchange, last: bool) -> str:
    if exchange.outcome is Outcome.PENDING:
        return ""
    identity = f'data-exchange="{exchange.id}"'
    buttons = (
        [f'<button type="button" data-action="show" {identity}>Sources</button>'] if exchange.hits else []
    )
    if last:
        buttons.append(f'<button type="button" data-action="retry" {identity}>Ask again</button>')
    if exchange.answer is not None:
        buttons.append(f'<button type="button" class="copy" {identity}>Copy</button>')
        buttons.append(_verdicts_html(exchange))
    return f'<div class="actions">{"".join(buttons)}</div>'


def _verdicts_html(exchange: Exchange) -> str:
    buttons = "".join(
        f'<button type="button" data-action="judge" data-exchange="{exchange.id}" data-verdict="{verdict}" '
        f'aria-pressed="{"true" if exchange.verdict is verdict else "false"}">{label}</button>'
        for verdict, label in VERDICT_LABELS.items()
    )
    summary = f"{VERDICT_LABELS[exchange.verdict]} (saved)" if exchange.verdict else "Was this right?"
    return (
        f'<details class="judge"><summary>{summary}</summary><div class="verdicts">{buttons}</div></details>'
    )
