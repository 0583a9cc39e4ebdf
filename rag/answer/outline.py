"""Answers to questions about the notes as a whole, from titles and headings.

No four passages have such an answer, whichever model reads them; the titles and headings of the documents do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.answer.citations import cite
from rag.answer.found import Draft
from rag.library.store import LibraryStore
from rag.prompt import ABSTENTION, without_citations
from rag.search.scope import Scope, records_inside
from rag.types import AnswerKind, Chunk, Citation, Hit, Sentence

MOST_DOCUMENTS = 12
"""Documents named in one answer, so that it stays on a screen."""
MOST_HEADINGS = 6
"""Headings named of one document."""

_WHOLE = (
    r"(?:(?:all|of) )*(?:(?:the|my|our|your|these|those|this) )?(?:(?:whole|entire|course|lecture|uploaded) )?"
    r"(?:notes?|course|documents?|files|materials?|library|lectures|slides)"
)
_ASKED = re.compile(
    rf"what(?:['’]s| is| are) {_WHOLE} (?:all )?about"
    rf"|what do(?:es)? {_WHOLE} (?:cover|contain|deal with|treat)"
    rf"|(?:what|which) (?:topics|subjects|themes) (?:(?:do(?:es)?|are|is) (?:covered |treated |there )?(?:in |by )?)?{_WHOLE}(?: cover| treat| deal with)?"
    rf"|what(?:['’]s| is) in {_WHOLE}"
    r"|(?:(?:please|can you|could you) )?(?:"
    rf"(?:summari[sz]e|sum up|outline) {_WHOLE}"
    r"|(?:(?:give|show|write)(?: me)? )?(?:an? |the )?(?:short |brief )?(?:summary|overview|outline|table of contents|contents) of "
    rf"{_WHOLE})(?: for me| please| briefly)*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Outlined:
    """The title, the headings in order and the first passage of a document."""

    title: str
    headings: tuple[str, ...]
    first: Chunk


@dataclass(frozen=True, slots=True)
class Outline:
    """The first documents by name, and how many there are."""

    documents: tuple[Outlined, ...]
    total: int


def asks_for_outline(question: str) -> bool:
    """Return whether a question is about the notes as a whole."""
    return _ASKED.fullmatch(" ".join(question.split()).strip(" .?!")) is not None


def library_outline(library: LibraryStore, scope: Scope | None) -> Outline:
    """The outline of the documents inside a scope; those without text are left out.

    Raises:
        QuestionError: no document of the library is inside.
    """
    with library.snapshot():
        paths = [record.path for record in records_inside(library, scope) if record.chunks]
        return Outline(
            tuple(_outlined(library.chunks_of(path)) for path in paths[:MOST_DOCUMENTS]), len(paths)
        )


def outline_sentences(outline: Outline) -> tuple[Sentence, ...]:
    """Return a sentence for each document: its topics, citing its first passage."""
    return tuple(
        Sentence(_line(document), (n,), True, 1.0, "the document's own title and headings")
        for n, document in enumerate(outline.documents, 1)
    )


def outline_citations(outline: Outline, sentences: Sequence[Sentence]) -> tuple[Citation, ...]:
    """Return the citation of each sentence."""
    return tuple(
        cite(n, document.first, sentence.text)
        for n, (document, sentence) in enumerate(zip(outline.documents, sentences, strict=True), 1)
    )


def outline_text(outline: Outline, sentences: Sequence[Sentence]) -> str:
    """The answer: how many documents there are, and the sentences as a list."""
    count = "1 document" if outline.total == 1 else f"{outline.total:,} documents"
    lines = [f"- {sentence.text} [{n}]" for n, sentence in enumerate(sentences, 1)]
    more = outline.total - len(lines)
    return "\n".join([f"The notes are {count}:", "", *lines, *([f"- and {more:,} more"] if more else [])])


def outline_draft(outline: Outline) -> Draft:
    """Return the outline as an answer; a refusal where there are no documents."""
    hits = tuple(Hit(document.first, 1.0) for document in outline.documents)
    if not hits:
        return Draft(AnswerKind.NONE, ABSTENTION)
    sentences = outline_sentences(outline)
    return Draft(
        AnswerKind.OUTLINE,
        outline_text(outline, sentences),
        sentences,
        outline_citations(outline, sentences),
        passages=hits,
    )


def _outlined(chunks: Sequence[Chunk]) -> Outlined:
    first = chunks[0]
    title = _plain(first.title) or first.document
    return Outlined(title, _topics(chunks, title), first)


def _topics(chunks: Iterable[Chunk], title: str) -> tuple[str, ...]:
    """Return the outermost headings below the title, in order, each once.

    A heading above the whole document counts as a title too.
    """
    named = ([_plain(heading) for heading in chunk.headings] for chunk in chunks)
    paths = [path for headings in named if (path := [h for h in headings if h and h != title])]
    while len({path[0] for path in paths if path}) == 1 and any(len(path) > 1 for path in paths):
        paths = [path[1:] for path in paths]
    return tuple(dict.fromkeys(path[0] for path in paths if path))


def _plain(heading: str) -> str:
    """A heading on one line, without what would read as a citation of the answer."""
    return " ".join(without_citations(heading).split()).rstrip(":")


def _line(document: Outlined) -> str:
    named = "; ".join(document.headings[:MOST_HEADINGS])
    more = len(document.headings) - MOST_HEADINGS
    return document.title + (f": {named}" if named else "") + (f"; and {more} more" if more > 0 else "")
