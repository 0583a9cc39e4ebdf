"""Functions, classes and cells of a document's code, with their output."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rag.answer.cited_lines import plain
from rag.answer.notes import headings_above
from rag.types import Block, BlockKind, Document, DocumentKind

_DEFINED = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:export|public|private|protected|static|async|abstract)\s+)*"
    r"(?:(?:def|class|function|func|fn|struct|interface|sub)\s+(?P<name>\w+)"
    r"|(?:const\s+|let\s+|var\s+)?(?P<assigned>[\w.]+)\s*(?:<-|=)\s*(?:async\s+)?(?:function\b|\([^()]*\)\s*=>))",
    re.MULTILINE,
)
_PRINTED = re.compile(r"\s*(?:```|~~~)\s*\{?\w*\s+out(?:put)?\b")
_FENCE = re.compile(r"^\s*(?:```|~~~)\s*\{?(\w*)[^\n]*\n(.*?)\n?\s*(?:```|~~~)?\s*\Z", re.DOTALL)
_INNER = re.compile(r"^[ \t]*```\{?(\w*)[^\n]*\n(.*?)\n[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_OUTPUTS = frozenset(("output", "text", "console"))
_INTRO_CHARS = 300


@dataclass(frozen=True, slots=True)
class Code:
    """A function, a class or a whole block of code: `document.text[start:end]`.

    `name` is empty for a block that defines nothing; `about` are the headings and the paragraph before it; `output` is the span of what
    its cell printed; `introduced` is True where there is such a paragraph.
    """

    document: str
    name: str
    text: str
    start: int
    end: int
    language: str
    about: str
    output: tuple[int, int] | None = None
    introduced: bool = False

    @property
    def printed(self) -> bool:
        """True for what a program printed: a block that defines nothing and is marked so."""
        return not self.name and self.language in _OUTPUTS


def code_of(document: Document) -> list[Code]:
    """Return the definitions of a document's code, and the blocks without any."""
    found: list[Code] = []
    placed = headings_above(document)
    for place, (block, headings) in enumerate(placed):
        text = document.text[block.start : block.end]
        if block.kind in {BlockKind.LIST, BlockKind.PARAGRAPH} and "```" in text:
            found += _nested(document, block, " · ".join(filter(None, (document.title, *headings))))
            continue
        if _PRINTED.match(text):
            continue
        if block.kind is not BlockKind.CODE and not (
            block.kind is BlockKind.PARAGRAPH and _DEFINED.match(text)
        ):
            continue
        before = placed[place - 1][0] if place else None
        intro = (
            plain(document.text[before.start : before.end])[-_INTRO_CHARS:]
            if before and before.kind is BlockKind.PARAGRAPH
            else ""
        )
        after = placed[place + 1][0] if place + 1 < len(placed) else None
        output = (after.start, after.end) if after is not None and prints(block, after) else None
        about = " · ".join(filter(None, (document.title, *headings, intro)))
        parts = _parts(document, block, about, output)
        found += [replace(one, introduced=True) for one in parts] if intro else parts
    return found


def _nested(document: Document, block: Block, about: str) -> Iterable[Code]:
    """The code in the items of a list; a block of output after it is what it prints."""
    text = document.text[block.start : block.end]
    fences = list(_INNER.finditer(text))
    for place, fence in enumerate(fences):
        if fence[1] in _OUTPUTS:
            continue
        after = fences[place + 1] if place + 1 < len(fences) else None
        output = (
            (block.start + after.start(2), block.start + after.end(2))
            if after and after[1] in _OUTPUTS
            else None
        )
        before = plain(text[: fence.start()])[-_INTRO_CHARS:]
        start = block.start + fence.start(2)
        for one in _defined(document.path, fence[2], start, fence[1], f"{about} · {before}", output):
            yield replace(one, introduced=bool(before))


def prints(code: Block, after: Block) -> bool:
    """Return whether a block is what the code before it printed."""
    return after.kind is BlockKind.OUTPUT and after.part == code.part


def _parts(document: Document, block: Block, about: str, output: tuple[int, int] | None) -> Iterable[Code]:
    """The outermost definitions of a block; the whole block where it has none."""
    text = document.text[block.start : block.end]
    fence = _FENCE.match(text)
    language = fence[1] if fence else ("python" if document.kind is DocumentKind.NOTEBOOK else "")
    start, body = (block.start + fence.start(2), fence[2]) if fence else (block.start, text)
    yield from _defined(document.path, body, start, language, about, output)


def _defined(
    path: str, body: str, start: int, language: str, about: str, output: tuple[int, int] | None
) -> Iterable[Code]:
    """The outermost definitions of code that begins at `start` of its document. All of it where it has none."""
    definitions = list(_DEFINED.finditer(body))
    outer = min((len(one["indent"]) for one in definitions), default=0)
    definitions = [one for one in definitions if len(one["indent"]) == outer]
    if not definitions:
        yield Code(path, "", body, start, start + len(body), language, about, output)
    for one in definitions:
        end = definition_end(body, one.start(), one.end())
        name = one["name"] or one["assigned"]
        yield Code(
            path, name, body[one.start() : end], start + one.start(), start + end, language, about, output
        )


def definition_end(code: str, start: int, after_name: int) -> int:
    """Return the end of a definition: by indentation, by braces, else the code's.

    Code that lost its indentation (a PDF's) is taken to its end.
    """
    lines = re.compile(r"[^\n]*\n?")
    brace = code.find("{", after_name)
    first_line = code.find("\n", after_name)
    if 0 <= brace < (first_line if first_line >= 0 else len(code)) + 1:
        return _closing_brace(code, brace)
    end = position = code.find("\n", _signature_end(code, after_name))
    if end < 0:
        return len(code)
    indent, indented = len(code[start:]) - len(code[start:].lstrip(" \t")), False
    while position < len(code):
        line = lines.match(code, position)
        if line is None or not line.group():
            break
        if line.group().strip():
            if len(line.group()) - len(line.group().lstrip(" \t")) <= indent:
                return len(code[:end].rstrip()) if indented else len(code)
            indented = True
            end = line.end()
        position = line.end()
    return len(code[:end].rstrip()) if indented else len(code)


def _signature_end(code: str, start: int) -> int:
    """The place behind the parentheses that follow a name."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] in "([") - (code[at] in ")]")
        if depth <= 0 and code[at] in ":\n":
            return at
    return len(code)


def _closing_brace(code: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(code)):
        depth += (code[at] == "{") - (code[at] == "}")
        if depth == 0:
            return at + 1
    return len(code)
