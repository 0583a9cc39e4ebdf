"""Files of Office formats in code, and how a test reads one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from ingest.parsers import read_document
from rag.types import BlockKind, Document

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""A picture of one dot."""


def read_bytes(folder: Path, name: str, content: bytes | str) -> Document:
    """Return the document of a file written for the test."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_document(file, name)


def texts(document: Document, kind: BlockKind | None = None) -> list[str]:
    """Return the texts of the blocks, of one kind if it is given."""
    return [document.text[b.start : b.end] for b in document.blocks if kind in {None, b.kind}]


def warned(document: Document) -> list[str]:
    """Return the warnings as people read them."""
    return [str(warning) for warning in document.warnings]


def saved(made: Any, *changes: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return a python-docx or python-pptx file, with its parts changed."""
    stream = io.BytesIO()
    made.save(stream)
    if not changes:
        return stream.getvalue()
    with ZipFile(stream) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for change in changes:
        change(parts)
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()
