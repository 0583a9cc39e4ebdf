"""The parts of the notes that the page can limit a question to, written as `--scope` takes them: `folder:week-1`, `document:/intro.md`.

Several may be chosen, and a question is then about any of them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import PurePosixPath

from rag.records import DocumentRecord
from rag.scope import Scope, parse_scope

_FOLDER, _DOCUMENT = "folder:", "document:/"


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """A folder or document as `--scope` takes it and as the page names it; `chosen` says that questions are limited to it."""

    text: str
    name: str
    note: str
    chosen: bool = False


def choices(records: Sequence[DocumentRecord], chosen: Sequence[str]) -> tuple[ScopeChoice, ...]:
    """The folders that hold a part of the notes, then the documents, both by name; last what was chosen and is gone since.

    Nothing where there is nothing to choose from: no note, or only one.
    """
    if len(records) < 2 and not chosen:
        return ()
    there = _folders(records, chosen) | _documents(records)
    gone = {text: "not in the library any more" for text in chosen if text not in there}
    return tuple(
        ScopeChoice(text, name_of(text), note, text in chosen) for text, note in (there | gone).items()
    )


def toggled(chosen: Sequence[str], text: str) -> tuple[str, ...]:
    """What is chosen after a click on one of the choices; the empty text stands for all notes."""
    if not text:
        return ()
    return tuple(one for one in chosen if one != text) if text in chosen else (*chosen, text)


def scope_of(chosen: Sequence[str]) -> Scope:
    """The scope that holds whatever is in any of the chosen parts.

    A `Scope` of folders and documents is what lies in both, so beside documents a folder is written as a pattern of its documents' names.

    Raises:
        QuestionError: a text is none that `--scope` takes.
    """
    scope = parse_scope(chosen)
    if not (scope.folders and scope.documents):
        return scope
    return Scope((*(f"{escape(folder)}/*" for folder in scope.folders), *scope.documents))


def name_of(text: str) -> str:
    """The name that the page shows: a folder with a stroke at its end, a document by its whole name."""
    kind, _, value = text.partition(":")
    return f"{value}/" if f"{kind}:" == _FOLDER else value.removeprefix("/")


def from_browser(kept: str) -> tuple[str, ...]:
    """The choice that a tab kept over a reload, as JSON; all notes where that is anything else."""
    try:
        found = json.loads(kept)
    except ValueError:
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(text, str) for text in found) else ()


def _folders(records: Iterable[DocumentRecord], chosen: Sequence[str]) -> dict[str, str]:
    """How many documents each folder holds; one that holds all of them limits nothing and is there only if it is chosen."""
    paths = [PurePosixPath(record.path) for record in records]
    held = Counter(f"{_FOLDER}{folder}" for path in paths for folder in path.parents[:-1])
    return {
        text: f"{count:,} documents" if count > 1 else "1 document"
        for text, count in sorted(held.items())
        if count < len(paths) or text in chosen
    }


def _documents(records: Iterable[DocumentRecord]) -> dict[str, str]:
    titles = {record.path: record.title for record in records}
    return {f"{_DOCUMENT}{path}": "" if title == path else title for path, title in sorted(titles.items())}
