"""Starts real ingest processes quickly, by forking from one that has everything imported, so that tests can kill them.

A line of JSON on stdin asks for one: {"library", "notes", "kill_at_statement", "kill_at_rename", "in_process"}. The answer is
its process number; a second answer, its wait status, follows when it has ended.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import faiss

import ingest.embed_ahead
import ingest.parsers.html
import ingest.parsers.markdown
import ingest.parsers.notebook
import ingest.pipeline
import ingest.read_ahead
from rag.library import schema
from rag.library.library import Library
from rag.settings import Settings


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _ingest(request)
            os._exit(0)
        _answer(pid)
        _answer(os.waitpid(pid, 0)[1])


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _ingest(request: dict[str, Any]) -> None:
    if request.get("kill_at_statement"):
        _kill_at_statement(int(request["kill_at_statement"]))
    if request.get("kill_at_rename"):
        _kill_at_rename(request["kill_at_rename"])
    if request.get("in_process"):
        ingest.read_ahead.ParserProcess = _InProcess  # type: ignore[misc,assignment]
    for module in (ingest.pipeline, ingest.embed_ahead):  # many batches, one embedded while another is saved
        assert module.PART_CHUNKS > 8
        module.PART_CHUNKS = 8
    with Library.open(Path(request["library"]), create=True) as library:
        ingest.pipeline.ingest_paths(library, [Path(request["notes"])], _embedder(), Settings())


def _kill_at_statement(number: int) -> None:
    """Dies right before the n-th SQL statement of the process."""
    plain, seen = schema.connect, [0]

    def count(_: str) -> None:
        seen[0] += 1
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(file: Path, *, write: bool) -> Any:
        connection = plain(file, write=write)
        connection.set_trace_callback(count)
        return connection

    schema.connect = connect


def _kill_at_rename(when: str) -> None:
    """Dies with half of the FAISS file written, right before it is put in its place, or right after."""
    plain, write = os.replace, faiss.write_index

    def write_half(index: Any, target: Any, *more: Any) -> None:
        write(index, target, *more)
        if isinstance(target, str):
            os.truncate(target, Path(target).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    if when == "half":
        faiss.write_index = write_half
        return

    def replace(source: Any, target: Any, **more: Any) -> None:
        is_index = str(target).endswith(".faiss")
        if when == "after" or not is_index:
            plain(source, target, **more)
        if is_index:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace
    Path.replace = replace  # type: ignore[method-assign,assignment]


class _InProcess:
    """Reads here instead of in a worker: a crash point in SQL does not need one."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def read(self, path: Path, name: str) -> Any:
        from ingest.parsers import read_document

        return read_document(path, name, self._settings)

    def close(self) -> None:
        pass


def _embedder() -> Any:
    spec = importlib.util.spec_from_file_location("word_lengths", Path(__file__).with_name("word_lengths.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WordLengths()


if __name__ == "__main__":
    main()
