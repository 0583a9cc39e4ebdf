"""Readers in a process of their own, so that a note that hangs, crashes or eats the memory costs only itself.

It knows how the two processes talk: length-prefixed JSON over pipes, one request and one reply a file. Nothing that a
broken parser might write is trusted beyond that.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from rag.child_process import command, surroundings
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import Block, BlockKind, Document, DocumentKind, Locator, Unit

_HEADER = struct.Struct("<Q")
_POLL_SECONDS = 0.1
_SPARE_ADDRESS_BYTES = 8_000_000_000
"""Addresses beyond the memory allowed: OCR's networks claim four times what they use."""
_FAT_SHARE = 0.5


class ReaderProcess:
    """A process that reads one note at a time; started at the first one, and again after it had to be killed."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def read(self, path: Path, name: str) -> Document:
        """The note, like `ingest.readers.read_document`.

        Raises:
            UnreadableNote: it cannot be read, or reading it took too long, too much memory or killed the process.
        """
        request = {"path": str(path), "name": name, "settings": self._settings.model_dump(mode="json")}
        reply = self._exchange(json.dumps(request).encode())
        if "reason" in reply:
            raise UnreadableNote(reply["reason"])
        self._replace_if_fat()
        return document_from(reply["document"])

    def close(self) -> None:
        """Ends the process; the next `read` would start another."""
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
                command("ingest.worker", str(self._settings.max_memory_bytes)),
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
        """The process that took the request: another where the first one had ended unnoticed.

        Raises:
            UnreadableNote: both ended before they took it.
        """
        for _ in range(2):
            process = self._started()
            try:
                _send(process.stdin, request)
            except OSError:
                self.close()
            else:
                return process
        raise UnreadableNote("The reader died on it, twice, before it had begun; run the ingest again.")

    def _exchange(self, request: bytes) -> dict[str, Any]:
        """The reply to a request.

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
                raise UnreadableNote(f"The reader died on it ({_ending(code)}); it may be damaged.")
            found: dict[str, Any] = json.loads(reply)
            return found

    def _replace_if_fat(self) -> None:
        """Ends a process in which a note left much behind (OCR does), so that no note pays for those before it."""
        if self._process is not None:
            held = _resident_bytes(self._process.pid)
            if held > _FAT_SHARE * self._settings.max_memory_bytes:
                self.close()

    def _check_bounds(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Kills the process if it is over its time or its memory."""
        if time.monotonic() > deadline:
            self.close()
            raise UnreadableNote(
                f"Reading it took longer than {self._settings.max_seconds:g} seconds (ingest.max_seconds)."
            )
        if _resident_bytes(process.pid) > self._settings.max_memory_bytes:
            self.close()
            raise UnreadableNote(_too_much_memory(self._settings.max_memory_bytes))


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


def _send(pipe: IO[bytes] | None, message: bytes) -> None:
    if pipe is None:
        raise BrokenPipeError
    pipe.write(_HEADER.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """The next message; None at the end."""
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    message = pipe.read(length)
    return message if len(message) == length else None


def _collect(pipe: IO[bytes], replies: queue.SimpleQueue[bytes | None]) -> None:
    """Puts messages into `replies` as they come, None when the process ended."""
    try:
        while (message := _receive(pipe)) is not None:
            replies.put(message)
    except (OSError, ValueError):  # the pipe was closed because the process was killed
        pass
    replies.put(None)


def document_from(values: dict[str, Any]) -> Document:
    """The document from `dataclasses.asdict` that went through JSON."""
    blocks = []
    for block in values["blocks"]:
        at = Locator(**{**block["locator"], "unit": Unit(block["locator"]["unit"])})
        blocks.append(Block(**{**block, "kind": BlockKind(block["kind"]), "locator": at}))
    lists = {name: tuple(values[name]) for name in ("warnings", "tags")}
    return Document(**{**values, **lists, "kind": DocumentKind(values["kind"]), "blocks": tuple(blocks)})


def _serve(memory_bytes: int) -> None:
    """Answers requests until the other side goes away."""
    from ingest.readers import read_document

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other side's to handle
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    _limit_memory(memory_bytes)
    while (message := _receive(requests)) is not None:
        request = json.loads(message)
        settings = IngestSettings(**request["settings"])
        try:
            document = read_document(Path(request["path"]), request["name"], settings)
            _check_length(document, settings.max_chars)
            reply: dict[str, Any] = {"document": asdict(document)}
        except UnreadableNote as exc:
            reply = {"reason": str(exc)}
        except MemoryError:
            reply = {"reason": _too_much_memory(settings.max_memory_bytes)}
        except RecursionError:
            reply = {"reason": "It is nested too deeply to be read."}
        except Exception as exc:  # noqa: BLE001 - a parser's surprise on one note becomes that note's reason
            reply = {"reason": f"The reader failed on it ({type(exc).__name__}: {exc})."}
        _send(replies, json.dumps(reply).encode())


def _check_length(document: Document, most_chars: int) -> None:
    """Cutting and embedding happen outside this process and know no bounds of their own: what they get is bounded here.

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
    """A hard stop behind the parent's own watch, where the system has one."""
    try:
        import resource
    except ImportError:
        return
    limit = memory_bytes + _SPARE_ADDRESS_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
