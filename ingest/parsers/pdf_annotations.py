"""A reader's own marks in a PDF: highlights, notes and filled form fields.

They are not part of a page's text. A highlight has the words under it; drawings by hand, stamps, attachments
and recordings have none and are counted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rag.note_warnings import WarningCode

_MOST = 2000
"""Most annotations of a page that are looked at. Chosen, not measured."""
_CHECKED = frozenset((2, 3))
"""Kinds of form fields that are on or off: boxes and radio buttons."""
_VALUED = frozenset((4, 5, 6))
"""Kinds of form fields with a value: combo boxes, lists and text."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks on a page: `notes` and `fields` as lines, `missing` what has no text."""

    notes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    missing: tuple[WarningCode, ...] = ()


def page_marks(pdf: Any, page: Any) -> Marks:
    """Return the annotations of a page in their order."""
    import pypdfium2.raw as pdfium

    notes: list[str] = []
    fields: list[str] = []
    missing: list[WarningCode] = []
    count = min(pdfium.FPDFPage_GetAnnotCount(page), _MOST)
    text: list[Any] = []
    for index in range(count):
        mark = pdfium.FPDFPage_GetAnnot(page, index)
        if not mark:
            continue
        try:
            kind = pdfium.FPDFAnnot_GetSubtype(mark)
            if kind == pdfium.FPDF_ANNOT_WIDGET:
                fields += _field(pdf.formenv, mark) if pdf.formenv else []
            elif kind in _without_text():
                code = _without_text()[kind]
                notes += _note(mark, "")
                missing += [] if _string(pdfium.FPDFAnnot_GetStringValue, mark, b"Contents") else [code]
            elif kind not in {pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP}:
                if not text and pdfium.FPDFAnnot_CountAttachmentPoints(mark):
                    text.append(page.get_textpage())
                notes += _note(mark, _marked(text[0], mark) if text else "")
        finally:
            pdfium.FPDFPage_CloseAnnot(mark)
    return Marks(tuple(dict.fromkeys(notes)), tuple(fields), tuple(missing))


def _without_text() -> dict[int, WarningCode]:
    import pypdfium2.raw as pdfium

    return {
        pdfium.FPDF_ANNOT_INK: WarningCode.DRAWINGS,
        pdfium.FPDF_ANNOT_STAMP: WarningCode.PICTURES,
        pdfium.FPDF_ANNOT_FILEATTACHMENT: WarningCode.OBJECTS,
        pdfium.FPDF_ANNOT_THREED: WarningCode.OBJECTS,
        pdfium.FPDF_ANNOT_SOUND: WarningCode.MEDIA,
        pdfium.FPDF_ANNOT_MOVIE: WarningCode.MEDIA,
        pdfium.FPDF_ANNOT_RICHMEDIA: WarningCode.MEDIA,
    }


def _note(mark: Any, marked: str) -> list[str]:
    """Return the line of a highlight, a note or both."""
    import pypdfium2.raw as pdfium

    said = " ".join(_string(pdfium.FPDFAnnot_GetStringValue, mark, b"Contents").split())
    if marked and said and said != marked:
        return [f"Highlighted: {marked} - note: {said}"]
    if marked:
        return [f"Highlighted: {marked}"]
    return [f"Note: {said}"] if said else []


def _marked(text: Any, mark: Any) -> str:
    """Return the words under a highlight or an underline, empty for other marks."""
    import pypdfium2.raw as pdfium

    pieces = []
    quads = pdfium.FS_QUADPOINTSF()
    for index in range(min(pdfium.FPDFAnnot_CountAttachmentPoints(mark), _MOST)):
        if not pdfium.FPDFAnnot_GetAttachmentPoints(mark, index, quads):
            continue
        across = (quads.x1, quads.x2, quads.x3, quads.x4)
        down = (quads.y1, quads.y2, quads.y3, quads.y4)
        inset = 0.2 * (max(down) - min(down))  # the lines above and below touch the mark
        found = text.get_text_bounded(min(across), min(down) + inset, max(across), max(down) - inset)
        pieces.append(found.replace("\ufffe", "").strip())
    return " ".join(" ".join(pieces).split())


def _field(forms: Any, mark: Any) -> list[str]:
    """Return the line of a form field that is filled, or a box that can be."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFAnnot_GetFormFieldType(forms, mark)
    name = _string(pdfium.FPDFAnnot_GetFormFieldAlternateName, forms, mark) or _string(
        pdfium.FPDFAnnot_GetFormFieldName, forms, mark
    )
    name = " ".join(name.split())
    if kind in _CHECKED:
        return [f"[{'x' if pdfium.FPDFAnnot_IsChecked(forms, mark) else ' '}] {name}"] if name else []
    value = " ".join(_string(pdfium.FPDFAnnot_GetFormFieldValue, forms, mark).split())
    return [f"{name}: {value}" if name else value] if kind in _VALUED and value else []


def described_pictures(page: Any) -> Iterator[str]:
    """Yield the descriptions (alternative texts) that a tagged PDF gives its figures."""
    import pypdfium2.raw as pdfium

    tree = pdfium.FPDF_StructTree_GetForPage(page)
    if not tree:
        return
    try:
        count = pdfium.FPDF_StructTree_CountChildren(tree)
        pending = [pdfium.FPDF_StructTree_GetChildAtIndex(tree, at) for at in range(max(0, count))][::-1]
        seen = 0
        while pending and seen < _MOST:
            element = pending.pop()
            if not element:
                continue
            seen += 1
            if text := " ".join(_string(pdfium.FPDF_StructElement_GetAltText, element).split()):
                yield text
            children = min(max(0, pdfium.FPDF_StructElement_CountChildren(element)), _MOST)
            pending += [pdfium.FPDF_StructElement_GetChildAtIndex(element, at) for at in range(children)][
                ::-1
            ]
    finally:
        pdfium.FPDF_StructTree_Close(tree)


def _string(read: Callable[..., int], *arguments: Any) -> str:
    """Return a string of PDFium, which writes UTF-16 into a buffer."""
    import pypdfium2.raw as pdfium

    length = read(*arguments, None, 0)
    if length <= 2:
        return ""
    buffer = ctypes.create_string_buffer(length)
    target: Any = buffer
    if read is not pdfium.FPDF_StructElement_GetAltText:
        target = ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR))
    read(*arguments, target, length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace")
