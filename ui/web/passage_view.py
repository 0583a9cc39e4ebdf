"""A passage as the sources panel shows it: Markdown drawn, code as code, everything else as the plain text it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.types import BlockKind, Chunk, Document, DocumentKind
from ui.web.highlight import Span, clipped
from ui.web.markdown import Mark, plain_to_html, to_html

_CODE = frozenset({BlockKind.CODE, BlockKind.OUTPUT})
_MARKDOWN_SUFFIXES = frozenset({".md", ".mdx", ".markdown", ".qmd", ".rmd", ".ipynb"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How a passage is drawn: whether its prose is Markdown, and which half-open spans of its text are code."""

    markdown: bool
    code: tuple[Span, ...] = ()


def layout_of(chunk: Chunk, document: Document | None) -> Layout:
    """The layout of a passage. Without its document (removed since) the file name alone decides."""
    if document is None:
        return Layout(PurePosixPath(chunk.document).suffix.lower() in _MARKDOWN_SUFFIXES)
    if document.kind is DocumentKind.MARKDOWN:
        return Layout(markdown=True)
    blocks = (block for block in document.blocks if block.kind in _CODE)
    code = clipped([(block.start, block.end) for block in blocks], chunk.start, chunk.end)
    return Layout(document.kind is DocumentKind.NOTEBOOK, tuple(code))


def passage_html(text: str, layout: Layout, spans: Sequence[Span] = ()) -> str:
    """The passage as inert HTML with `spans` of it highlighted."""
    pieces: list[str] = []
    at = 0
    for start, end in (*layout.code, (len(text), len(text))):
        if text[at:start].strip():
            pieces.append(_prose(text[at:start], layout.markdown, clipped(spans, at, start)))
        if start < end:
            pieces.append(
                plain_to_html(text[start:end].strip("\n"), _code_marks(text, start, end, spans), tag="pre")
            )
        at = end
    return "".join(pieces)


def _prose(text: str, markdown: bool, spans: Sequence[Span]) -> str:
    marks = [Mark(start, end) for start, end in spans]
    if markdown:
        return to_html(text, marks)
    lead = len(text) - len(text.lstrip())
    length = len(text.strip())
    return plain_to_html(text.strip(), [Mark(a, b) for a, b in clipped(spans, lead, lead + length)])


def _code_marks(text: str, start: int, end: int, spans: Sequence[Span]) -> list[Mark]:
    code = text[start:end]
    lead = len(code) - len(code.lstrip("\n"))
    return [Mark(a, b) for a, b in clipped(spans, start + lead, start + len(code.rstrip("\n")))]
