"""An answer as JSON and as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.types import Answer, Hit
from ui.console import plain

if TYPE_CHECKING:
    from rich.console import RenderableType

NEAREST = 3
"""Passages listed under a refusal."""


def hit_record(hit: Hit) -> dict[str, Any]:
    """A hit in the form of the interface."""
    chunk = hit.chunk
    return {
        "document": chunk.document,
        "locator": chunk.label,
        "start": chunk.start,
        "end": chunk.end,
        "score": hit.score,
        "text": chunk.text,
        "chunk": chunk.id,
        "why": plain(hit.why),
    }


def answer_record(identifier: str, answer: Answer) -> dict[str, Any]:
    """An answer in the form of the interface."""
    return {
        "id": identifier,
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "sentences": plain(answer.sentences),
        "citations": plain(answer.citations),
        "hits": [hit_record(hit) for hit in answer.hits],
        "timings": plain(answer.timings),
        "receipt": plain(answer.receipt),
        "left_out": list(answer.left_out),
        "details": plain(answer.details),
    }


def answer_panel(answer: Answer) -> RenderableType:
    """The answer, what it rests on, and what it cost, for a terminal."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(answer.text, style="bold"), Text()]
    if answer.abstained:
        parts += [Text("The nearest passages:", style="dim")]
        parts += [_passage("  ", hit.chunk.label, hit.chunk.text) for hit in answer.hits[:NEAREST]]
    parts += [_passage(f"[{c.n}] ", c.locator, c.quote) for c in answer.citations]
    parts += [
        Text(f"Not held by the notes: {s.text} ({s.reason})", style="yellow")
        for s in answer.sentences
        if not s.supported
    ]
    parts += [Text(f"Left out: {said}", style="yellow") for said in answer.left_out]
    return Group(*parts, Text(), Text(_cost(answer), style="dim"))


def _passage(mark: str, locator: str, text: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    short = " ".join(text.split())
    if len(short) > 240:
        short = short[:240].rsplit(" ", 1)[0] + " ..."
    return Padding(Text.assemble((mark + locator, "cyan"), "\n", (short, "dim")), (0, 0, 0, 2))


def _cost(answer: Answer) -> str:
    timings = answer.timings
    first = (
        f", first word after {timings.first_token_seconds:.1f} s"
        if timings.first_token_seconds is not None
        else ""
    )
    return (
        f"{timings.total_seconds:.1f} s (search {timings.retrieve_seconds:.2f} s{first}; "
        f"{timings.prompt_tokens} + {timings.answer_tokens} tokens)"
    )
