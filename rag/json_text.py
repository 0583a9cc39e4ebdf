"""JSON from outside: everything that is wrong with it is a `ValueError`."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Return the value that a JSON text describes.

    Raises:
        json.JSONDecodeError: it is no JSON, or nested too deeply to be read.
        UnicodeDecodeError: the bytes are no text.
    """
    try:
        return json.loads(text)
    except RecursionError as exc:
        start = text[:1000] if isinstance(text, str) else text[:1000].decode("utf-8", "replace")
        raise json.JSONDecodeError("Nested too deeply", start, 0) from exc
