"""Failures of earlier ingests: their parsers, and which are out of date."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.discover import Discovery, is_there, source_path, source_text
from ingest.extras import ocr_is_installed
from ingest.parsers import PARSER_VERSION
from ingest.plan import Task
from rag.library.rows import FailureRecord
from rag.library.store import LibraryStore
from rag.settings import IngestSettings


def parser_name(settings: IngestSettings) -> str:
    """Return the parsers' version and bounds as one line.

    Under another line a failed file is tried again.
    """
    ocr = "with OCR" if ocr_is_installed() else "without OCR"
    return f"{PARSER_VERSION} {ocr} {settings.model_dump_json()}"


def settled_failures(library: LibraryStore, discovery: Discovery) -> list[str]:
    """Return the sources of the failures that an ingest of `discovery` replaces.

    It met the file or looked into the folder, or the file is gone.
    """
    met = {source_text(file.source) for file in discovery.files}
    met |= {source_text(folder) for folder in discovery.listed}
    return [
        failure.source
        for failure in library.failures()
        if failure.source in met or not is_there(source_path(failure.source))
    ]


def without_known_failures(
    tasks: Sequence[Task], library: LibraryStore, parser: str
) -> tuple[list[Task], list[tuple[Task, FailureRecord]]]:
    """Return the tasks worth a try, and the others with their failures.

    A file that these parsers (`parser_name`) could not read and that did not change is not worth one.
    """
    before = {failure.source: failure for failure in library.failures()}
    left, known = [], []
    for task in tasks:
        failure = before.get(source_text(task.file.source))
        stamp = (task.file.size_bytes, task.file.mtime_ns, parser)
        if failure is not None and (failure.size_bytes, failure.mtime_ns, failure.parser) == stamp:
            known.append((task, failure))
        else:
            left.append(task)
    return left, known
