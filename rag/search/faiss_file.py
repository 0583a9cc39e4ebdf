"""The file `vectors.faiss`: replaced in one step, and used only after its checks.

A derived file may be cut short, changed by a disk, made for another library or left half written by a process
that was killed. None of that is an error; the file is then made again. FAISS's own bytes are followed by a
line of JSON (what the file was built from, with a checksum) and its length, so that one rename publishes
both.
"""

from __future__ import annotations

import json
import secrets
import struct
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rag.errors import LibraryDamaged
from rag.json_text import parse_json
from rag.system.atomic_write import replacing

FILE_NAME = "vectors.faiss"
_MAGIC = b"lectern1"
_TAIL = struct.Struct("<I8s")
_LONGEST_HEADER_BYTES = 4096
"""Longest header that is believed; ours has a few hundred bytes."""
_READ_BYTES = 1 << 22
"""Bytes read at a time for the checksum."""


@dataclass(frozen=True, slots=True)
class VectorHeader:
    """The state of the library that an index file was built from.

    It has `count` vectors, the newest under `last_rowid`, of a generation of the library. `trained_on` is 0
    for a flat index; `epoch` is that of the library (`Library.epoch`); `body_bytes` and `checksum` are of
    FAISS's part.
    """

    identity: str
    generation: int
    dim: int
    count: int
    last_rowid: int
    trained_on: int
    epoch: str = ""
    body_bytes: int = 0
    checksum: int = 0


class VectorFile:
    """The index file of the library in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def header(self) -> VectorHeader | None:
        """Return the file's header, or None if there is no file or it is not one of ours."""
        try:
            size = self.path.stat().st_size
            with self.path.open("rb") as file:
                file.seek(max(size - _TAIL.size, 0))
                length, magic = _TAIL.unpack(file.read(_TAIL.size))
                if magic != _MAGIC or length > _LONGEST_HEADER_BYTES:
                    return None
                file.seek(size - _TAIL.size - length)
                header = VectorHeader(**parse_json(file.read(length)))
        except (OSError, struct.error, ValueError, TypeError):
            return None
        return header if header.body_bytes + length + _TAIL.size == size else None

    def read(self, header: VectorHeader) -> Any | None:
        """Return the index, or None if it is gone or damaged.

        It is damaged if its checksum is wrong or FAISS cannot read it. The index is mapped: read from disk as
        it is used, and not to be changed.
        """
        import faiss

        try:
            if _checksum(self.path, header.body_bytes) != header.checksum:
                return None
            index = faiss.read_index(str(self.path), faiss.IO_FLAG_MMAP_IFC)
        except (OSError, RuntimeError):
            return None
        return index if (index.d, index.ntotal) == (header.dim, header.count) else None

    def write(self, index: Any, header: VectorHeader, publish: Callable[[str], None]) -> None:
        """Put the index in place of the file in one step, under a new epoch.

        `publish` gets the epoch when all is written but the name: whoever reads between the two trusts
        neither file.

        Raises:
            LibraryDamaged: the disk is full or may not be written.
        """
        epoch = secrets.token_hex(8)
        try:
            with replacing(self.path) as draft:
                _write_draft(draft, index, replace(header, epoch=epoch))
                publish(epoch)
        except (OSError, RuntimeError) as exc:
            raise LibraryDamaged(
                f"The vector index {self.path} could not be written ({exc}). The notes themselves are safe: free some disk "
                "space and run the same command again."
            ) from exc

    def remove(self) -> None:
        """Remove the file, if there is one.

        Raises:
            LibraryDamaged: the folder may not be written to.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as exc:
            raise LibraryDamaged(
                f"{self.path} cannot be removed ({exc.strerror}); check its permissions."
            ) from exc


def _write_draft(draft: Path, index: Any, header: VectorHeader) -> None:
    """Write FAISS's part, then the header."""
    import faiss

    faiss.write_index(index, str(draft))
    body_bytes = draft.stat().st_size
    values = asdict(header) | {"body_bytes": body_bytes, "checksum": _checksum(draft, body_bytes)}
    line = json.dumps(values).encode()
    with draft.open("ab") as file:
        file.write(line + _TAIL.pack(len(line), _MAGIC))


def _checksum(path: Path, size: int) -> int:
    """CRC-32 of the first `size` bytes."""
    value, left = 0, size
    with path.open("rb") as file:
        while left > 0 and (part := file.read(min(_READ_BYTES, left))):
            value = zlib.crc32(part, value)
            left -= len(part)
    return value
