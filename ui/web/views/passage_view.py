"""A passage of the sources panel as HTML: Markdown, code, or plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from markupsafe import Markup

from rag.types import BlockKind, Chunk, Document, DocumentKind
from ui.web.views.code_colours import coloured
from ui.web.views.cut_tables import head_above, with_head
from ui.web.views.highlight import Span, clipped
from ui.web.views.markdown import Mark, plain_to_html, to_html
from ui.web.views.note_images import Pictures, no_pictures

_CODE = frozenset({BlockKind.CODE, BlockKind.OUTPUT})
_OPENING = re.compile(r"[ \t]*(?:`{3,}|~{3,})[^\n]*(?:\n|\Z)")
_CLOSING = re.compile(r"(?:\n|\A)[ \t]*(?:`{3,}|~{3,})[ \t]*\s*\Z")
_MARKDOWN_SUFFIXES = frozenset({".md", ".mdx", ".markdown", ".qmd", ".rmd", ".ipynb"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a passage: Markdown or plain prose, and its spans of code.

    The spans are half-open. `coloured` maps the spans of code in a known language to its name. With `fences` a
    span may begin or end with the fence of its code, which is not shown. `table_head` is that of a table which goes on at
    the passage's start.
    """

    markdown: bool
    code: tuple[Span, ...] = ()
    coloured: Mapping[Span, str] = field(default_factory=dict)
    fences: bool = False
    table_head: str = ""


def layout_of(chunk: Chunk, document: Document | None) -> Layout:
    """Return the layout of a passage.

    Without its document, which may have been removed since, the file name alone decides.
    """
    if document is None:
        return Layout(PurePosixPath(chunk.document).suffix.lower() in _MARKDOWN_SUFFIXES)
    return layout_between(document, chunk.start, chunk.end)


def layout_between(document: Document, start: int, end: int) -> Layout:
    """Return the layout of a stretch of a document's text.

    Markdown has its code in fences; only code that the stretch cuts through is given as spans.
    """
    if document.kind is DocumentKind.MARKDOWN:
        blocks = [(block.start, block.end) for block in document.blocks if block.kind is BlockKind.CODE]
        cut = [(a, b) for a, b in blocks if a < start < b or a < end < b]
        return Layout(
            markdown=True,
            code=tuple(clipped(cut, start, end)),
            fences=True,
            table_head=head_above(document, start),
        )
    code = clipped([(block.start, block.end) for block in document.blocks if block.kind in _CODE], start, end)
    return Layout(document.kind is DocumentKind.NOTEBOOK, tuple(code), colours_of(document, start, end))


def colours_of(document: Document, start: int, end: int) -> dict[Span, str]:
    """Return the language of a notebook's code by its spans.

    The spans are those inside `[start, end)`, counted from `start`.
    What the code printed has none.
    """
    if document.kind is not DocumentKind.NOTEBOOK:
        return {}
    code = [(block.start, block.end) for block in document.blocks if block.kind is BlockKind.CODE]
    return dict.fromkeys(clipped(code, start, end), "python")


def passage_html(
    text: str, layout: Layout, spans: Sequence[Span] = (), pictures: Pictures = no_pictures
) -> Markup:
    """Return the passage as inert HTML with `spans` of it highlighted.

    `pictures` has those of the notes that it may show.
    """
    pieces: list[Markup] = []
    at = 0
    for start, end in (*layout.code, (len(text), len(text))):
        if text[at:start].strip():
            head = with_head(text[at:start], layout.table_head if at == 0 else "") if layout.markdown else ""
            pieces.append(_prose(text[at:start], layout.markdown, clipped(spans, at, start), pictures, head))
        if start < end:
            inner = _without_fences(text, start, end) if layout.fences else (start, end)
            if text[slice(*inner)].strip():
                pieces.append(_code(text, *inner, layout.coloured.get((start, end), ""), spans))
        at = end
    return Markup().join(pieces)


def _prose(text: str, markdown: bool, spans: Sequence[Span], pictures: Pictures, head: str = "") -> Markup:
    """Return running text with its marks, behind the `head` of a cut table."""
    if markdown:
        marks = [Mark(start + len(head), end + len(head)) for start, end in spans]
        return to_html(head + text, marks, pictures)
    lead = len(text) - len(text.lstrip())
    length = len(text.strip())
    return plain_to_html(text.strip(), [Mark(a, b) for a, b in clipped(spans, lead, lead + length)])


def _code(text: str, start: int, end: int, language: str, spans: Sequence[Span]) -> Markup:
    """Return code with its marks, or with colours where there are none."""
    marks = _code_marks(text, start, end, spans)
    code = text[start:end].strip("\n")
    if marks or not language:
        return plain_to_html(code, marks, tag="pre")
    return Markup(f'<pre class="code" tabindex="0">{coloured(code, language)}</pre>')


def _without_fences(text: str, start: int, end: int) -> Span:
    """Return the span of code without the lines of its fence."""
    opening = _OPENING.match(text[start:end])
    closing = _CLOSING.search(text[start:end])
    first, last = opening.end() if opening else 0, closing.start() if closing else end - start
    return start + first, max(start + last, start + first)


def _code_marks(text: str, start: int, end: int, spans: Sequence[Span]) -> list[Mark]:
    code = text[start:end]
    lead = len(code) - len(code.lstrip("\n"))
    return [Mark(a, b) for a, b in clipped(spans, start + lead, start + len(code.rstrip("\n")))]
