"""Extractive summaries: central sentences spread over the headings.

A sentence is central when its vector is near the mean of the whole and of its own section. The first of a section is preferred.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.found import Draft
from rag.answer.matching import stems
from rag.answer.notes import Notes, documents_of, headings_above
from rag.answer.readable import is_pointer, prose_of
from rag.answer.scope_in_words import Named, is_opening, named_by_title
from rag.answer.statements import statements_of
from rag.types import AnswerKind, BlockKind, DocumentKind, NamedPart

MOST_SECTIONS = 10
LEAST_SENTENCES = 5
CANDIDATES = 120
"""Sentences that are embedded for one summary, one to two seconds of a core."""
SHORT, LONG = 6, 45
"""Words that a sentence of a summary should have."""
_PROSE = frozenset((BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.NOTES))


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of prose: `text` begins at `start` of its document."""

    document: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, or one document of several, with its prose."""

    name: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """The characters of its prose."""
        return sum(len(piece.text) for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence with its section, its place there, and its span of the document."""

    section: int
    place: int
    text: str
    document: str
    start: int
    end: int


def summary_draft(asked: Asked) -> Draft | None:
    """Return a summary of what the question names, or of the scope."""
    paths = summarized_documents(asked)
    if not paths:
        return None
    lines = []
    sections = sections_of(asked.notes, paths)
    title = asked.notes.document(paths[0]).title
    last = -1
    for one in central(asked.notes, sections):
        name = sections[one.section].name
        head = f"**{name}**" if one.section != last and name != title else ""
        lines.append(Line(one.text, one.document, one.start, one.end, head))
        last = one.section
    draft = cited_draft(AnswerKind.SUMMARY, lines, asked.notes, f"**{title}**")
    return replace(draft, scope=NamedPart(title, tuple(paths))) if lines else None


def summarized_documents(asked: Asked) -> list[str]:
    """Return the documents asked about, none where they are the whole library."""
    if asked.named is not None:
        kinds = {record.path: record.kind for record in asked.notes.records(asked.named.scope())}
        prose = [path for path in asked.named.documents if kinds.get(path) is not DocumentKind.NOTEBOOK]
        return prose or list(asked.named.documents)
    if (named := titled(asked)) is not None:
        return list(named.documents)
    records = asked.notes.records(asked.scope)
    return [record.path for record in records] if asked.scope or len(records) == 1 else []


def titled(asked: Asked) -> Named | None:
    """Return the document whose title the question names."""
    return asked.once(titled, lambda: _titled(asked))


def _titled(asked: Asked) -> Named | None:
    if asked.everywhere:
        return None
    named = named_by_title(asked.question, asked.notes, asked.scope, documents_of(asked.hits, 3))
    if named is None or not _is_of_all(named.documents[0]):
        return named
    return (
        named if set(stems(posixpath.splitext(named.documents[0])[0])) & set(stems(asked.question)) else None
    )


def _is_of_all(path: str) -> bool:
    """Return whether a document is the README of the whole course."""
    return "/" not in path and is_opening(path)


def sections_of(notes: Notes, paths: Sequence[str]) -> list[Section]:
    """Return the sections of one document by heading, of several one each.

    Inner headings are joined under outer ones where there are more than twice as many as a summary has.
    """
    if len(paths) > 1:
        sections = [
            Section(notes.document(path).title or path, tuple(piece for piece, _ in _pieces(notes, path)))
            for path in paths
        ]
        return [section for section in sections if section.pieces]
    pieces = _pieces(notes, paths[0])
    depth = max((len(headings) for _, headings in pieces), default=0)
    while depth > 1 and len({headings[:depth] for _, headings in pieces}) > 2 * MOST_SECTIONS:
        depth -= 1
    grouped: dict[tuple[str, ...], list[Piece]] = {}
    for piece, headings in pieces:
        grouped.setdefault(headings[:depth], []).append(piece)
    title = notes.document(paths[0]).title
    return [Section(names[-1] if names else title, tuple(found)) for names, found in grouped.items()]


def central(notes: Notes, sections: Sequence[Section]) -> list[Candidate]:
    """Return the most central sentence of each section, in reading order.

    Of more than `MOST_SECTIONS` sections those with most text are kept. Few sections give more than one sentence each.
    """
    largest = sorted(range(len(sections)), key=lambda n: -sections[n].size)[:MOST_SECTIONS]
    kept = sorted(largest)
    each = max(3, CANDIDATES // max(1, len(kept)))
    candidates = [one for n in kept for one in _candidates(n, sections[n])[:each]]
    if not candidates:
        return []
    vectors = notes.searcher.embedder.embed_passages([one.text for one in candidates])
    scores = _centrality(candidates, vectors)
    wanted = min(len(candidates), max(len(kept), LEAST_SENTENCES))
    chosen: list[int] = []
    while len(chosen) < wanted:
        for n in kept:
            mine = [i for i, one in enumerate(candidates) if one.section == n and i not in chosen]
            if mine and len(chosen) < wanted:
                chosen.append(max(mine, key=scores.__getitem__))
    return [candidates[i] for i in sorted(chosen)]


def _centrality(candidates: Sequence[Candidate], vectors: NDArray[np.float32]) -> list[float]:
    """The score of each sentence: nearness to both means, its place and its length."""
    whole = _unit(vectors.mean(axis=0))
    sections = np.array([one.section for one in candidates])
    means = {n: _unit(vectors[sections == n].mean(axis=0)) for n in set(sections.tolist())}
    return [
        float(vector @ whole)
        + 0.5 * float(vector @ means[one.section])
        + 0.15 / (1 + one.place)
        - 0.3 * (not SHORT <= len(one.text.split()) <= LONG)
        for vector, one in zip(vectors, candidates, strict=True)
    ]


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def _pieces(notes: Notes, path: str) -> list[tuple[Piece, tuple[str, ...]]]:
    """The prose of a document, each block with the headings above it."""
    document = notes.document(path)
    text = notes.made(prose_of, path)
    return [
        (Piece(path, block.start, text[block.start : block.end]), headings)
        for block, headings in headings_above(document)
        if block.kind in _PROSE
    ]


def _candidates(section: int, found: Section) -> list[Candidate]:
    """The sentences of a section that are prose and stay clear alone, each once."""
    candidates: dict[str, Candidate] = {}
    for piece in found.pieces:
        for one in statements_of(piece.text):
            raw = piece.text[one.start : one.end]
            text = " ".join(raw.split()).lstrip("-*•> ")
            alone = one.head is None and one.first == one.start
            no_prose = raw.startswith(("```", "$$", "|")) or " | " in raw or is_pointer(raw)
            if alone and not no_prose:
                span = piece.start + one.start, piece.start + one.end
                candidates.setdefault(text, Candidate(section, len(candidates), text, piece.document, *span))
    return list(candidates.values())
