"""A passage with its context: the text that is embedded, never shown as its own."""

from __future__ import annotations

from rag.types import Chunk

# Bumped when the text that is embedded or indexed for the same chunk changes: vectors made before are then stale.
PASSAGE_VERSION = 2
MAX_CONTEXT_CHARS = 160
"""Longest context line: the passage's own text must decide its vector. Not measured."""


def context_line(chunk: Chunk) -> str:
    """Return the document's title and heading path, joined with ` › `.

    It is outermost first, and empty where there is neither. What the passage's own first line repeats is left
    out, and so are a heading that repeats the one before it and a title without a letter (a file called
    `8659`). Of a path longer than `MAX_CONTEXT_CHARS` the innermost headings are kept: they say most about
    the passage.
    """
    first_line = _folded(chunk.text.lstrip().split("\n", 1)[0])
    parts: list[str] = []
    title = chunk.title if any(map(str.isalpha, chunk.title)) else ""
    for name in (" ".join(raw.split()) for raw in (title, *chunk.headings)):
        if name and _folded(name) != first_line and (not parts or _folded(parts[-1]) != _folded(name)):
            parts.append(name)
    while len(parts) > 1 and sum(map(len, parts)) + 3 * (len(parts) - 1) > MAX_CONTEXT_CHARS:
        parts.pop(0)
    return " › ".join(parts)[:MAX_CONTEXT_CHARS]


def passage_text(chunk: Chunk) -> str:
    """Return the text that is embedded for a chunk: context line, line break, text."""
    context = context_line(chunk)
    return f"{context}\n{chunk.text}" if context else chunk.text


def _folded(text: str) -> str:
    return text.strip().strip("#*_ ").casefold()
