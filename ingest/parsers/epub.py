"""E-books: the chapters of an EPUB file in reading order, as pages of HTML."""

from __future__ import annotations

from typing import Any

from ingest.parsers.decoding import decode
from ingest.parsers.draft import Draft
from ingest.parsers.html import read_html
from ingest.parsers.zipped import ZippedParts, joined
from rag.errors import UnreadableNote
from rag.note_warnings import WarningCode
from rag.settings import IngestSettings
from rag.types import BlockKind, Locator, Unit

_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_ENC = "{http://www.w3.org/2001/04/xmlenc#}"
_FONT_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Ways of encryption that hide fonts alone."""
_PAGES = frozenset(("application/xhtml+xml", "text/html", "application/xml", "text/xml"))
_SHOWN_METADATA = ("creator", "publisher", "date", "description")


def read_epub(data: bytes, settings: IngestSettings) -> tuple[Draft, str]:
    """Return the chapters, located by their number, and the book's title.

    Raises:
        UnreadableNote: it is not an EPUB file that can be opened, or is protected.
    """
    parts = ZippedParts(data, "an e-book", settings.max_file_bytes)
    name = _package_name(parts)
    package = parts.xml(name)
    if _is_protected(parts):
        raise UnreadableNote("It is protected against copying (DRM); only its own programs can read it.")
    draft = Draft(Unit.CHAPTER)
    _add_metadata(draft, package)
    for number, page in enumerate(_spine(package, name), 1):
        _add_chapter(draft, parts, page, number)
    return draft, " ".join((package.findtext(f".//{_DC}title") or "").split())


def _package_name(parts: ZippedParts) -> str:
    """Return the name of the part that lists all others."""
    if "META-INF/container.xml" in parts.names:
        root = parts.xml("META-INF/container.xml")
        for entry in root.iter(f"{_CONTAINER}rootfile", "rootfile"):
            if (path := entry.get("full-path")) in parts.names:
                return str(path)
    found = sorted(name for name in parts.names if name.endswith(".opf"))
    if not found:
        raise UnreadableNote("It is not an e-book that can be opened: it has no list of its chapters (.opf).")
    return found[0]


def _is_protected(parts: ZippedParts) -> bool:
    if "META-INF/encryption.xml" not in parts.names:
        return False
    methods = parts.xml("META-INF/encryption.xml").iter(f"{_ENC}EncryptionMethod")
    return any(one.get("Algorithm") not in _FONT_ONLY for one in methods)


def _add_metadata(draft: Draft, package: Any) -> None:
    """Append who wrote the book and when."""
    lines = [
        f"{name}: {' '.join((one.text or '').split())}"
        for name in _SHOWN_METADATA
        for one in package.iter(f"{_DC}{name}")
        if (one.text or "").strip()
    ]
    draft.add(BlockKind.METADATA, "\n".join(lines), Locator(Unit.CHAPTER, 1, 1))


def _spine(package: Any, name: str) -> list[str]:
    """Return the names of the chapters in reading order."""
    items = {item.get("id"): item for item in package.iter(f"{_OPF}item", "item")}
    order = [items.get(one.get("idref")) for one in package.iter(f"{_OPF}itemref", "itemref")]
    read = [item for item in order if item is not None]
    chosen = [*read, *(item for item in items.values() if item not in read)]  # notes that a link opens
    return [
        joined(name, item.get("href", ""))
        for item in chosen
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    ]


def _add_chapter(draft: Draft, parts: ZippedParts, name: str, number: int) -> None:
    """Append a chapter; one that is missing or damaged costs only itself."""
    try:
        page, title = read_html(decode(parts.read(name)).text)
    except UnreadableNote:
        draft.missed.add(WarningCode.DAMAGED_PARTS, number, name)
        return
    for block in page.blocks:
        heading = block.locator.heading or title
        at = Locator(Unit.CHAPTER, number, number, heading)
        draft.add(block.kind, page.text[block.start : block.end], at, level=block.level, part=number)
    draft.missed.take(page.missed, number)
