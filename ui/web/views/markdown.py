"""Markdown as inert HTML that can neither run nor load anything.

There is no raw HTML, no foreign image and no live link: one in a poisoned note could send the conversation to another
machine when it is fetched. An image becomes its description, or a picture of the notes where the caller has one
(`ui.web.views.note_images`), a link its words with the address in plain sight. Formulas become `<lectern-math>` elements, which the page draws with the KaTeX that Gradio bundles.
Spans of the source can be marked; a mark may cross emphasis, list items and table cells, because it is
applied to the text between the tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ui.web.views.code_colours import coloured
from ui.web.views.formula_ends import with_signs
from ui.web.views.note_images import Pictures, image_tokens, no_pictures, read_image_tags

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Marks travel through the renderer as characters of the last private plane, which no keyboard or font writes.
_FIRST_SENTINEL = 0xF0000
_MOST_MARKS = 2000
_SENTINEL = re.compile(r"[\U000F0000-\U000FFFFD]")
_SENTINEL_SPLIT = re.compile(r"([\U000F0000-\U000FFFFD])")
_TAG = re.compile(r"(<[^>]*>)")
# A mark that starts a line moves behind what makes the line a heading, item, quotation or table row.
_LINE_OPENING = re.compile(r"(?:[ \t]*(?:#{1,6}[ \t]+|[-*+][ \t]+|\d{1,9}[.)][ \t]+|>[ \t]?|\|[ \t]*))+")

_FENCE_OPENING = re.compile(r"[ \t]*(?:(?:`{3,}|~{3,})[^\n]*\n|(?:\$\$|\\\[)\s*)")
_FENCE_CLOSING = re.compile(r"(?:(?:^|\n)[ \t]*(?:`{3,}|~{3,})|\s*(?:\$\$|\\\]))$")

_NOTHING = Markup()


@dataclass(frozen=True, slots=True)
class Mark:
    """A half-open span of the source that is wrapped in `<tag class=css_class>`.

    `tail` is HTML put after its end.
    """

    start: int
    end: int
    tag: str = "mark"
    css_class: str = ""
    tail: Markup = _NOTHING


def to_html(text: str, marks: Sequence[Mark] = (), pictures: Pictures = no_pictures) -> Markup:
    """Return the text as inert HTML with `marks` applied, which must not overlap.

    Where a mark would change the layout (its end breaks a fence, say), the part of the text around it, up to
    the next blank line, is shown as it was written, marked exactly. Marks with a class are less than the layout:
    there the part is drawn without them, their tails behind it. Empty text gives an empty string. `pictures` has those of the
    notes that the text may show.
    """
    whole = _marked(text, marks, pictures)
    if whole is not None:
        return whole
    pieces: list[Markup] = []
    for start, end in _parts(text):
        inside = _cut(marks, start, end, last=end == len(text))
        marked = _marked(text[start:end], inside, pictures)
        if marked is None and all(mark.css_class for mark in inside):
            marked = (_marked(text[start:end], (), pictures) or _NOTHING) + Markup().join(
                mark.tail for mark in inside
            )
        pieces.append(marked if marked is not None else plain_to_html(text[start:end], inside))
    return Markup().join(pieces)


def _cut(marks: Sequence[Mark], start: int, end: int, *, last: bool) -> list[Mark]:
    """Return the parts of `marks` inside `[start, end)`, counted from `start`.

    The tail of a mark goes to the part with its end.
    """
    inside: list[Mark] = []
    for mark in marks:
        ends_here = start <= mark.end < end or (last and mark.end == end)
        if ends_here or (mark.start < end and mark.end > start):
            at, to = max(mark.start, start) - start, min(mark.end, end) - start
            inside.append(replace(mark, start=at, end=to, tail=mark.tail if ends_here else _NOTHING))
    return inside


def _marked(text: str, marks: Sequence[Mark], pictures: Pictures) -> Markup | None:
    """Return the text with `marks`, None where one changes its layout."""
    text = _SENTINEL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    placed = sorted(marks, key=lambda mark: mark.start)[:_MOST_MARKS]
    plain = _render(text, pictures, colours=not placed)
    marked = _render(_with_sentinels(text, placed), pictures) if placed else plain
    return _drawn(marked, placed) if _SENTINEL.sub("", marked) == plain else None


def _parts(text: str) -> list[tuple[int, int]]:
    """Return the half-open spans between blank lines, which cover the whole text.

    Blank lines inside a fence do not count.
    """
    spans: list[tuple[int, int]] = []
    start = at = 0
    fenced = False
    for line in text.splitlines(keepends=True):
        at += len(line)
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        if not line.strip() and not fenced:
            spans.append((start, at))
            start = at
    return [*spans, (start, len(text))] if start < len(text) or not spans else spans


def plain_to_html(text: str, marks: Sequence[Mark] = (), tag: str = "p") -> Markup:
    """Return text that is not Markdown as one escaped element with `marks` applied."""
    text = _SENTINEL.sub("\N{REPLACEMENT CHARACTER}", text)
    placed = sorted(marks, key=lambda mark: mark.start)[:_MOST_MARKS]
    html = escape(_with_sentinels(text, placed, markdown=False), quote=False)
    attributes = 'class="plain"' if tag == "p" else 'class="code" tabindex="0"'
    return Markup(f"<{tag} {attributes}>{_drawn(html, placed) or html}</{tag}>")


def _render(text: str, pictures: Pictures, colours: bool = False) -> str:
    """Return the HTML of a text.

    Code has `colours` only where no mark can be inside it.
    """
    renderer = _parser()
    env: dict[str, Any] = {"colours": colours}
    tokens = list(_inert(renderer.parse(text, env), pictures))
    return str(renderer.renderer.render(tokens, renderer.options, env))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=False, double_inline=True)
    parser.use(texmath_plugin, delimiters="brackets")
    read_image_tags(parser)
    for rule in ("math_inline", "math_inline_double", "math_block", "math_block_label", "math_block_eqno"):
        parser.renderer.rules[rule] = _math  # type: ignore[attr-defined]
    parser.renderer.rules["fence"] = parser.renderer.rules["code_block"] = _code  # type: ignore[attr-defined]
    return parser


def _inert(tokens: Sequence[Token], pictures: Pictures) -> Iterator[Token]:
    """Yield the tokens without links, headings and images that are not of the notes."""
    from markdown_it.token import Token

    addresses: list[tuple[str, str]] = []
    for token in tokens:
        if token.children:
            token.children = list(_inert(token.children, pictures))
        match token.type:
            case "link_open":
                addresses.append((str(token.attrGet("href") or ""), token.info))
            case "link_close":
                address, origin = addresses.pop()
                if address and origin != "auto":
                    yield Token("text", "", 0, content=f" ({address})")
            case "image":
                yield from image_tokens(token, pictures)
            case "heading_open" | "heading_close":
                token.tag = "p"
                if token.nesting == 1:
                    token.attrSet("class", "heading")
                yield token
            case _:
                yield token


def _math(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    display = " display" if token.block or token.type != "math_inline" else ""
    sentinels = _SENTINEL.findall(token.content)
    opening = "".join(mark for mark in sentinels if not _is_closing(mark))
    closing = "".join(mark for mark in sentinels if _is_closing(mark))
    formula = escape(_SENTINEL.sub("", token.content).strip(), quote=False)
    return f"{opening}<lectern-math{display}>{formula}</lectern-math>{closing}"


def _code(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if env.get("colours") and token.info.strip() else ""
    return f'<pre class="code" tabindex="0"><code>{coloured(token.content, language)}</code></pre>\n'


def _is_closing(sentinel: str) -> bool:
    return (ord(sentinel) - _FIRST_SENTINEL) % 2 == 1


def _with_sentinels(text: str, marks: Sequence[Mark], markdown: bool = True) -> str:
    pieces: list[str] = []
    at = 0
    for number, mark in enumerate(marks):
        start = _behind_line_opening(text, mark.start) if markdown else mark.start
        start = min(max(start, at), mark.end)
        code = _FIRST_SENTINEL + 2 * number
        end = start + _length_inside(text[start : mark.end]) if markdown else mark.end
        pieces += [text[at:start], chr(code), text[start:end], chr(code + 1)]
        at = end
    return "".join(pieces) + text[at:]


def _behind_line_opening(text: str, position: int) -> int:
    """Return the first place from `position` where a mark leaves the layout alone."""
    line_start = text.rfind("\n", 0, position) + 1
    opening = _LINE_OPENING.match(text, line_start)
    position = opening.end() if opening and opening.end() > position else position
    fence = _FENCE_OPENING.match(text, position)
    return fence.end() if fence else position


def _length_inside(marked: str) -> int:
    """Return the length of a text without the fence, bar or spaces that close it."""
    marked = marked.rstrip(" \t\n|")
    closing = _FENCE_CLOSING.search(marked)
    return closing.start() if closing else len(marked)


def _drawn(html: str, marks: Sequence[Mark]) -> Markup | None:
    """Return `html` with elements for its sentinels, None if one was lost or moved.

    The tail of a mark that ends in a block of code comes behind the block.
    """
    found = [character for character in html if _SENTINEL.match(character)]
    if sorted(found) != [chr(_FIRST_SENTINEL + number) for number in range(2 * len(marks))]:
        return None
    drawn: list[str] = []
    current: Mark | None = None
    in_formula = in_code = False
    tails: list[str] = []
    for piece in _TAG.split(html):
        if piece.startswith("<"):
            drawn.append(_tag(piece, current))
            in_code = piece.startswith("<pre") or (in_code and piece != "</pre>")
            if tails and not in_code:
                drawn += tails
                tails = []
            in_formula = piece.startswith("<lectern-math") or (in_formula and piece != "</lectern-math>")
            continue
        for part in _SENTINEL_SPLIT.split(piece):
            if not _SENTINEL.match(part):
                drawn.append(part if in_formula else _wrapped(part, current))
            elif _is_closing(part):
                (tails if in_code else drawn).append(marks[(ord(part) - _FIRST_SENTINEL) // 2].tail)
                current = None
            else:
                current = marks[(ord(part) - _FIRST_SENTINEL) // 2]
    return Markup(with_signs("".join([*drawn, *tails])))


def _tag(tag: str, mark: Mark | None) -> str:
    """Return a tag of the text.

    A formula inside a mark is wrapped as a whole, because its text is drawn.
    """
    if mark and tag.startswith("<lectern-math"):
        return _opening(mark) + tag
    return f"{tag}</{mark.tag}>" if mark and tag == "</lectern-math>" else tag


def _wrapped(text: str, mark: Mark | None) -> str:
    return f"{_opening(mark)}{text}</{mark.tag}>" if mark and text.strip() else text


def _opening(mark: Mark) -> str:
    return f'<{mark.tag} class="{escape(mark.css_class)}">' if mark.css_class else f"<{mark.tag}>"
