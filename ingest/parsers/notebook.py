"""Jupyter notebooks, cell by cell: markdown, code and outputs.

Formats 2, 3 and 4 are read as they are in the file. A cell without an id is named by its content, so that the
name is the same at the next reading (nbformat's upgrade gives random ones, and refuses notebooks whose ids
are invalid).
"""

from __future__ import annotations

import json
from collections import Counter
from hashlib import blake2b
from typing import Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.markdown import heading_text, markdown_blocks
from ingest.parsers.markdown_marks import render_marks
from ingest.parsers.missed import Missed
from ingest.parsers.notebook_outputs import joined, read_outputs
from rag.errors import UnreadableNote
from rag.note_warnings import NoteWarning
from rag.types import BlockKind, Locator, Unit


def read_notebook(data: bytes) -> Draft:
    """Return the cells of a notebook of format 2, 3 or 4.

    Raises:
        UnreadableNote: it is not JSON, or not a notebook.
    """
    draft = Draft(Unit.CELL)
    text, warnings = _decoded(data)
    draft.warnings.extend(warnings)
    heading = ""
    seen: Counter[str] = Counter()
    for number, cell in enumerate(_cells(_parse(text)), 1):
        source = joined(cell.get("source", cell.get("input", "")))
        identity = _identity(cell, source, seen)
        kind = cell.get("cell_type")
        if kind == "code":
            at = Locator(Unit.CELL, number, number, heading)
            draft.add(BlockKind.CODE, source, at, part=number, identity=identity)
            for output_kind, text in read_outputs(cell.get("outputs"), number, draft.missed):
                draft.add(output_kind, text, at, part=number, identity=identity)
        else:
            if kind == "heading":
                source = f"{'#' * int(cell.get('level', 1))} {source}"
            heading = _add_markdown(draft, source, number, identity, heading)
    return draft


def _identity(cell: dict[str, Any], source: str, seen: Counter[str]) -> str:
    """Return the cell's own id, or a name made of its content.

    The second cell with the same one is `name-2`.
    """
    name = str(cell.get("id") or blake2b(source.encode("utf-8", "replace"), digest_size=4).hexdigest())
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _decoded(data: bytes) -> tuple[str, tuple[NoteWarning, ...]]:
    """Return (text, warnings).

    JSON is UTF-8 by its definition; the encoding is guessed only where it is not.
    """
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        decoded = decode(data)
        return decoded.text, decoded.warnings


def _parse(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise UnreadableNote(f"It is not a notebook: expected JSON, found text that is not ({exc}).") from exc
    if not isinstance(found, dict) or not ({"cells", "worksheets", "nbformat"} & found.keys()):
        raise UnreadableNote("It is JSON but not a notebook: there is no list of cells in it.")
    return found


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    cells = notebook.get("cells")
    if cells is None:
        sheets = notebook.get("worksheets") or []
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    return [cell for cell in cells if isinstance(cell, dict)]


def _add_markdown(draft: Draft, source: str, number: int, identity: str, heading: str) -> str:
    """Append a markdown cell block by block; return the heading at its end."""
    missed = Missed("line")
    shown = render_marks(source, missed).text
    for warning in missed.warnings():
        for _ in range(warning.count):
            draft.missed.add(warning.code, number)
    for block in markdown_blocks(shown):
        text = shown[block.start : block.end]
        if block.kind is BlockKind.HEADING:
            heading = heading_text(text)
        at = Locator(Unit.CELL, number, number, heading)
        draft.add(block.kind, text, at, level=block.level, part=number, identity=identity)
    return heading
