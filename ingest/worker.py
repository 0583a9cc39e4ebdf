"""Parsers and the chunker in a process of their own: a bad note costs only itself.

It may hang, crash or eat the memory. The two processes exchange length-prefixed JSON over pipes, one request
and one reply a file. Nothing that a broken parser might write is trusted beyond that.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from ingest.worker_messages import chunk_from, document_from, receive, send, span_of
from rag.aliases import TokenCounter
from rag.errors import UnreadableNote
from rag.settings import ChunkSettings, IngestSettings
from rag.system.child_process import command, end_with_parent, surroundings
from rag.system.telemetry import switch_off_telemetry
from rag.types import Chunk, Document

_POLL_SECONDS = 0.1
"""Time between two looks at the process's time and memory."""
_SPARE_ADDRESS_BYTES = 8_000_000_000
"""Addresses beyond the memory allowed: OCR's networks claim four times their use."""
_FAT_SHARE = 0.5
"""Share of the memory allowed from which a process is replaced between two notes. Chosen, not measured."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """The cutting of notes into passages.

    The tokenizer is the one in an embedding model's folder.
    """

    settings: ChunkSettings
    tokenizer_folder: Path


class ParserProcess:
    """A process that reads one note at a time.

    It is started at the first one, and again after it had to be killed.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read(self, path: Path, name: str) -> Document:
        """Return the note, like `ingest.parsers.read_document`.

        Raises:
            UnreadableNote: it cannot be read, or reading it took too long, too much memory or killed the
                process.
        """
        return document_from(self._read({"path": str(path), "name": name})["document"])

    def read_and_cut(self, path: Path, name: str, cutting: Cutting) -> tuple[Document, list[Chunk]]:
        """Return the note and its passages, like `ingest.chunker.chunk_document`.

        Raises:
            UnreadableNote: as in `read`.
        """
        chunking = cutting.settings.model_dump(mode="json")
        how = {"chunking": chunking, "tokenizer_folder": str(cutting.tokenizer_folder)}
        reply = self._read({"path": str(path), "name": name, **how})
        document = document_from(reply["document"])
        return document, [chunk_from(document, ordinal, span) for ordinal, span in enumerate(reply["chunks"])]

    def _read(self, request: dict[str, Any]) -> dict[str, Any]:
        request["settings"] = self._settings.model_dump(mode="json")
        reply = self._exchange(json.dumps(request).encode())
        if "reason" in reply:
            raise UnreadableNote(reply["reason"], passing=reply.get("passing", False))
        self._replace_if_fat()
        return reply

    def close(self) -> None:
        """End the process; the next `read` would start another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # half a request that nobody will read
                        pipe.close()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                command("ingest.worker", str(self._settings.max_memory_bytes), str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # parsers' chatter; what matters comes back as a reason
                env=surroundings(),
            )
            self._replies = queue.SimpleQueue()
            pipe = self._process.stdout
            threading.Thread(target=_collect, args=(pipe, self._replies), daemon=True).start()
        return self._process

    def _asked(self, request: bytes) -> subprocess.Popen[bytes]:
        """Return the process that took the request.

        It is a new one where the first had ended unnoticed.

        Raises:
            UnreadableNote: both ended before they took it.
        """
        for _ in range(2):
            process = self._started()
            try:
                send(process.stdin, request)
            except OSError:
                self.close()
            else:
                return process
        raise UnreadableNote(
            "The parser died on it, twice, before it had begun; run the ingest again.", passing=True
        )

    def _exchange(self, request: bytes) -> dict[str, Any]:
        """Return the reply to a request.

        Raises:
            UnreadableNote: none came within the bounds.
        """
        process = self._asked(request)
        deadline = time.monotonic() + self._settings.max_seconds
        while True:
            try:
                reply = self._replies.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._check_bounds(process, deadline)
                continue
            if reply is None:
                code = process.wait()
                self.close()
                raise UnreadableNote(
                    f"The parser died on it ({_ending(code)}); it may be damaged.", passing=True
                )
            found: dict[str, Any] = json.loads(reply)
            return found

    def _replace_if_fat(self) -> None:
        """End a process in which a note left much memory behind, as OCR does.

        No note so pays for those before it.
        """
        if self._process is not None:
            used = _resident_bytes(self._process.pid)
            if used > _FAT_SHARE * self._settings.max_memory_bytes:
                self.close()

    def _check_bounds(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Kill the process if it is over its time or its memory."""
        if time.monotonic() > deadline:
            self.close()
            raise UnreadableNote(
                f"Reading it took longer than {self._settings.max_seconds:g} seconds (ingest.max_seconds).",
                passing=True,
            )
        if _resident_bytes(process.pid) > self._settings.max_memory_bytes:
            self.close()
            raise UnreadableNote(_too_much_memory(self._settings.max_memory_bytes), passing=True)


def _too_much_memory(limit_bytes: int) -> str:
    return f"Reading it took more than {limit_bytes / 1e6:,.0f} MB of memory (ingest.max_memory_bytes)."


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _collect(pipe: IO[bytes], replies: queue.SimpleQueue[bytes | None]) -> None:
    """Put messages into `replies` as they come, None when the process ended."""
    try:
        while (message := receive(pipe)) is not None:
            replies.put(message)
    except (OSError, ValueError):  # the pipe was closed because the process was killed
        pass
    replies.put(None)


def _answered(request: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to one request.

    Raises:
        UnreadableNote: the note cannot be read.
    """
    from ingest.parsers import read_document

    settings = IngestSettings(**request["settings"])
    document = read_document(Path(request["path"]), request["name"], settings)
    _check_length(document, settings.max_chars)
    reply: dict[str, Any] = {"document": asdict(document)}
    if "chunking" in request:
        from ingest.chunker import chunk_document

        counter = _counter(Path(request["tokenizer_folder"]))
        chunks = chunk_document(document, ChunkSettings(**request["chunking"]), counter)
        reply["chunks"] = [span_of(chunk) for chunk in chunks]
    return reply


@lru_cache(maxsize=1)
def _counter(folder: Path) -> TokenCounter:
    from rag.embedding.model_folder import token_counter

    return token_counter(folder)


def _serve(memory_bytes: int, parent: int) -> None:
    """Answer requests until the other side goes away."""
    end_with_parent(parent)
    switch_off_telemetry()  # before a parser imports OpenVINO, which text recognition does
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other side's to handle
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    _limit_memory(memory_bytes)
    while (message := receive(requests)) is not None:
        try:
            reply = _answered(json.loads(message))
        except UnreadableNote as exc:
            reply = {"reason": str(exc), "passing": exc.passing}
        except MemoryError:
            reply = {"reason": _too_much_memory(memory_bytes), "passing": True}
        except RecursionError:
            reply = {"reason": "It is nested too deeply to be read."}
        except Exception as exc:  # noqa: BLE001 - a parser's surprise on one note becomes that note's reason
            reply = {"reason": f"The parser failed on it ({type(exc).__name__}: {exc})."}
        send(replies, json.dumps(reply).encode())


def _check_length(document: Document, most_chars: int) -> None:
    """Refuse a document with too much text.

    Embedding happens outside this process and has no bounds of its own, so its input is bounded here.

    Raises:
        UnreadableNote: there is too much text in the document.
    """
    length_chars = sum(block.end - block.start for block in document.blocks)
    if length_chars > most_chars:
        raise UnreadableNote(
            f"It holds {length_chars:,} characters of text; at most {most_chars:,} are read (ingest.max_chars). Split it, or "
            "leave it out."
        )


def _limit_memory(memory_bytes: int) -> None:
    """Set a hard limit behind the parent's own watch, where the system has one."""
    try:
        import resource
    except ImportError:
        return
    limit = memory_bytes + _SPARE_ADDRESS_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
