"""The progress and the result of an ingest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from ingest.skipped import Skipped
from rag.note_warnings import NoteWarning, warning_record


class Stage(StrEnum):
    """The kinds of step of an ingest."""

    FOUND = "found"
    READ = "read"
    EMBEDDED = "embedded"
    SAVED = "saved"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    REMOVED = "removed"
    INDEXING = "indexing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class IngestEvent:
    """One step, with the totals so far. `path` and `reason` are empty where they do not apply.

    `files_done` of `files_total` files are dealt with; `chunks_done` passages have been embedded and `chunks_known` have
    been cut from what was read so far.
    """

    stage: Stage
    files_done: int
    files_total: int
    chunks_done: int
    chunks_known: int
    seconds: float
    path: str = ""
    reason: str = ""


Listener: TypeAlias = Callable[[IngestEvent], None]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A file and what is wrong with it.

    `warning` is the typed form of a warning about a note that was read.
    """

    path: str
    reason: str
    warning: NoteWarning | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that `lectern ingest --json` lists."""
        typed = warning_record(self.warning) if self.warning else {}
        return {"path": self.path, **typed, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class IngestReport:
    """The result of an ingest.

    `documents` and `chunks` are the library's totals afterwards; `renamed` ones are not in `updated`.
    `failed` is everything found that cannot be read, `skipped` what was passed over for its kind, `warnings`
    only those about notes that this run read.
    """

    added: int
    updated: int
    unchanged: int
    removed: int
    renamed: int
    skipped: tuple[Skipped, ...]
    failed: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]
    documents: int
    chunks: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the object that `lectern ingest --json` prints."""
        counts = {
            name: getattr(self, name) for name in ("added", "updated", "unchanged", "removed", "renamed")
        }
        lists = {name: [entry.as_json() for entry in getattr(self, name)] for name in ("failed", "warnings")}
        return {
            **counts,
            "skipped": len(self.skipped),
            **lists,
            "skipped_files": [
                {"path": one.name, "kind": one.kind.name, "advice": one.kind.advice} for one in self.skipped
            ],
            "documents": self.documents,
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
        }
