"""Parsers: from a file of any format to a `Document`.

Here is the choice of the parser by the file's name, and what every document has in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from ingest.archives import read_source
from ingest.blobs import without_blobs
from ingest.kinds import kind_of
from ingest.parsers.includes import name_missing_files
from ingest.parsers.registry import has_parser, read_draft
from rag.errors import UnreadableNote
from rag.note_warnings import NoteWarning, WarningCode
from rag.settings import IngestSettings
from rag.types import Block, BlockKind, Document, DocumentKind

_OPENING_CHARS = 1000
"""Most characters before a title: badges, a date, an import cell."""
PARSER_VERSION = 7
"""Version of the parsers' results, raised when a parser gives another text.

Failures are tried again under another version.
"""


@dataclass(frozen=True, slots=True)
class _Read:
    """The result of a parser; the title is empty where the file names none."""

    text: str
    blocks: list[Block]
    warnings: list[NoteWarning]
    title: str = ""
    tags: tuple[str, ...] = ()


def read_document(path: Path, name: str, settings: IngestSettings | None = None) -> Document:
    """Return the note in the file `path`, called `name`.

    Raises:
        UnreadableNote: it cannot be read; the message is the reason in one sentence.
    """
    settings = settings or IngestSettings()
    try:
        data = read_source(path, settings.max_file_bytes)
    except OSError as exc:
        raise UnreadableNote(f"It cannot be opened ({exc.strerror}).", passing=True) from exc
    if not data:
        raise UnreadableNote("It is empty (0 bytes): there is nothing to read.")
    kind = kind_of(path)
    note = _read(kind, path, data, settings)
    text, blocks, warnings = note.text, note.blocks, note.warnings
    if not blocks and not warnings:
        warnings.append(NoteWarning(WarningCode.NO_TEXT))
    document = Document(
        path=name,
        title=note.title or opening_heading(text, blocks) or path.stem,
        kind=kind,
        content_hash=content_hash(data),
        text=text,
        blocks=tuple(blocks),
        source=str(path),
        warnings=tuple(warnings),
        tags=note.tags,
    )
    return without_blobs(document)


def content_hash(data: bytes) -> str:
    """Return the hash of a file's bytes: 32 hexadecimal digits."""
    return blake2b(data, digest_size=16).hexdigest()


def _read(kind: DocumentKind, path: Path, data: bytes, settings: IngestSettings) -> _Read:
    if kind is DocumentKind.MARKDOWN:
        from ingest.parsers.decoding import decode
        from ingest.parsers.markdown_file import read_markdown

        decoded = decode(data)
        if path.suffix.lower() in {".canvas", ".excalidraw"}:
            from ingest.parsers.canvas import read_canvas

            draft = read_canvas(decoded.text)
            return _Read(draft.text, draft.blocks, [*decoded.warnings, *draft.missed.warnings()])
        note = read_markdown(decoded.text, path, mdx=path.suffix.lower() == ".mdx")
        return _Read(note.text, note.blocks, [*decoded.warnings, *note.warnings], note.title, note.tags)
    if not has_parser(path):
        from ingest.parsers.plain import read_plain

        return _Read(*read_plain(path, data))
    draft, title = read_draft(path, data, settings)
    name_missing_files(draft, path, data)
    return _Read(draft.text, draft.blocks, [*draft.warnings, *draft.missed.warnings()], title)


def opening_heading(text: str, blocks: Sequence[Block]) -> str:
    """Return the words of the heading that opens the document, empty if none does.

    A heading further down is no title of the whole.
    """
    from ingest.parsers.markdown import heading_text

    for block in blocks:
        if block.kind is BlockKind.HEADING:
            at_the_start = len(text[: block.start].strip()) <= _OPENING_CHARS
            return heading_text(text[block.start : block.end]) if at_the_start else ""
    return ""
