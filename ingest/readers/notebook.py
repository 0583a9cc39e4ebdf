"""Jupyter notebooks, cell by cell: markdown, code, and what the code printed.

Formats 2, 3 and 4 are read as they lie in the file. A cell without an id is named by its content, so that the name is the
same at the next reading (nbformat's upgrade gives random ones, and refuses notebooks whose ids are invalid).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import blake2b
from typing import Any

from ingest.readers.decoding import decode
from ingest.readers.draft import Draft
from ingest.readers.markdown import heading_text, markdown_blocks
from rag.errors import UnreadableNote
from rag.types import BlockKind, Locator, Unit

_OUTPUT_LINES = 40
_OUTPUT_CHARS = 2000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n]*\r(?!\n)|\x08")
_NOISE = re.compile(
    r"^\s*(?:<(?:Figure size|IPython\.|matplotlib\.|Axes|seaborn\.)[^\n]*>|<[\w.]+(?: object)? at 0x[0-9a-f]+>|"
    r"[^\n]*\d+%\|[^\n]*\|[^\n]*\d+/\d+[^\n]*)[ \t]*$\n?",
    re.MULTILINE,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")


def read_notebook(data: bytes) -> Draft:
    """The cells of a notebook of format 2, 3 or 4.

    Raises:
        UnreadableNote: it is not JSON, or not a notebook.
    """
    draft = Draft()
    text, warnings = _decoded(data)
    draft.warnings.extend(warnings)
    heading = ""
    seen: Counter[str] = Counter()
    for number, cell in enumerate(_cells(_parse(text)), 1):
        source = _joined(cell.get("source", cell.get("input", "")))
        identity = _identity(cell, source, seen)
        kind = cell.get("cell_type")
        if kind == "code":
            at = Locator(Unit.CELL, number, number, heading)
            draft.add(BlockKind.CODE, source, at, part=number, identity=identity)
            draft.add(
                BlockKind.OUTPUT, _output_text(cell.get("outputs") or []), at, part=number, identity=identity
            )
        else:
            if kind == "heading":
                source = f"{'#' * int(cell.get('level', 1))} {source}"
            heading = _add_markdown(draft, source, number, identity, heading)
    return draft


def _identity(cell: dict[str, Any], source: str, seen: Counter[str]) -> str:
    """The cell's own id, or a name made of its content; the second cell with the same one is `name-2`."""
    name = str(cell.get("id") or blake2b(source.encode("utf-8", "replace"), digest_size=4).hexdigest())
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """(text, warnings): JSON is UTF-8 by its definition, and guessed only where it is not."""
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
    """Appends a markdown cell block by block; the heading that stands at its end."""
    for block in markdown_blocks(source):
        text = source[block.start : block.end]
        if block.kind is BlockKind.HEADING:
            heading = heading_text(text)
        at = Locator(Unit.CELL, number, number, heading)
        draft.add(block.kind, text, at, level=block.level, part=number, identity=identity)
    return heading


def _output_text(outputs: list[dict[str, Any]]) -> str:
    """What the cell printed: text only, without pictures, HTML, progress bars and control codes, shortened.

    Of a traceback the error's name and message stay.
    """
    parts = [_one_output(output) for output in outputs if isinstance(output, dict)]
    text = "\n".join(part.strip("\n") for part in parts if part.strip())
    return _shortened(_BASE64.sub("…", _NOISE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))))


def _one_output(output: dict[str, Any]) -> str:
    if output.get("output_type") in {"error", "pyerr"}:
        return f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"
    data = output.get("data")
    if not isinstance(data, dict):
        data = {
            "text/plain": output.get("text", ""),
            "text/latex": output.get("latex", ""),
        }  # formats 2 and 3
    for kind in ("text/plain", "text/markdown", "text/latex"):
        if text := _joined(data.get(kind)):
            return text
    return _joined(output.get("text"))


def _shortened(text: str) -> str:
    lines = text.split("\n")
    if len(lines) > _OUTPUT_LINES:
        half = _OUTPUT_LINES // 2
        lines = [*lines[:half], f"… ({len(lines) - 2 * half} lines left out)", *lines[-half:]]
        text = "\n".join(lines)
    return text if len(text) <= _OUTPUT_CHARS else f"{text[:_OUTPUT_CHARS]} …"


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")
