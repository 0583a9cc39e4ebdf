"""Quotes of passages as HTML: prose, code as code, rows as a table.

A quote is drawn from the passage's own text at the offsets of its citation, in the layout of its document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from markupsafe import Markup

from rag.answer.statements import statements_of
from rag.prompt import without_citations
from rag.text.table_cells import cells
from rag.types import Answer, Chunk, Citation, Hit, Sentence
from ui.answer_marks import Quotes, paired, placed_sentences
from ui.web.language import gettext as _
from ui.web.views.cut_tables import continued_head, empty_head, is_row
from ui.web.views.highlight import Span, cited_span, clipped
from ui.web.views.markdown import to_html
from ui.web.views.passage_view import Layout, layout_of, passage_html
from ui.web.views.render import render

Layouts = Mapping[str, Layout]
NO_LAYOUTS: Layouts = {}
_BLOCK = re.compile(r"^[ \t]*(?:\$\$|\\\[|```|~~~|[-*+][ \t]|\d{1,9}[.)][ \t])", re.MULTILINE)
"""The start of a display formula, a fence or a list item.

A sentence on the same line would change it.
"""
_BULLET = re.compile(r"(?:^|(?<=\n))[ \t]*[-*+][ \t]+$")
_CODE = re.compile(r'<pre class="code".*?</pre>', re.DOTALL)


def excerpt_html(exchange: str, quotes: Quotes, hits: Sequence[Hit], layouts: Layouts) -> Markup:
    """Return what an extract quotes from one passage, with the button that shows it."""
    hit = hit_of(quotes.n, hits)
    pairs = quotes.quotes
    html = quotes_html(pairs, hit.chunk, layouts) if hit else _written(pairs)
    return render(
        "excerpt", exchange=exchange, n=quotes.n, locator=quotes.locator, html=html, lead=_("quoted from")
    )


def near_html(exchange: str, n: int, hit: Hit, line: str, layouts: Layouts) -> Markup:
    """Return the line of a near passage, with the button that shows the whole."""
    start = hit.chunk.text.find(line.removesuffix(" …"))
    span = (max(start, 0), max(start, 0) + len(line.removesuffix(" …")))
    html = _drawn(hit.chunk, span, layouts) + ("…" if line.endswith(" …") else "")
    return render("excerpt", exchange=exchange, n=n, locator=hit.chunk.label, html=html, lead=_("from"))


def quotes_html(pairs: Sequence[tuple[Sentence, Citation]], chunk: Chunk, layouts: Layouts) -> Markup:
    """Return quotes of one passage in order; rows of one table become one table."""
    pieces: list[Markup] = []
    located = [(sentence, cited_span(citation, chunk)) for sentence, citation in pairs]
    for head, group in groupby(located, key=lambda pair: table_head(chunk.text, pair[1])):
        quotes = list(group)
        if head is not None:
            rows = [line for _, span in quotes if span for line in _lines(chunk.text, span)]
            pieces.append(to_html(table_markdown(chunk.text[slice(*head)], rows)))
            continue
        pieces += [_quote_html(sentence.text, span, chunk, layouts) for sentence, span in quotes]
    return Markup().join(pieces)


def with_copy(html: Markup) -> Markup:
    """Return the HTML with a button on each block of code that copies it."""
    copy = Markup('<button type="button" class="copy-code">{}</button>').format(_("Copy code"))
    return Markup(_CODE.sub(lambda code: f'<div class="code-block">{code.group()}{copy}</div>', html))


def in_blocks(answer: Answer, hits: Sequence[Hit], layouts: Layouts) -> Answer:
    """Return the answer with its quotes of code and tables as blocks of Markdown."""
    text = without_citations(answer.text)
    placed = placed_sentences(text, answer.sentences)
    pairs = paired(answer)
    if placed is None or [sentence for sentence, _ in pairs] != list(answer.sentences):
        return answer
    pieces: list[str] = []
    sentences: list[Sentence] = []
    at = 0
    for (start, sentence), (_sentence, citation) in zip(placed, pairs, strict=True):
        block = as_block(sentence, citation, hits, layouts)
        between = text[at:start]
        if block:  # the bullet before it would be an empty item
            between = _BULLET.sub("", between)
        pieces += [between, f"\n\n{block}\n\n" if block else sentence.text]
        sentences.append(replace(sentence, text=block) if block else sentence)
        at = start + len(sentence.text)
    return replace(answer, text="".join(pieces) + text[at:], sentences=tuple(sentences))


def as_block(sentence: Sentence, citation: Citation, hits: Sequence[Hit], layouts: Layouts) -> str:
    """Return the Markdown of a quote that is a block, empty for running text.

    Blocks are code, table rows, display formulas and items of lists.
    """
    hit = hit_of(citation.n, hits)
    span = cited_span(citation, hit.chunk) if hit else None
    if hit is None or span is None or not (sentence.quoted or sentence.supported):
        return ""
    text = hit.chunk.text
    head = table_head(text, span)
    if head is not None:
        return table_markdown(text[slice(*head)], _lines(text, span))
    code = clipped(_layout(hit.chunk, layouts).code, *span)
    if code and code[0][0] == 0 and code[-1][1] == span[1] - span[0] and "```" not in citation.quote:
        return f"```\n{text[_line_start(text, span[0]) : span[1]]}\n```"
    if not sentence.quoted:
        return ""
    rows = _headless(sentence.text, continued_head(text[: span[0]], _layout(hit.chunk, layouts).table_head))
    return rows or (sentence.text if _BLOCK.search(sentence.text) else "")


def hit_of(n: int, hits: Sequence[Hit]) -> Hit | None:
    """Return the passage of a number, None where it was not shown."""
    return hits[n - 1] if 1 <= n <= len(hits) else None


def table_head(text: str, span: Span | None) -> Span | None:
    """Return the head of the table whose rows a span is, None for any other span."""
    if span is None:
        return None
    inside = [one for one in statements_of(text) if span[0] <= one.first and one.last <= span[1]]
    heads = {one.head for one in inside}
    return next(iter(heads)) if len(heads) == 1 else None


def table_markdown(head: str, rows: Iterable[str]) -> str:
    """Return a Markdown table of a head and rows as a note has them."""
    names = cells(head)
    body = [cells(row) for row in rows if row.strip() and row.strip("|-: \t")]
    lines = [names, ["---"] * len(names), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _quote_html(quote: str, span: Span | None, chunk: Chunk, layouts: Layouts) -> Markup:
    above = chunk.text[: span[0]] if span else ""
    rows = _headless(quote, continued_head(above, _layout(chunk, layouts).table_head))
    return _drawn(chunk, span, layouts) if span and not rows else to_html(rows or quote)


def _headless(quote: str, head: str) -> str:
    """Return the Markdown of table rows without a head, empty for other text.

    The `head` is from the passage before, empty where it is not known.
    """
    lines = [line for line in quote.splitlines() if line.strip()]
    if not lines or not all(map(is_row, lines)):
        return ""
    return table_markdown((head or empty_head(lines[0])).partition("\n")[0], lines)


def _drawn(chunk: Chunk, span: Span, layouts: Layouts) -> Markup:
    layout = _layout(chunk, layouts)
    start, end = _line_start(chunk.text, span[0]), span[1]
    return passage_html(
        chunk.text[start:end], Layout(layout.markdown, tuple(clipped(layout.code, start, end)))
    )


def _layout(chunk: Chunk, layouts: Layouts) -> Layout:
    return layouts.get(chunk.id) or layout_of(chunk, None)


def _line_start(text: str, at: int) -> int:
    """Return the start of the line if only its indentation is before `at`, else `at`."""
    start = text.rfind("\n", 0, at) + 1
    return at if text[start:at].strip() else start


def _lines(text: str, span: Span) -> list[str]:
    return text[slice(*span)].splitlines()


def _written(pairs: Iterable[tuple[Sentence, Citation]]) -> Markup:
    return Markup().join(to_html(sentence.text) for sentence, _ in pairs)
