"""A conversation as a Markdown file with its sources, to be kept, printed or handed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ui.web.conversation import Exchange, Outcome, title_of
from ui.web.scope_choice import name_of


def conversation_markdown(exchanges: Sequence[Exchange]) -> str:
    """The conversation with, below each answer, the passages it cites and the sentences that none supports."""
    title = title_of(exchanges[0].question) if exchanges else "Empty conversation"
    parts = [f"# {title}", *(part for exchange in exchanges for part in _exchange_parts(exchange))]
    return "\n\n".join(parts) + "\n"


def file_name(exchanges: Sequence[Exchange]) -> str:
    """A file name from the first question: letters, digits and hyphens, ending in `.md`."""
    words = re.sub(r"[^a-z0-9]+", "-", exchanges[0].question.lower()).strip("-")[:50] if exchanges else ""
    return f"lectern-{words or 'conversation'}.md"


def _exchange_parts(exchange: Exchange) -> Iterator[str]:
    yield f"## {' '.join(exchange.question.split())}"
    if exchange.scope:
        yield f"*Asked about: {', '.join(map(name_of, exchange.scope))}*"
    if exchange.standalone_question and exchange.standalone_question != exchange.question:
        yield f"*Understood as: {' '.join(exchange.standalone_question.split())}*"
    if exchange.outcome is Outcome.FAILED:
        yield f"*No answer: {exchange.error}*"
    if exchange.outcome is Outcome.STOPPED:
        yield f"{exchange.text.strip()}\n\n*(stopped)*".strip()
    answer = exchange.answer
    if answer is None:
        return
    yield answer.text.strip()
    unsupported = [
        sentence for sentence in answer.sentences if not sentence.supported and not answer.abstained
    ]
    if unsupported:
        yield "Not supported by the passages:\n\n" + "\n".join(
            f"- {s.text} ({s.reason})" for s in unsupported
        )
    if answer.citations:
        yield "**Sources**"
    for citation in answer.citations:
        quoted = "\n".join(f"> {line}".rstrip() for line in citation.quote.splitlines())
        yield f"[{citation.n}] {citation.locator}\n\n{quoted}"
    receipt = answer.receipt
    adapter = f" with {receipt.adapter}" if receipt.adapter else ""
    yield f"*{receipt.model}{adapter}, {exchange.asked_at[:16].replace('T', ' ')} UTC*"
