"""Charts, diagrams and embedded objects of Office files: kind and text."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from ingest.parsers.office_charts import CX, A, C, D, R, chart_table, diagram_list, xml_root
from rag.note_warnings import WarningCode

_DECORATIVE = "{http://schemas.microsoft.com/office/drawing/2017/decorative}decorative"


class Frame(StrEnum):
    """Kinds of content in a graphic frame of which the data is in another part."""

    CHART = "chart"
    DIAGRAM = "diagram"
    OBJECT = "object"


_MISSING = {
    Frame.CHART: WarningCode.CHARTS,
    Frame.DIAGRAM: WarningCode.DIAGRAMS,
    Frame.OBJECT: WarningCode.OBJECTS,
}


def frame_of(element: Any) -> tuple[Frame, str] | None:
    """Return (kind, id of the relation to its data) of a frame; None if it has none."""
    for node in element.iter(f"{C}chart", f"{CX}chart", f"{D}relIds"):
        if node.tag == f"{D}relIds":
            return Frame.DIAGRAM, node.get(f"{R}dm") or ""
        return Frame.CHART, node.get(f"{R}id") or ""
    return (Frame.OBJECT, "") if next(element.iter(f"{A}graphicData"), None) is not None else None


def read_frame(frame: tuple[Frame, str], part: Any) -> tuple[str, str, WarningCode]:
    """Return (title, text, the code of a warning if there is no text) of a frame.

    The text of a chart is a table, that of a diagram a list.
    """
    from lxml.etree import XMLSyntaxError

    kind, identity = frame
    relation = part.rels.get(identity)
    if kind is Frame.OBJECT or relation is None or relation.is_external:
        return "", "", _MISSING[kind]
    try:
        root = xml_root(relation.target_part.blob)
    except XMLSyntaxError:
        return "", "", _MISSING[kind]
    title, text = ("", diagram_list(root)) if kind is Frame.DIAGRAM else chart_table(root)
    return title, text, _MISSING[kind]


def is_decorative(properties: Any) -> bool:
    """Return whether a drawing is marked as one that shows nothing."""
    if properties is None:
        return False
    return any(mark.get("val") in {"1", "true"} for mark in properties.iter(_DECORATIVE))
