"""Pictures, charts, diagrams and embedded objects of a Word document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.parsers.missed import described
from ingest.parsers.office_charts import A
from ingest.parsers.office_frames import Frame, frame_of, is_decorative, read_frame
from ingest.parsers.word_text import BOX, FALLBACK, W
from rag.note_warnings import WarningCode
from rag.types import BlockKind

_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}pic"
_V = "{urn:schemas-microsoft-com:vml}"
_OLE = "{urn:schemas-microsoft-com:office:office}OLEObject"
_INK = "{http://schemas.microsoft.com/office/word/2010/wordml}contentPart"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The text of a drawing, or the kind of content that has none.

    `missing` is None where the text is all; `name` is that of the program or part.
    """

    text: str = ""
    kind: BlockKind = BlockKind.PARAGRAPH
    missing: WarningCode | None = None
    name: str = ""


def drawings(element: Any, part: Any) -> Iterator[Drawn]:
    """Yield the drawings of a paragraph or table, without copies for old programs."""
    for node in element.iter(f"{W}drawing", f"{W}pict", f"{W}object", f"{W}altChunk"):
        if any(
            ancestor.tag in {FALLBACK, f"{W}del", BOX}
            for ancestor in node.iterancestors()
            if ancestor is not element
        ):
            continue
        if node.tag == f"{W}drawing":
            yield from _drawing(node, part)
        elif node.tag == f"{W}altChunk":
            yield Drawn(missing=WarningCode.OBJECTS, name="altChunk")
        else:
            yield from _older(node)


def _drawing(node: Any, part: Any) -> Iterator[Drawn]:
    properties = next(node.iter(f"{_WP}docPr"), None)
    if is_decorative(properties):
        return
    text = described(properties.get("descr") if properties is not None else "")
    frame = frame_of(node)
    if frame is not None and frame[0] is not Frame.OBJECT:
        title, body, missing = read_frame(frame, part)
        yield Drawn(title)
        yield Drawn(body, BlockKind.LIST if frame[0] is Frame.DIAGRAM else BlockKind.TABLE)
        yield Drawn(text)
        if not body and not text:
            yield Drawn(missing=missing)
    elif text:
        yield Drawn(text)
    elif next(node.iter(_INK), None) is not None:
        yield Drawn(missing=WarningCode.DRAWINGS)
    elif next(node.iter(_PICTURE, f"{A}blip"), None) is not None:
        yield Drawn(missing=WarningCode.PICTURES)


def _older(node: Any) -> Iterator[Drawn]:
    """Yield a picture of the older kind (VML), or an object of another program."""
    program = next(node.iter(_OLE), None)
    shape = next((shape for shape in node.iter() if shape.get("alt")), None)
    text = described(shape.get("alt") if shape is not None else "")
    if text:
        yield Drawn(text)
    elif program is not None:
        yield Drawn(missing=WarningCode.OBJECTS, name=program.get("ProgID") or "")
    elif next(node.iter(f"{_V}imagedata"), None) is not None:
        yield Drawn(missing=WarningCode.PICTURES)
