"""Outlines of a document, of a module and of a course."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft, plain
from rag.answer.found import Draft
from rag.answer.notes import Notes, heading_text
from rag.answer.summarize import summarized_documents, titled
from rag.library.rows import DocumentRecord
from rag.search.scope import Scope
from rag.types import AnswerKind, BlockKind, NamedPart

MOST_HEADINGS = 40
MOST_LINES = 30
MOST_NAMED = 8
"""Documents or headings named on one line."""
FEW_DOCUMENTS = 12
"""Documents up to which each has a line of its own."""


def outline_kind_draft(asked: Asked) -> Draft | None:
    """Return the outline of the documents named, of the scope, or of all.

    Where the router only suspects an outline, none unless the question names a document.
    """
    if not (asked.sure or asked.named or titled(asked)):
        return None
    paths = summarized_documents(asked)
    if len(paths) == 1:
        lines, title = heading_lines(asked.notes, paths[0]), asked.notes.document(paths[0]).title
        draft = cited_draft(AnswerKind.OUTLINE, lines, asked.notes, f"**{title}**")
        return replace(draft, scope=NamedPart(title, tuple(paths))) if lines else None
    records = asked.notes.records(asked.scope)
    if paths:
        records = [record for record in records if record.path in set(paths)]
    lines = folder_lines(asked.notes, records)
    lead = f"{len(lines)}:" if len(lines) < MOST_LINES else ""
    return cited_draft(AnswerKind.OUTLINE, lines, asked.notes, lead) if lines else None


def library_outline_draft(notes: Notes, scope: Scope | None) -> Draft | None:
    """Return the outline of all notes inside a scope by their folders.

    None where there are few documents.
    """
    records = notes.records(scope)
    if len(records) <= FEW_DOCUMENTS:
        return None
    lines = folder_lines(notes, records)
    lead = f"The notes are {len(records):,} documents:"
    return cited_draft(AnswerKind.OUTLINE, lines, notes, lead) if lines else None


def heading_lines(notes: Notes, path: str) -> list[Line]:
    """Return a line for each heading below the title, indented by its level."""
    document = notes.document(path)
    blocks = [block for block in document.blocks if block.kind is BlockKind.HEADING]
    if len(blocks) > 1 and heading_text(document.text[blocks[0].start : blocks[0].end]) == heading_text(
        document.title
    ):
        blocks = blocks[1:]
    least = min((block.level for block in blocks), default=1)
    lines = []
    for block in blocks[:MOST_HEADINGS]:
        name = plain(heading_text(document.text[block.start : block.end]))
        if name:
            lines.append(Line(name, path, block.start, block.end, indent=block.level - least))
    return lines


def folder_lines(notes: Notes, records: Sequence[DocumentRecord]) -> list[Line]:
    """Return a line for each of few documents, else for each folder."""
    if len(records) <= FEW_DOCUMENTS:
        return [_document_line(notes, record) for record in records]
    common = posixpath.commonpath([posixpath.dirname(record.path) for record in records]) if records else ""
    groups: dict[str, list[DocumentRecord]] = {}
    for record in records:
        rest = record.path[len(common) :].lstrip("/").split("/")
        groups.setdefault(rest[0] if len(rest) > 1 else "", []).append(record)
    largest = max(groups, key=lambda name: len(groups[name]), default="")
    if 2 * len(groups.get(largest, ())) > len(records):
        inside = posixpath.join(common, largest) if largest else ""
        if largest and any("/" in record.path[len(inside) + 1 :] for record in groups[largest]):
            return folder_lines(notes, groups[largest])
        return [
            Line(r.title, r.path, first.start, first.end)
            for r in records[:MOST_LINES]
            for first in notes.chunks(r.path)[:1]
        ]
    lines = [_group_line(notes, name, groups[name]) for name in sorted(groups, key=_by_numbers) if name]
    lines += [_document_line(notes, record) for record in groups.get("", ())[:MOST_LINES]]
    return lines[:MOST_LINES]


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """A key that sorts `chapter2` before `chapter10`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _group_line(notes: Notes, folder: str, records: Sequence[DocumentRecord]) -> Line:
    """A folder with the titles of its documents."""
    ordered = sorted(records, key=lambda one: (one.path.count("/"), one.path))
    first = ordered[0]
    titles = list(
        dict.fromkeys(one.title for one in sorted(records[:], key=lambda one: one.path) if one is not first)
    )
    named = "; ".join(titles[:MOST_NAMED]) + (
        f"; +{len(titles) - MOST_NAMED}" if len(titles) > MOST_NAMED else ""
    )
    chunk = notes.chunks(first.path)[0]
    return Line(
        f"{folder} - {first.title}" + (f": {named}" if named else ""), first.path, chunk.start, chunk.end
    )


def _document_line(notes: Notes, record: DocumentRecord) -> Line:
    lines = heading_lines(notes, record.path)
    names = [line.text for line in lines if not line.indent and line.text != record.title][:MOST_NAMED]
    chunk = notes.chunks(record.path)[0]
    return Line(
        record.title + (f": {'; '.join(names)}" if names else ""), record.path, chunk.start, chunk.end
    )
