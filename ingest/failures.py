"""Failures of earlier ingests: their parsers, and which are out of date."""

from __future__ import annotations

from ingest.discover import Discovery, is_there, source_path, source_text
from ingest.extras import ocr_is_installed
from ingest.parsers import PARSER_VERSION
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
