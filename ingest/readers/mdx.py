"""JSX in Markdown: what of it is markup and what is text, told by blanking the markup out in place.

Components are unwrapped, their names and attributes dropped; strings that a reader of the page would see (a quiz's choices
and explanations, titles, alternative texts) stay. Code and formulas are never touched.
"""

from __future__ import annotations

import re

_UNTOUCHED = re.compile(
    r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^\s*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|\$\$.+?\$\$",
    re.DOTALL | re.MULTILINE,
)
_EXPRESSION = re.compile(r"\{(?:/\*.*?\*/|[#:/@][^{}\n]*)\}|<!--.*?-->", re.DOTALL)
_MODULE_LINE = re.compile(
    r"^(?:import\s[^\n]*?\sfrom\s*['\"][^\n]*|import\s*['\"][^\n]*|export\s+(?:const|default|function)\b[^\n]*)$",
    re.MULTILINE,
)
_TAG_START = re.compile(r"</?[A-Za-z][\w.]*(?=[\s/>])")
_SEEN_STRING = re.compile(
    r"""\b(?:text|explain|title|alt|caption|question|answer|hint|description|summary)\s*[:=]\s*\{?\s*"""
    r"""(?P<quote>["'`])(?P<string>(?:\\.|(?!(?P=quote)).)*)(?P=quote)""",
    re.DOTALL,
)
_ADDRESS = re.compile(r"\w+://|[\w./-]+\.\w{2,4}$")


def mask_jsx(text: str) -> str:
    """The text with JSX, imports, exports and template expressions turned into spaces, so that every offset stays."""
    masked = list(text)
    untouched = [match.span() for match in _UNTOUCHED.finditer(text)]
    for pattern in (_EXPRESSION, _MODULE_LINE):
        for found in pattern.finditer(text):
            if not _inside(found.start(), untouched):
                _blank(masked, *found.span())
    at = 0
    while match := _TAG_START.search(text, at):
        end = _tag_end(text, match.end())
        if _inside(match.start(), untouched) or end is None:
            at = match.end()
            continue
        _blank(masked, match.start(), end)
        for string in _SEEN_STRING.finditer(text, match.end(), end):
            if not _ADDRESS.match(string["string"]):
                masked[string.start("string") : string.end("string")] = string["string"]
        at = end
    return "".join(masked)


def _inside(offset: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in spans)


def _blank(characters: list[str], start: int, end: int) -> None:
    for index in range(start, end):
        if characters[index] != "\n":
            characters[index] = " "


def _tag_end(text: str, at: int) -> int | None:
    """The offset after the tag's `>`, quotes and braces taken into account; None if the tag never ends."""
    depth, quote = 0, ""
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "\"'`" and (depth or text[at - 1] in "={( "):
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == ">" and depth <= 0:
            return at + 1
        elif character == "<" and depth <= 0:
            return None
        at += 1
    return None
