"""Charts and diagrams (SmartArt) of Office files, from the parts with their data.

A chart becomes a table: a column of categories and one for each series. A diagram becomes a list, indented as
its points are nested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from ingest.parsers.table_text import row_text

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
CX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
D = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MOST_POINTS = 2000
"""Most points of a series, and of a diagram, that are read. Chosen, not measured."""
_DEEPEST = 20


def xml_root(blob: bytes) -> Any:
    """Return the root element of a part; no entity is resolved, nothing is fetched.

    Raises:
        lxml.etree.XMLSyntaxError: it is no XML.
    """
    from lxml import etree

    return etree.fromstring(blob, etree.XMLParser(resolve_entities=False, no_network=True))


def chart_table(root: Any) -> tuple[str, str]:
    """Return (title, table) of a chart's part; both may be empty."""
    if root.tag.startswith(CX):
        return _title(root.find(f".//{CX}title")), _rows(_extended_columns(root))
    return _title(root.find(f"{C}chart/{C}title")), _rows(_columns(root))


def diagram_list(root: Any) -> str:
    """Return the texts of a diagram's data part, one a line, indented by level."""
    points = {
        point.get("modelId"): point
        for point in list(root.iter(f"{D}pt"))[:_MOST_POINTS]
        if point.get("type", "node") in {"node", "asst", "doc"}
    }
    below: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for link in root.iter(f"{D}cxn"):
        if link.get("type", "parOf") == "parOf" and link.get("destId") in points:
            below[link.get("srcId")].append((_number(link.get("srcOrd")), link.get("destId")))
    children = {child for links in below.values() for _, child in links}
    lines: list[str] = []
    seen: set[str] = set()

    def walk(point: str, depth: int) -> None:
        if point in seen or depth > _DEEPEST:
            return
        seen.add(point)
        text = _text(points[point])
        if text:
            lines.append(f"{'  ' * depth}- {text}")
        for _, child in sorted(below[point]):
            walk(child, depth + bool(text))

    for point in points:
        if point not in children:
            walk(point, 0)
    for point in points:  # those of a circle, which no start leads to
        walk(point, 0)
    return "\n".join(lines)


def _columns(root: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield (name, cells) of the categories once, then of each series."""
    axes = [_title(title) for title in root.iterfind(f"{C}chart/{C}plotArea/*/{C}title")]
    shown: list[str] | None = None
    for place, series in enumerate(root.iter(f"{C}ser"), 1):
        categories = _points(series.find(f"{C}cat"), series.find(f"{C}xVal"))
        if categories and categories != shown:
            yield (
                (axes[0] if axes and axes[0] else ("x" if series.find(f"{C}xVal") is not None else "")),
                categories,
            )
            shown = categories
        name = " ".join(_texts(series.find(f"{C}tx"), f"{C}v")) or (
            axes[1] if len(axes) > 1 and axes[1] else f"series {place}"
        )
        yield name, _points(series.find(f"{C}val"), series.find(f"{C}yVal"))
        if sizes := _points(series.find(f"{C}bubbleSize")):
            yield f"{name} (size)", sizes


def _points(*sources: Any) -> list[str]:
    """Return the cached values of a series in order, gaps empty."""
    for source in sources:
        if source is None:
            continue
        levels = list(source.iter(f"{C}lvl")) or [source]
        columns = [_indexed(level) for level in levels[::-1]]
        length = 1 + max((index for column in columns for index in column), default=-1)
        return [" › ".join(filter(None, (column.get(at, "") for column in columns))) for at in range(length)]
    return []


def _indexed(level: Any) -> dict[int, str]:
    found = {}
    for point in level.iter(f"{C}pt"):
        index = _number(point.get("idx"))
        if index < _MOST_POINTS:
            found[index] = _plain_number(" ".join(_texts(point, f"{C}v")))
    return found


def _extended_columns(root: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns of a chart of the newer kind (waterfall, histogram, map)."""
    names = {
        series.find(f"{CX}dataId").get("val"): " ".join(_texts(series.find(f"{CX}tx"), f"{CX}v"))
        for series in root.iter(f"{CX}series")
        if series.find(f"{CX}dataId") is not None
    }
    for data in root.iter(f"{CX}data"):
        for dimension in data:
            cells = [
                " ".join((point.text or "").split())
                for point in list(dimension.iter(f"{CX}pt"))[:_MOST_POINTS]
            ]
            yield ("" if dimension.tag == f"{CX}strDim" else names.get(data.get("id"), "")), cells


def _rows(columns: Iterable[tuple[str, list[str]]]) -> str:
    """Return columns as the rows of a table, with their names as its head."""
    found = [(name, cells) for name, cells in columns if any(cells)]
    if not found:
        return ""
    rows = [[name for name, _ in found], *zip_longest(*(cells for _, cells in found), fillvalue="")]
    return "\n".join(line for row in rows if (line := row_text(row)))


def _title(title: Any) -> str:
    if title is None:
        return ""
    return " ".join("".join(_texts(title, f"{A}t")).split()) or " ".join(_texts(title, f"{C}v"))


def _text(point: Any) -> str:
    paragraphs = ("".join(_texts(paragraph, f"{A}t")) for paragraph in point.iter(f"{A}p"))
    return " ".join(" ".join(paragraphs).split())


def _texts(element: Any, tag: str) -> list[str]:
    return [] if element is None else [node.text or "" for node in element.iter(tag)]


def _plain_number(text: str) -> str:
    """Return a value without the noise of its binary form: 0.30000000000000004 is 0.3."""
    flat = " ".join(text.split())
    try:
        return f"{float(flat):.12g}" if len(flat) > 12 else flat
    except ValueError:
        return flat


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
