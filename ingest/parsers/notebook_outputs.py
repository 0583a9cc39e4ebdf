"""The outputs of a notebook's cell: printed text, tables, formulas, pictures.

An output is a bundle of the same thing in several forms. Of them the one that a person reads is taken:
Markdown, then LaTeX, then an HTML table, then plain text. Pictures, widgets and charts are counted by cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ingest.parsers.missed import Missed, described
from rag.note_warnings import WarningCode
from rag.types import BlockKind

_OUTPUT_LINES = 40
"""Lines of an output that are kept, half from its start and half from its end. Chosen, not measured."""
_OUTPUT_CHARS = 2000
"""Most characters of an output that are kept. Chosen, not measured."""
_MOST_HTML_CHARS = 2_000_000
"""Characters of an HTML output from which it is not parsed. Chosen, not measured."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x08")
_OVERWRITTEN = re.compile(r"^[^\n]*\r(?!\n)", re.MULTILINE)
_NOISE = re.compile(
    r"^\s*(?:<(?:Figure size|IPython\.|matplotlib\.|Axes|seaborn\.)[^\n]*>|<[\w.]+(?: object)? at 0x[0-9a-f]+>|"
    r"[^\n]*\d+%\|[^\n]*\|[^\n]*\d+/\d+[^\n]*)[ \t]*$\n?",
    re.MULTILINE,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")
_NAMELESS = re.compile(r"\s*<[^<>\n]*>\s*")
"""Plain form of an object without text (`<IPython.core.display.HTML object>`)."""
_CHART = re.compile(r"plotly|vega|bokeh|altair|echarts|highcharts", re.IGNORECASE)
_RECORDING = re.compile(r"<(?:audio|video)\b", re.IGNORECASE)


def read_outputs(outputs: Any, cell: int, missed: Missed) -> Iterator[tuple[BlockKind, str]]:
    """Yield (kind, text) of a cell's outputs in order.

    Printed texts that follow each other are one. Long ones are shortened. Of a traceback the error's name and message stay.
    """
    listed = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    found = [piece for output in listed for piece in _pieces(output, cell, missed)]
    for kind, group in groupby(found, key=lambda piece: piece[0]):
        texts = [text for _, text in group if text.strip()]
        merged = ["\n".join(text.strip("\n") for text in texts)] if kind is BlockKind.OUTPUT else texts
        for text in merged:
            cleaned = text if kind is BlockKind.FORMULA else _cleaned(text)
            short = _shortened(cleaned)
            if short != cleaned:
                missed.add(WarningCode.CUT_OUTPUT, cell)
            yield kind, short


def joined(source: Any) -> str:
    """Return a text that the format may keep as a list of lines."""
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _pieces(output: dict[str, Any], cell: int, missed: Missed) -> Iterator[tuple[BlockKind, str]]:
    if output.get("output_type") in {"error", "pyerr"}:
        yield BlockKind.OUTPUT, f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
        return
    data = output.get("data")
    if not isinstance(data, dict):  # formats 2 and 3 have the forms side by side
        old = {"text/plain": "text", "text/latex": "latex", "text/html": "html", "image/png": "png",
               "image/jpeg": "jpeg", "image/svg+xml": "svg"}  # fmt: skip
        data = {form: output[key] for form, key in old.items() if output.get(key)}
    found = list(_readable(data))
    yield from found
    if not any(_NAMELESS.sub("", text).strip() for _, text in found) or _is_a_view(data):
        _count_unread(output, data, cell, missed)


def _readable(data: dict[str, Any]) -> Iterator[tuple[BlockKind, str]]:
    """Yield (kind, text) of the form of a bundle that is read best."""
    plain = joined(data.get("text/plain"))
    if markdown := joined(data.get("text/markdown")):
        yield from _markdown(markdown)
    elif latex := joined(data.get("text/latex")):
        yield BlockKind.FORMULA, latex
    elif (html := joined(data.get("text/html"))) and (
        "<tr" in html.lower() or not plain.strip() or _NAMELESS.fullmatch(plain)
    ):
        found = list(_html(html))
        yield from found or [(BlockKind.OUTPUT, plain)]
    elif "application/json" in data and (not plain.strip() or _NAMELESS.fullmatch(plain)):
        yield BlockKind.OUTPUT, json.dumps(data["application/json"], ensure_ascii=False, indent=1)
    else:
        yield BlockKind.OUTPUT, plain


def _markdown(text: str) -> Iterator[tuple[BlockKind, str]]:
    from ingest.parsers.markdown import markdown_blocks

    for block in markdown_blocks(text):
        kind = BlockKind.PARAGRAPH if block.kind is BlockKind.HEADING else block.kind
        yield kind, text[block.start : block.end]


def _html(html: str) -> Iterator[tuple[BlockKind, str]]:
    """Yield the blocks of an HTML output, none of one that is too long."""
    from ingest.parsers.html import read_html

    if len(html) > _MOST_HTML_CHARS:
        return
    draft, _ = read_html(html)
    for block in draft.blocks:
        kind = BlockKind.OUTPUT if block.kind is BlockKind.HEADING else block.kind
        yield kind, draft.text[block.start : block.end]


def _is_a_view(data: dict[str, Any]) -> bool:
    return any("widget-view" in form or _CHART.search(form) for form in data)


def _count_unread(output: dict[str, Any], data: dict[str, Any], cell: int, missed: Missed) -> None:
    """Count a picture, a chart, a widget or a recording that has no text."""
    html = joined(data.get("text/html"))[:_MOST_HTML_CHARS]
    form = next((form for form in data if form.startswith("image/") or form == "application/pdf"), "")
    if any("widget-view" in each for each in data):
        missed.add(WarningCode.WIDGETS, cell)
    elif any(_CHART.search(each) for each in data) or _CHART.search(html):
        missed.add(WarningCode.CHARTS, cell)
    elif form:
        metadata = output.get("metadata")
        about = metadata.get(form) if isinstance(metadata, dict) else None
        if not described(str(about.get("alt") or "") if isinstance(about, dict) else ""):
            missed.add(WarningCode.PICTURES, cell)
    elif _RECORDING.search(html) or any(each.startswith(("audio/", "video/")) for each in data):
        missed.add(WarningCode.MEDIA, cell)
    elif html or "application/javascript" in data:
        missed.add(WarningCode.WIDGETS, cell)


def _cleaned(text: str) -> str:
    """Return a printed text without progress bars and control codes."""
    return _BASE64.sub("…", _NOISE.sub("", _shown(text)))


def _shown(text: str) -> str:
    """Return an output as a terminal shows it.

    It has no colours and no lines that were overwritten.
    """
    return _OVERWRITTEN.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def _shortened(text: str) -> str:
    lines = text.split("\n")
    if len(lines) > _OUTPUT_LINES:
        half = _OUTPUT_LINES // 2
        lines = [*lines[:half], f"… ({len(lines) - 2 * half} lines left out)", *lines[-half:]]
        text = "\n".join(lines)
    return text if len(text) <= _OUTPUT_CHARS else f"{text[:_OUTPUT_CHARS]} …"
