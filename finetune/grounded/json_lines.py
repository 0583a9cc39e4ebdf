"""Gzipped JSON lines, the format of all files of the grounded training data."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import DatasetError

_NOT_WHOLE = (OSError, EOFError, zlib.error, LookupError, TypeError, ValueError)
"""Exceptions from a damaged file, or from rows of another shape."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, one at a time."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@contextmanager
def whole(folder: Path, what: str, command: str) -> Iterator[None]:
    """The time in which `what` is read from a folder; `command` is what makes it.

    Raises:
        DatasetError: it was not made, or not whole.
    """
    try:
        yield
    except _NOT_WHOLE as exc:
        raise DatasetError(f"{folder} does not have {what} whole ({exc!r}). {command}") from exc


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write rows to a file; a missing folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
