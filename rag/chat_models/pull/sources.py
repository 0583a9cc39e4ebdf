"""The words that sources of models share: their error, and the report of progress."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int, str], None]
"""Called with the bytes so far, those of the whole file, and the step in words."""


class SourceFailed(Exception):
    """A source does not have the file or cannot be reached; another one may have it.

    The message continues a sentence that begins with the source.
    """
