"""A note of any format to a `Document`: which reader reads which file, and what every document has in common."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from ingest.readers.draft import Draft
from rag.errors import UnreadableNote
from rag.settings import IngestSettings
from rag.types import Block, BlockKind, Document, DocumentKind

_OPENING_CHARS = 1000
"""Most characters before a heading that is the title: badges, a date, an import cell."""
READER_VERSION = 3
"""Raised when a reader gives another text for the same file; failures are then tried again."""

KIND_OF_SUFFIX = {
    **dict.fromkeys((".md", ".mdx", ".markdown", ".rmd", ".qmd"), DocumentKind.MARKDOWN),
    ".ipynb": DocumentKind.NOTEBOOK,
    ".pdf": DocumentKind.PDF,
    ".docx": DocumentKind.WORD,
    ".pptx": DocumentKind.SLIDES,
    **dict.fromkeys((".html", ".htm", ".xhtml"), DocumentKind.HTML),
}


def read_document(path: Path, name: str, settings: IngestSettings | None = None) -> Document:
    """The note in the file `path`, called `name`.

    Raises:
        UnreadableNote: it cannot be read; the message is the reason in one sentence.
    """
    settings = settings or IngestSettings()
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise UnreadableNote(f"It cannot be opened ({exc.strerror}).") from exc
    if not data:
        raise UnreadableNote("It is empty (0 bytes): there is nothing to read.")
    kind = KIND_OF_SUFFIX.get(path.suffix.lower(), DocumentKind.TEXT)
    text, blocks, warnings, title = _read(kind, path, data, settings)
    if not blocks and not warnings:
        warnings.append("it holds no text: there is nothing to search in it")
    return Document(
        path=name,
        title=title or opening_heading(text, blocks) or path.stem,
        kind=kind,
        content_hash=content_hash(data),
        text=text,
        blocks=tuple(blocks),
        source=str(path),
        warnings=tuple(warnings),
        tags=_tags(kind, text, blocks),
    )


def content_hash(data: bytes) -> str:
    """The name of a file's bytes: 32 hexadecimal digits."""
    return blake2b(data, digest_size=16).hexdigest()


def _tags(kind: DocumentKind, text: str, blocks: list[Block]) -> tuple[str, ...]:
    """The tags that the note itself names; only Markdown does."""
    from ingest.readers.markdown import front_tags

    return front_tags(text, blocks) if kind is DocumentKind.MARKDOWN else ()


def _read(
    kind: DocumentKind, path: Path, data: bytes, settings: IngestSettings
) -> tuple[str, list[Block], list[str], str]:
    """(text, blocks, warnings, title)."""
    if kind is DocumentKind.MARKDOWN:
        from ingest.readers.decoding import decode
        from ingest.readers.markdown import front_title, markdown_blocks

        decoded = decode(data)
        blocks = markdown_blocks(decoded.text, mdx=path.suffix.lower() == ".mdx")
        return decoded.text, blocks, list(decoded.warnings), front_title(decoded.text, blocks)
    if kind is DocumentKind.TEXT:
        from ingest.readers.plain import read_plain

        return (*read_plain(path, data), "")
    draft, title = _draft(kind, path, data, settings)
    return draft.text, draft.blocks, draft.warnings, title


def _draft(kind: DocumentKind, path: Path, data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """(draft, title) of a format whose text is extracted."""
    if kind is DocumentKind.NOTEBOOK:
        from ingest.readers.notebook import read_notebook

        return read_notebook(data), ""
    if kind is DocumentKind.PDF:
        from ingest.readers.pdf import read_pdf

        return read_pdf(data, settings)
    if kind is DocumentKind.WORD:
        from ingest.readers.word import read_word

        return read_word(data), ""
    if kind is DocumentKind.SLIDES:
        from ingest.readers.slides import read_slides

        return read_slides(data, settings), ""
    from ingest.readers.decoding import decode
    from ingest.readers.html import read_html

    return read_html(decode(data).text)


def opening_heading(text: str, blocks: Sequence[Block]) -> str:
    """The words of the heading that opens the document, empty if none does: one further down is no title of the whole."""
    from ingest.readers.markdown import heading_text

    for block in blocks:
        if block.kind is BlockKind.HEADING:
            at_the_start = len(text[: block.start].strip()) <= _OPENING_CHARS
            return heading_text(text[block.start : block.end]) if at_the_start else ""
    return ""
