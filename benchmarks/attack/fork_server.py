"""Forks processes that write to a library, so that thousands can be killed.

A line of JSON on stdin asks for one: {"do": "ingest" or "restore", "library", "from"}. The answer is its process
number; a second answer, its wait status, follows when it has ended.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import ingest.read_ahead
from benchmarks.attack.course import WordEmbedder
from ingest.parsers import read_document
from ingest.pipeline import ingest_paths
from rag.library.backup import restore
from rag.library.library import Library
from rag.settings import IngestSettings, Settings
from rag.types import Document


class InProcess:
    """Reads in this process, because starting another takes longer than the rest."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings

    def read(self, path: Path, name: str) -> Document:
        """Return the note."""
        return read_document(path, name, self._settings)

    def close(self) -> None:
        """Do nothing; there is no process."""


def main() -> None:
    """Answer requests until the other side goes away."""
    ingest.read_ahead.ParserProcess = InProcess  # type: ignore[misc,assignment]
    WordEmbedder().sketch_passages(["warm up"])
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _work(request)
            os._exit(0)
        _answer(pid)
        _answer(os.waitpid(pid, 0)[1])


def _work(request: dict[str, Any]) -> None:
    library, source = Path(request["library"]), Path(request["from"])
    if request["do"] == "restore":
        restore(source, library, overwrite=True)
        return
    with Library.open(library, create=True) as opened:
        ingest_paths(opened, [source], WordEmbedder(), Settings())


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
