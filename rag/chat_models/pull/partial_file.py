"""A partial download, kept between runs.

Beside the partial file is its state: how many bytes were written and their digest. A later run hashes these
bytes again and goes on behind them, or starts anew if they are not what was written. The bytes may come from
several sources, because only the digest of the whole file decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from rag.json_text import parse_json
from rag.system.atomic_write import put_in_place, write_text

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK_BYTES = 1 << 20
_SAVE_BYTES = 64 << 20
"""Bytes between two notes of the state: what a killed process loses at most."""


class WrongFile(Exception):
    """The bytes are not the file that was asked for; they were removed.

    `resumed` is True if the first of them were written by an earlier run.
    """

    def __init__(self, message: str, resumed: bool) -> None:
        super().__init__(message)
        self.resumed = resumed


class PartialFile:
    """The first bytes of a file of known size and digest, open for appending.

    The digest is a SHA-256 in hexadecimal, or a Git blob's SHA-1 for the small files of a hub.
    """

    def __init__(self, path: Path, size_bytes: int, digest: str) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.digest = digest.lower()
        self.piece_ends: list[int] = []
        """Bytes after each joined piece; empty for a source that has the file in one."""
        self._state_path = path.with_name(f"{path.name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._file = path.open("r+b")
        self.bytes = 0
        self._start_at(self._known_bytes())
        self.resumed = self.bytes > 0

    def write(self, block: bytes) -> None:
        """Append bytes of the file.

        Raises:
            WrongFile: there are more than the file has.
            OSError: the disk is full or failed; what was saved before stays.
        """
        if self.bytes + len(block) > self.size_bytes:
            self._discard()
            raise WrongFile(f"sent a file that is longer than {self.size_bytes:,} bytes", self.resumed)
        self._file.write(block)
        self._hash.update(block)
        self.bytes += len(block)
        if self.bytes - self._saved >= _SAVE_BYTES:
            self.save()

    def cut(self, size_bytes: int) -> None:
        """Keep only the first bytes."""
        if size_bytes != self.bytes:
            self._start_at(size_bytes)
            self.resumed = self.resumed and size_bytes > 0
        self.piece_ends = [end for end in self.piece_ends if end <= self.bytes]

    def end_piece(self) -> None:
        """Note that the bytes so far are whole pieces."""
        self.piece_ends.append(self.bytes)
        self.save()

    def save(self) -> None:
        """Write the state, so that a later run goes on from here.

        Raises:
            OSError: the disk is full or failed.
        """
        self._file.flush()
        state = {
            "size_bytes": self.size_bytes,
            "digest": self.digest,
            "bytes": self.bytes,
            "hash": self._hash.copy().hexdigest(),
            "piece_ends": self.piece_ends,
        }
        write_text(self._state_path, json.dumps(state))
        self._saved = self.bytes

    def finish(self, target: Path) -> None:
        """Move the whole file to `target` if it is the right one.

        Raises:
            WrongFile: its size or digest is another; it was removed.
            OSError: it cannot be moved.
        """
        found = self._hash.hexdigest()
        if self.bytes != self.size_bytes or found != self.digest:
            size = self.bytes
            self._discard()
            raise WrongFile(
                f"sent a file of {size:,} bytes with digest {found[:16]}…, "
                f"instead of {self.size_bytes:,} bytes with {self.digest[:16]}…; it was removed",
                self.resumed,
            )
        self._file.close()
        put_in_place(self.path, target)
        self._state_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Save the state and close the file; a full disk is no error here."""
        if not self._file.closed:
            with suppress(OSError):
                self.save()
            with suppress(OSError):
                self._file.close()

    def _known_bytes(self) -> int:
        """Return the number of bytes that an earlier run wrote and that are still whole."""
        try:
            state = parse_json(self._state_path.read_text(encoding="utf-8"))
            if (state["size_bytes"], state["digest"]) != (self.size_bytes, self.digest):
                return 0
            size, known = int(state["bytes"]), str(state["hash"])
            ends = [int(end) for end in state["piece_ends"]]
        except (OSError, ValueError, KeyError, TypeError):
            return 0  # no state, or one that a crash left torn
        if not 0 <= size <= self.size_bytes or self._hashed(size).hexdigest() != known:
            return 0
        self.piece_ends = [end for end in ends if end <= size]
        return size

    def _start_at(self, size_bytes: int) -> None:
        self._file.flush()
        self._hash = self._hashed(size_bytes)
        self._file.truncate(size_bytes)
        self._file.seek(size_bytes)
        self.bytes = self._saved = size_bytes

    def _hashed(self, size_bytes: int) -> _Hash:
        """Return the hash of the first bytes of the file, or of fewer if it has fewer."""
        if len(self.digest) == sha1().digest_size * 2:
            made = sha1(b"blob %d\0" % self.size_bytes, usedforsecurity=False)
        else:
            made = sha256()
        self._file.seek(0)
        while size_bytes and (block := self._file.read(min(size_bytes, _BLOCK_BYTES))):
            made.update(block)
            size_bytes -= len(block)
        return made

    def _discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)


@contextmanager
def partial_file(path: Path, size_bytes: int, digest: str) -> Iterator[PartialFile]:
    """Yield the partial file of a download; its state is saved however the body ends."""
    part = PartialFile(path, size_bytes, digest)
    try:
        yield part
    finally:
        part.close()
