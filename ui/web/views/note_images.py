"""Images in Markdown, shown as pictures of the notes or as words.

An address comes from `Pictures`, never from the note: what a note names is fetched from nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ui.web.language import gettext as _

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_SENTINEL = re.compile(r"[\U000F0000-\U000FFFFD]")
"""The characters that carry marks, see `ui.web.views.markdown`."""
_TAG = re.compile(r"<img(?=[\s/])[^<>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<=[\s"'/])(?P<name>src|alt)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the notes: its address, its description, and its size in pixels.

    The size is 0 where it is not known.
    """

    address: str
    description: str = ""
    width: int = 0
    height: int = 0


Pictures = Callable[[str], "Picture | None"]
"""Returns the picture that a note means by a name, None for one that is not shown."""


def no_pictures(name: str) -> Picture | None:
    """Return None for every name: the images of a text are words."""
    return None


def read_image_tags(parser: MarkdownIt) -> None:
    """Make the parser read an HTML `<img>` as an image; without it the tag is text."""
    parser.inline.ruler.before("autolink", "image_tag", _image_tag)


def image_tokens(token: Token, pictures: Pictures) -> Iterator[Token]:
    """Yield what is shown for an image: the picture, or its description.

    Marks that begin or end inside the image are kept beside it.
    """
    from markdown_it.token import Token

    picture = pictures(unquote(str(token.attrGet("src") or "")))
    if picture is None:
        words = token.content or _("without description")
        yield Token("text", "", 0, content=_("(image: %(description)s)", description=words))
        return
    description = _SENTINEL.sub("", token.content).strip() or _("picture without description")
    yield Token("html_inline", "", 0, content=_element(picture, description))
    yield Token("text", "", 0, content="".join(_SENTINEL.findall(token.content)))


def _element(picture: Picture, description: str) -> str:
    size = f' width="{picture.width}" height="{picture.height}"' if picture.width else ""
    return f'<img class="note" src="{escape(picture.address)}" alt="{escape(description)}"{size}>'


def _image_tag(state: StateInline, silent: bool) -> bool:
    found = _TAG.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        token = state.push("image", "img", 0)
        token.attrs, token.content = _attributes(found.group())
    state.pos = found.end()
    return True


def _attributes(tag: str) -> tuple[dict[str, Any], str]:
    """Return (the source as the attributes, the description) of a tag.

    Marks outside the description come before or after it.
    """
    source, description, start, end = "", "", len(tag), len(tag)
    for found in _ATTRIBUTE.finditer(tag):
        kind = next(kind for kind in ("double", "single", "bare") if found[kind] is not None)
        if found["name"].lower() == "src":
            source = source or unescape(_SENTINEL.sub("", found[kind]))
        else:
            description, (start, end) = unescape(found[kind]), found.span(kind)
    before, after = ("".join(_SENTINEL.findall(part)) for part in (tag[:start], tag[end:]))
    return {"src": source}, before + description + after
