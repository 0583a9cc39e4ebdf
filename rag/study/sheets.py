"""Study texts: the glossary, the formula sheet, and the sections that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from rag.answer.notes import Notes
from rag.search.scope import Scope
from rag.study.formulas import Formula, formulas_of
from rag.study.quiz import material_of
from rag.study.readable import heading_shown
from rag.study.store import StudyStore
from rag.study.terms import Term
from rag.types import Document


@dataclass(frozen=True, slots=True)
class Entry:
    """A term of the glossary: its definition as the notes have it, and where."""

    term: str
    short: str
    definition: str
    document: str
    locator: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SheetFormula:
    """A formula of the sheet with the sentence before it and its place."""

    name: str
    latex: str
    about: str
    document: str
    locator: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Changes:
    """The sections that are new, changed or gone since a time.

    `since` is None where nothing was remembered before.
    """

    since: datetime | None
    new: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str], ...]
    gone: tuple[tuple[str, str], ...]


def glossary(notes: Notes, scope: Scope | None) -> list[Entry]:
    """Return the terms that the notes define, in alphabetical order, each once.

    Raises:
        QuestionError: the scope has no document with text.
    """
    best: dict[str, Term] = {}
    for term in material_of(notes, scope).terms:
        name = term.name.casefold()
        if name not in best or (term.marked, not term.listed) > (best[name].marked, not best[name].listed):
            best[name] = term
    return [_entry(notes, best[name]) for name in sorted(best)]


def formula_sheet(notes: Notes, scope: Scope | None) -> list[SheetFormula]:
    """Return the displayed formulas of a scope in reading order."""
    return [
        _sheet_formula(notes, formula)
        for record in notes.records(scope)
        for formula in notes.made(formulas_of, record.path)
    ]


def changes(notes: Notes, store: StudyStore, since: datetime, now: datetime) -> Changes:
    """Return what changed since the last snapshot, and take one of now.

    The last one up to `since` is compared.
    """
    taken, before = store.last_snapshot(since)
    sections = [one for record in notes.records() for one in section_digests(notes.document(record.path))]
    current = {(document, section): digest for document, section, digest in sections}
    store.snapshot(sections, now)
    if taken is None:
        return Changes(None, (), (), ())
    return Changes(
        taken,
        tuple(key for key in current if key not in before),
        tuple(key for key, digest in current.items() if before.get(key, digest) != digest),
        tuple(key for key in before if key not in current),
    )


def section_digests(document: Document) -> list[tuple[str, str, str]]:
    """Return (document, section, digest of its text) for each section."""
    texts: dict[str, list[str]] = {}
    name = heading_shown(document.title) or document.path
    for block in document.blocks:
        text = " ".join(document.text[block.start : block.end].split())
        if block.level:
            name = heading_shown(text.strip("# "))
        texts.setdefault(name, []).append(text)
    return [
        (
            document.path,
            section,
            blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(),
        )
        for section, parts in texts.items()
    ]


def glossary_markdown(entries: Sequence[Entry], title: str) -> str:
    """Return a glossary as Markdown."""
    lines = [f"# {title}", ""]
    for entry in entries:
        short = f" ({entry.short})" if entry.short else ""
        lines.append(f"- **{entry.term}**{short}: {entry.definition} *({entry.locator})*")
    return "\n".join(lines) + "\n"


def formulas_markdown(formulas: Sequence[SheetFormula], title: str) -> str:
    """Return a formula sheet as Markdown."""
    lines = [f"# {title}", ""]
    for formula in formulas:
        lines += [
            f"## {formula.name}",
            "",
            *([formula.about, ""] if formula.about else []),
            formula.latex,
            "",
            f"*({formula.locator})*",
            "",
        ]
    return "\n".join(lines)


def _entry(notes: Notes, term: Term) -> Entry:
    where = notes.passage(term.document, term.line.start, term.line.end).label
    return Entry(term.name, term.short, term.definition, term.document, where, term.line.start, term.line.end)


def _sheet_formula(notes: Notes, formula: Formula) -> SheetFormula:
    where = notes.passage(formula.document, formula.start, formula.end).label
    name = heading_shown(formula.headings[-1] if formula.headings else formula.title)
    return SheetFormula(name, formula.raw, formula.about, formula.document, where, formula.start, formula.end)
