"""The removal of all that is no text from an HTML page, and marks for pictures.

Content that a page shows only after a click (tab panels, accordions, collapsed answers) is text. A picture
becomes its description, a box that can be ticked `[x]` or `[ ]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parsers.html_math import write_formulas
from ingest.parsers.missed import described
from ingest.parsers.raised import raised
from rag.note_warnings import WarningCode

MARKS = {
    "\ue000": WarningCode.PICTURES,
    "\ue001": WarningCode.FRAMES,
    "\ue002": WarningCode.MEDIA,
    "\ue003": WarningCode.OBJECTS,
    "\ue004": WarningCode.CHARTS,
}
"""Private characters in the place of unread content.

Those of the page itself are taken out before."""
_MARK_OF = {code: mark for mark, code in MARKS.items()}
WITHOUT_MARKS = str.maketrans(dict.fromkeys(MARKS, ""))
_NEVER_TEXT = (
    "script, style, noscript, template, nav, [role=navigation], [role=banner], [role=search], [role=contentinfo], "
    "dialog:not([open]), a.headerlink, a.anchor-link, a[role=doc-backlink], a.footnote-backref, a.footnote-back, "
    ".mw-editsection"
)
_BLOCKS = ["p", "li", "table", "pre", "h1", "h2", "h3", "h4", "blockquote", "dl"]
_OPENING = (
    "aria-expanded",
    "aria-controls",
    "data-toggle",
    "data-bs-toggle",
    "data-target",
    "data-bs-target",
)
"""Attributes of a button that opens something, and so is its heading."""
_KEEPS_A_FOOTER = ["blockquote", "figure", "section", "aside", "td", "li", "details"]
_MOST_OPTIONS = 12
"""Most options that are read of a menu without a choice.

More are years or countries. Chosen, not measured.
"""
_LINK_SHARE = 0.6
"""Share of an aside's letters in links from which it is a menu. Chosen, not measured."""
_SMALL_DOTS = 48
"""Width or height up to which a picture is an icon. Chosen, not measured."""
_AROUND_BLOCKS = frozenset(
    "body div section article main header figure center fieldset details form aside".split()
)
_PICTURE_BOXES = (
    "input[type=checkbox], input[type=radio], [role=checkbox], [role=radio], div.checkbox, span.checkbox"
)


def clean_page(soup: Any) -> None:
    """Change a page so that its text is what a reader can see or open."""
    write_formulas(soup)
    named = set(_opened_names(soup))
    for element in list(soup.select("[hidden], [aria-hidden=true]")):
        if not element.decomposed and not _opens(element, named):
            element.decompose()
    for element in soup.select(_NEVER_TEXT):
        element.decompose()
    for element in list(soup.find_all(["aside", "footer", "button", "select"])):
        if not element.decomposed:
            _keep_or_drop(element)
    _write_forms(soup)
    _write_references(soup)
    _write_raised(soup)
    _write_pictures(soup)


def _opened_names(soup: Any) -> Iterator[str]:
    """Yield the ids that a button, a tab or a link of the page opens."""
    for element in soup.select("[aria-controls], [data-target], [data-bs-target], a[href^='#']"):
        for name in ("aria-controls", "data-target", "data-bs-target", "href"):
            yield from str(element.get(name) or "").replace("#", "").split()


def _opens(element: Any, named: set[str]) -> bool:
    """Return whether hidden content is shown after a click."""
    if (
        element.get("role") == "tabpanel"
        or element.get("id") in named
        or element.get("hidden") == "until-found"
    ):
        return True
    if element.get("aria-hidden") == "true" and "hidden" not in element.attrs:
        return element.find(_BLOCKS) is not None and element.find_parent("nav") is None
    before = element.find_previous_sibling()
    return before is not None and (before.name in {"button", "summary"} or before.find("button") is not None)


def _keep_or_drop(element: Any) -> None:
    match element.name:
        case "footer" if element.find_parent(_KEEPS_A_FOOTER) is None:
            element.decompose()
        case "footer":
            element.name = "div"  # a line of its own, such as the source of a quotation
        case "aside" if _is_menu(element):
            element.decompose()
        case "button" if not _is_heading(element):
            element.decompose()
        case "select":
            options = element.find_all("option")
            chosen = [option for option in options if "selected" in option.attrs]
            shown = chosen or (options if 1 < len(options) <= _MOST_OPTIONS else [])
            _put(element, ", ".join(option.get_text(" ", strip=True) for option in shown))


def _is_menu(aside: Any) -> bool:
    letters = len(aside.get_text(strip=True))
    linked = sum(len(link.get_text(strip=True)) for link in aside.find_all("a"))
    return linked > _LINK_SHARE * letters


def _is_heading(button: Any) -> bool:
    """Return whether a button is the heading of what it opens, or a question."""
    words = button.get_text(" ", strip=True)
    opens = any(name in button.attrs for name in _OPENING)
    inside = button.find_parent(["h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt"]) is not None
    return bool(words) and (opens or inside or words.endswith(("?", "？", "؟")))


def _write_forms(soup: Any) -> None:
    """Write boxes as ticked or not, and the values of filled fields."""
    for box in soup.select(_PICTURE_BOXES):
        on = (
            "checked" in box.attrs
            or box.get("aria-checked") == "true"
            or "checkbox-on" in (box.get("class") or ())
        )
        box.insert_before("[x] " if on else "[ ] ")
        if box.name == "input" or not box.get_text(strip=True):
            box.decompose()
    for field in soup.select("input[value]:not([type]), input[type=text][value], input[type=number][value]"):
        field.replace_with(f" {field['value']} ")


def _write_references(soup: Any) -> None:
    """Write references to footnotes as raised numbers; `[1]` would be a citation."""
    for link in soup.select("a[href^='#']"):
        words = link.get_text(strip=True).strip("[]")
        classes = " ".join(link.get("class") or ())
        marked = (
            "footnote" in classes
            or link.get("role") == "doc-noteref"
            or link.get("epub:type") == "noteref"
            or link.find_parent("sup") is not None
        )
        if marked and words.isdigit() and link.find_parent("aside") is None:
            link.replace_with(raised(words))


def _write_raised(soup: Any) -> None:
    """Write powers as raised characters, and the reading of a word in parentheses."""
    for element in soup.find_all("sup"):
        if element.find(True) is None:
            element.replace_with(raised(element.get_text()))
    for element in soup.select("abbr[title]"):
        if (words := described(element["title"])) and words not in soup.get_text():
            element.append(f" ({words})")
    for element in soup.find_all(["rp", "rt"]):
        words = element.get_text(strip=True)
        element.replace_with(f"({words})" if element.name == "rt" and words else "")


def _write_pictures(soup: Any) -> None:
    """Replace pictures and frames by their description, or by a mark."""
    for element in soup.find_all(
        ["img", "area", "svg", "iframe", "frame", "video", "audio", "object", "embed", "canvas"]
    ):
        if element.decomposed:
            continue
        match element.name:
            case "img":
                text = _picture(element)
            case "area":
                text = described(element.get("alt"))
            case "svg":
                text = _drawing(element)
            case "iframe" | "frame":
                text = f"{described(element.get('title'))} {_MARK_OF[WarningCode.FRAMES]}"
            case "video" | "audio":
                text = _MARK_OF[WarningCode.MEDIA]
            case "canvas":
                text = _MARK_OF[WarningCode.CHARTS]
            case _:
                text = _MARK_OF[WarningCode.OBJECTS]
        _put(element, text)


def _put(element: Any, text: str) -> None:
    """Replace an element by text, a paragraph of its own unless it is in a line."""
    if not text.strip():
        element.decompose()
    elif element.parent is not None and element.parent.name in _AROUND_BLOCKS:
        element.clear()
        element.name, element.attrs = "p", {}
        element.string = text
    else:
        element.replace_with(f" {text} ")


def _picture(image: Any) -> str:
    if text := described(image.get("alt")):
        return text
    decoration = image.get("alt") == "" or image.get("role") in {"presentation", "none"} or _is_small(image)
    figure = image.find_parent("figure")
    captioned = figure is not None and figure.find("figcaption") is not None
    return "" if decoration or captioned else _MARK_OF[WarningCode.PICTURES]


def _is_small(image: Any) -> bool:
    sizes = [str(image.get(name) or "").removesuffix("px") for name in ("width", "height")]
    return any(size.isdigit() and int(size) <= _SMALL_DOTS for size in sizes)


def _drawing(svg: Any) -> str:
    """Return the words of a drawing: its title and description, else its labels."""
    about = [part.get_text(" ", strip=True) for part in svg.find_all(["title", "desc"], recursive=False)]
    labels = [part.get_text(" ", strip=True) for part in svg.find_all("text")]
    if words := " ".join(filter(None, [str(svg.get("aria-label") or ""), *about, *labels])):
        return words
    return _MARK_OF[WarningCode.PICTURES] if svg.find_parent("figure") is not None else ""
