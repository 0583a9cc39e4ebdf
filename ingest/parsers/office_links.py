"""The addresses of links in Office files, written behind their words.

`Hand in here` says nothing without them. Links inside a file, and those whose words are their address, stay as they
are.
"""

from __future__ import annotations

from typing import Any

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SCHEMES = ("https://", "http://", "mailto:")
_MOST_CHARS = 200
"""Characters from which an address is a program's and nobody types it. Chosen, not measured."""


def address_behind(words: str, address: str) -> str:
    """Return ` (address)` for the end of a link, empty where it would add nothing."""
    scheme = next((one for one in _SCHEMES if address.lower().startswith(one)), None)
    if scheme is None or len(address) > _MOST_CHARS or not words.strip():
        return ""
    bare = address[len(scheme) :].rstrip("/")
    if not bare or bare.casefold() in words.casefold():
        return ""
    return f" ({bare if scheme == 'mailto:' else address})"


def write_word_links(part: Any, root: Any) -> None:
    """Change the links below an element of a Word document."""
    for link in root.iter(f"{W}hyperlink"):
        texts = list(link.iter(f"{W}t"))
        if texts and (address := _external(part, link.get(f"{R}id"))):
            texts[-1].text = _with_address("".join(text.text or "" for text in texts), texts[-1], address)


def write_slide_links(part: Any, root: Any) -> None:
    """Change the links below an element of a slide, whose runs name their links."""
    for run in root.iter(f"{A}r"):
        name, text = _clicked(run), run.find(f"{A}t")
        following = run.getnext()
        goes_on = following is not None and following.tag == run.tag and _clicked(following) == name
        if name and text is not None and not goes_on and (address := _external(part, name)):
            text.text = _with_address(text.text or "", text, address)


def _with_address(words: str, text: Any, address: str) -> str:
    return f"{text.text or ''}{address_behind(words, address)}"


def _clicked(run: Any) -> str:
    click = run.find(f"{A}rPr/{A}hlinkClick")
    return "" if click is None else str(click.get(f"{R}id") or "")


def _external(part: Any, name: str | None) -> str:
    """Return the address outside the file that a relationship leads to, else empty."""
    relation = part.rels.get(name or "")
    return str(relation.target_ref) if relation is not None and relation.is_external else ""
