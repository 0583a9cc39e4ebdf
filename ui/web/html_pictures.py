"""The pictures of a web page of the notes, with their places in its text.

The library keeps a page's text only. The place of a picture is where its description is in that text, else where the words
before it are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ingest.archives import read_source
from ingest.discover import source_path
from ingest.parsers import content_hash
from rag.errors import UnreadableNote
from rag.library.rows import DocumentRecord

_MOST_BYTES = 5_000_000
_MOST_PICTURES = 200
_LEAST_CHARS = 4
"""Least characters of words before a picture by which its place is found."""


@dataclass(frozen=True, slots=True)
class PagePlace:
    """A picture's name on a page, its description, and its place in the text."""

    name: str
    description: str
    at: int


def html_pictures(record: DocumentRecord, text: str) -> list[PagePlace]:
    """Return the pictures of a page in order; none of a file that has changed."""
    from bs4 import BeautifulSoup

    try:
        data = read_source(source_path(record.source), _MOST_BYTES)
    except (OSError, UnreadableNote):
        return []
    if len(data) > _MOST_BYTES or content_hash(data) != record.content_hash:
        return []
    images = BeautifulSoup(data, "lxml").find_all("img", src=True, limit=_MOST_PICTURES)
    return list(_placed(images, text))


def _placed(images: list[Any], text: str) -> Iterator[PagePlace]:
    """Yield the pictures whose place is found, each behind the one before it."""
    at = 0
    for image in images:
        description = " ".join(str(image.get("alt") or "").split())
        place = next(
            (found for words in _words(image, description) if (found := text.find(words, at)) >= 0), -1
        )
        if place >= 0:
            at = place
            yield PagePlace(unquote(str(image["src"])), description, place)


def _words(image: Any, description: str) -> Iterator[str]:
    """Yield a picture's description, its caption, and the words before it."""
    if description:
        yield description
    figure = image.find_parent("figure")
    caption = figure.find("figcaption") if figure is not None else None
    for words in (caption, image.find_previous(string=lambda string: len(string.strip()) >= _LEAST_CHARS)):
        if words is not None and (line := " ".join(words.get_text().split())):
            yield line
