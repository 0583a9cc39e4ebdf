"""The parts of the notes that the page can limit a question to.

They are written as `--scope` takes them: `folder:week-1`, `document:/intro.md`. Several may be chosen, and
a question is then about any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import PurePosixPath

from rag.json_text import parse_json
from rag.library.rows import DocumentRecord
from rag.search.scope import Scope, parse_scope
from ui.web.language import gettext as _
from ui.web.language import ngettext

_FOLDER, _DOCUMENT = "folder:", "document:/"


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """A folder or document by its `--scope` text and by its name on the page.

    `chosen` is True if questions are limited to it.
    """

    text: str
    name: str
    note: str
    chosen: bool = False


def choices(records: Sequence[DocumentRecord], chosen: Sequence[str]) -> tuple[ScopeChoice, ...]:
    """Return the folders with a part of the notes, then the documents, by name.

    Chosen ones that are gone since come last.

    Nothing where there is nothing to choose from: no note, or only one.
    """
    if len(records) < 2 and not chosen:
        return ()
    there = _folders(records, chosen) | _documents(records)
    gone = {text: _("not in the library any more") for text in chosen if text not in there}
    return tuple(
        ScopeChoice(text, name_of(text), note, text in chosen) for text, note in (there | gone).items()
    )


def toggled(chosen: Sequence[str], text: str) -> tuple[str, ...]:
    """Return the choices after a click on one; the empty text chooses all notes."""
    if not text:
        return ()
    return tuple(one for one in chosen if one != text) if text in chosen else (*chosen, text)


def scope_of(chosen: Sequence[str]) -> Scope:
    """Return the scope of everything in any of the chosen parts.

    A `Scope` of folders and documents is their intersection, so beside documents a folder is written as a
    pattern of its documents' names.

    Raises:
        QuestionError: a text is none that `--scope` takes.
    """
    scope = parse_scope(chosen)
    if not (scope.folders and scope.documents):
        return scope
    return Scope((*(f"{escape(folder)}/*" for folder in scope.folders), *scope.documents))


def name_of(text: str) -> str:
    """Return the name on the page: a folder ends in a slash, a document is whole."""
    kind, _, value = text.partition(":")
    return f"{value}/" if f"{kind}:" == _FOLDER else value.removeprefix("/")


def from_browser(kept: str) -> tuple[str, ...]:
    """Return the choice that a tab kept over a reload, from JSON.

    Anything else means all notes.
    """
    try:
        found = parse_json(kept)
    except ValueError:
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(text, str) for text in found) else ()


def _folders(records: Iterable[DocumentRecord], chosen: Sequence[str]) -> dict[str, str]:
    """Return the number of documents of each folder.

    A folder with all of them limits nothing, so it is left out unless it is chosen.
    """
    paths = [PurePosixPath(record.path) for record in records]
    counts = Counter(f"{_FOLDER}{folder}" for path in paths for folder in path.parents[:-1])
    return {
        text: ngettext("%(n)s document", "%(n)s documents", count)
        for text, count in sorted(counts.items())
        if count < len(paths) or text in chosen
    }


def _documents(records: Iterable[DocumentRecord]) -> dict[str, str]:
    titles = {record.path: record.title for record in records}
    return {f"{_DOCUMENT}{path}": "" if title == path else title for path, title in sorted(titles.items())}
