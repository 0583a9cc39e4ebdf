"""What an ingest tells while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class Stage(StrEnum):
    """What has just happened."""

    FOUND = "found"
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
    """A file and what is wrong with it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did. `documents` and `chunks` are the library's totals afterwards; `renamed` ones are not in `updated`.

    `failed` is what is not read of all that was found, `warnings` only what was wrong with notes that this run read.
    """

    added: int
    updated: int
    unchanged: int
    removed: int
    renamed: int
    skipped: int
    failed: tuple[Complaint, ...]
    warnings: tuple[Complaint, ...]
    documents: int
    chunks: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `lectern ingest --json` prints."""
        counts = {
            name: getattr(self, name)
            for name in ("added", "updated", "unchanged", "removed", "renamed", "skipped")
        }
        lists = {
            name: [{"path": entry.path, "reason": entry.reason} for entry in getattr(self, name)]
            for name in ("failed", "warnings")
        }
        return {
            **counts,
            **lists,
            "documents": self.documents,
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
        }
