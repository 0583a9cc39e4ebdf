"""A conversation as a Markdown file with its sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.prompt import without_citations
from ui.web.conversation import Exchange, ExchangeOutcome, title_of, to_json
from ui.web.language import current, direction
from ui.web.language import gettext as _
from ui.web.scope_choice import name_of
from ui.web.views.markdown import to_html
from ui.web.views.render import render


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as Markdown to paste elsewhere.

    `bare` has no citations, `sourced` has them and a list of the sources.
    """

    bare: str = ""
    sourced: str = ""


def written_answer(exchange: Exchange) -> Written:
    """Return the answer as text; empty without one."""
    answer = exchange.answer
    if answer is None:
        return Written()
    places = "\n".join(f"[{citation.n}] {citation.locator}" for citation in answer.citations)
    sourced = "\n".join((answer.text.strip(), "", _("Sources:"), places)) if places else answer.text.strip()
    return Written(without_citations(answer.text).strip(), sourced)


def conversation_markdown(exchanges: Sequence[Exchange]) -> str:
    """Return the conversation as Markdown.

    Below each answer are the passages it cites and the sentences that none supports.
    """
    title = title_of(exchanges[0].question) if exchanges else _("Empty conversation")
    parts = [f"# {title}", *(part for exchange in exchanges for part in _exchange_parts(exchange))]
    return "\n\n".join(parts) + "\n"


def conversation_html(exchanges: Sequence[Exchange]) -> str:
    """Return the conversation as a page by itself, inert and without a file beside it.

    Formulas are shown as their source.
    """
    title = title_of(exchanges[0].question) if exchanges else _("Empty conversation")
    return str(
        render(
            "export",
            title=title,
            body=to_html(conversation_markdown(exchanges)),
            language=current(),
            direction=direction(current()),
        )
    )


def conversation_lines(exchanges: Sequence[Exchange]) -> str:
    """Return the conversation as JSON lines, one question each."""
    return "".join(f"{to_json(exchange)}\n" for exchange in exchanges)


def file_name(exchanges: Sequence[Exchange], ending: str = "md") -> str:
    """Return a file name made from the first question.

    It has letters, digits and hyphens.
    """
    words = re.sub(r"[^a-z0-9]+", "-", exchanges[0].question.lower()).strip("-")[:50] if exchanges else ""
    return f"lectern-{words or 'conversation'}.{ending}"


def _exchange_parts(exchange: Exchange) -> Iterator[str]:
    yield f"## {' '.join(exchange.question.split())}"
    if exchange.scope:
        yield _emphasis(_("Asked about:"), ", ".join(map(name_of, exchange.scope)))
    if exchange.standalone_question and exchange.standalone_question != exchange.question:
        yield _emphasis(_("Understood as:"), *exchange.standalone_question.split())
    if exchange.outcome is ExchangeOutcome.FAILED:
        yield _emphasis(_("No answer:"), exchange.error)
    if exchange.outcome is ExchangeOutcome.STOPPED:
        yield "\n\n".join((exchange.text.strip(), _emphasis("(" + _("stopped") + ")"))).strip()
    answer = exchange.answer
    if answer is None:
        return
    yield answer.text.strip()
    unsupported = [
        sentence for sentence in answer.sentences if not sentence.supported and not answer.abstained
    ]
    if unsupported:
        yield (
            _("Not found in the passages:")
            + "\n\n"
            + "\n".join(f"- {s.text} ({s.reason})" for s in unsupported)
        )
    if answer.citations:
        yield "**" + _("Sources") + "**"
    for citation in answer.citations:
        quoted = "\n".join(f"> {line}".rstrip() for line in citation.quote.splitlines())
        yield f"[{citation.n}] {citation.locator}\n\n{quoted}"
    yield f"*{answered_by(exchange)}{exchange.asked_at[:16].replace('T', ' ')} UTC*"


def _emphasis(*words: str) -> str:
    return f"*{' '.join(words)}*"


def answered_by(exchange: Exchange) -> str:
    """Return the model and adapter by name, and a comma.

    A receipt has only their digests.
    """
    receipt = exchange.answer.receipt if exchange.answer else None
    if not exchange.model or receipt is None:
        return ""
    own = receipt.adapter in ("", "default", "none")
    return (
        f"{exchange.model}, "
        if own
        else _("%(model)s with %(adapter)s, ", model=exchange.model, adapter=receipt.adapter)
    )


EXPORTS: dict[str, tuple[Callable[[Sequence[Exchange]], str], str]] = {
    "md": (conversation_markdown, "text/markdown"),
    "html": (conversation_html, "text/html"),
    "jsonl": (conversation_lines, "application/jsonl"),
}
"""The writer and media type of an export by the ending of its file."""
