"""Follow-ups are headings near the cited passages, in any language, and never what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rag.types import Answer, Block, BlockKind, Citation, Document, DocumentKind, Hit
from ui.web.conversation import Exchange
from ui.web.follow_ups import follow_ups

BODY = "Ein ganzer Absatz, der lang genug ist, damit sich eine Frage nach seiner Überschrift lohnt. " * 2


def document(*headings: str) -> Document:
    """A document `birds.md` with a section of the same length under each heading."""
    text, blocks = "", []
    for heading in headings:
        line = f"## {heading}"
        blocks.append(Block(BlockKind.HEADING, len(text), len(text) + len(line), level=2, locator=None))  # type: ignore[arg-type]
        text += f"{line}\n\n{BODY}\n\n"
    return Document("birds.md", "Birds", DocumentKind.MARKDOWN, "", text, tuple(blocks))


def cited(exchange: Exchange, source: Document, heading: str) -> Exchange:
    """The exchange citing the section under a heading as [1]."""
    start = source.text.index(BODY, source.text.index(f"## {heading}"))
    chunk = replace(
        exchange.hits[0].chunk, text=BODY, start=start, end=start + len(BODY), headings=(heading,)
    )
    hit: Hit = replace(exchange.hits[0], chunk=chunk)
    citation = Citation(1, "birds.md", "birds.md", start, start + 5, BODY[:5])
    answer: Answer = replace(exchange.answer, citations=(citation,), hits=(hit,))  # type: ignore[type-var]
    return replace(exchange, hits=(hit,), answer=answer)


def test_the_nearest_headings_are_suggested_as_they_are(make_exchange: Callable[..., Exchange]) -> None:
    source = document("Eulen", "2.1 Nahrung der Eulen", "鸟类的迁徙", "**Brut** und Nest", "Gesang", "Eulen")
    exchange = cited(make_exchange(), source, "Eulen")
    assert follow_ups(exchange, lambda _path: source) == ["鸟类的迁徙", "Brut und Nest", "Gesang"]


def test_a_question_is_not_suggested_again(make_exchange: Callable[..., Exchange]) -> None:
    source = document("Eulen", "Nahrung", "Gesang")
    exchange = replace(cited(make_exchange(), source, "Eulen"), question="Nahrung?")
    assert follow_ups(exchange, lambda _path: source) == ["Gesang"]


def test_what_cannot_be_asked_is_left_out(make_exchange: Callable[..., Exchange]) -> None:
    source = document("Eulen", "$E = mc^2$", "1.2", "x" * 71, "[Link](http://evil.example)", "Zug")
    exchange = cited(make_exchange(), source, "Eulen")
    assert follow_ups(exchange, lambda _path: source) == ["Zug"]
    assert follow_ups(exchange, lambda _path: None) == []


def test_a_refusal_has_none(
    make_exchange: Callable[..., Exchange], make_answer: Callable[..., Answer]
) -> None:
    refused = make_exchange(make_answer(citations=()))
    assert follow_ups(refused, lambda _path: document("Eulen")) == []
