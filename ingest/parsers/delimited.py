"""Tables in text files: values parted by commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
from collections import Counter

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.row_tables import Row, add_table, cell_text
from rag.types import Unit

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50
_MOST_CHARACTERS = 2**31 - 1
"""Longest cell; a larger number is too large for C on some systems."""
_LEAST_SHARE = 0.8
"""Share of rows with the usual number of cells from which a sign parts them. Chosen, not measured."""


def read_delimited(data: bytes) -> Draft:
    """Return the rows of a CSV or TSV file, located by row.

    Raises:
        UnreadableNote: it is not text.
    """
    decoded = decode(data)
    draft = Draft(Unit.ROW)
    draft.warnings += decoded.warnings
    usual = csv.field_size_limit(_MOST_CHARACTERS)  # the limit is the process's, not the reader's
    try:
        rows = _rows(decoded.text, _delimiter(decoded.text))
    finally:
        csv.field_size_limit(usual)
    add_table(draft, [Row(number, tuple(map(cell_text, cells))) for number, cells in enumerate(rows, 1)])
    return draft


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the rows; a file whose quotation marks do not match is cut at its lines."""
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return [line.split(delimiter) for line in text.splitlines()]


def _delimiter(text: str) -> str:
    """Return the sign that parts the cells of most rows into the same number."""
    lines = [line for line in text.splitlines() if line.strip()][:_SAMPLE_ROWS]
    best, most = ",", (0.0, 0)
    for sign in _DELIMITERS:
        widths = Counter(len(row) for row in _rows("\n".join(lines), sign) if row)
        width, count = max(widths.items(), key=lambda pair: (pair[0] > 1, pair[1]), default=(1, 0))
        share = count / max(1, len(lines))
        if width > 1 and (min(share, _LEAST_SHARE), width) > most:
            best, most = sign, (min(share, _LEAST_SHARE), width)
    return best
