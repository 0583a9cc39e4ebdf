r"""The author's own LaTeX macros, replaced by what they are defined as.

`\newcommand{\R}{\mathbb{R}}` makes `\R` into `\mathbb{R}` everywhere, so that no passage has a name that only
the preamble explains. Line breaks are kept, so that every line stays where it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareMathOperator|DeclareRobustCommand)\*?\s*(?:\{\s*(\\[A-Za-z@]+|\\.)\s*\}|(\\[A-Za-z@]+))"
    r"\s*(?:\[(\d)\])?\s*(?:\[([^\]]*)\])?\s*(?=\{)"
)
_DEF = re.compile(r"\\def\s*(\\[A-Za-z@]+)((?:#\d)*)\s*(?=\{)")
_COMMENT = re.compile(
    r"\\(?:verb\*?|lstinline|mintinline)(?![A-Za-z])(?P<options>(?:\[[^\]\n]*\])?(?:(?<=mintinline)\{\w+\})?)"
    r"(?:(?P<sign>[^\sA-Za-z*{])(?P<code>[^\n]*?)(?P=sign)|\{(?P<group>[^{}\n]*)\})"
    r"|\\(?:url|path|nolinkurl|href)\s*\{(?P<address>[^{}\n]*)\}"
    r"|(?<!\\)(?P<before>(?:\\\\)*)%[^\n]*"
)
"""A comment, or one of the places where a percent sign begins none."""
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_MOST_ROUNDS = 5
"""Most times that the text is searched for macros inside macros."""
_MOST_GROWTH = 4
"""Most growth of the text; a macro that contains itself would never end."""


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro; `default` is that of its first argument, None where it has none."""

    arguments: int
    default: str | None
    body: str


def without_comments(source: str) -> str:
    """Return the source with every comment removed; the line ends stay.

    Code in a line becomes `\\verb`, which the parser knows.
    """
    return _COMMENT.sub(_without_comment, source)


def _without_comment(match: re.Match[str]) -> str:
    if match["before"] is not None:
        return match["before"]
    if match["address"] is not None:
        return match[0].replace("\\%", "%").replace("%", "\\%")
    code = match["code"] if match["code"] is not None else match["group"]
    sign = match["sign"] or next((one for one in "|!+=@" if one not in code), "|")
    return f"\\verb{sign}{code}{sign}"


def expanded(source: str) -> str:
    """Return the source with macros replaced and their definitions removed."""
    source, macros = _defined(source)
    if not macros:
        return source
    names = "|".join(
        re.escape(name) + (r"(?![A-Za-z@])" if name[-1].isalpha() else "")
        for name in sorted(macros, key=len, reverse=True)
    )
    pattern = re.compile(names)
    most_chars = _MOST_GROWTH * len(source) + 10_000
    for _ in range(_MOST_ROUNDS):
        replaced, count = _replaced(source, pattern, macros, most_chars)
        if not count or len(replaced) > most_chars:
            break
        source = replaced
    return source


def group_ends(text: str) -> dict[int, int]:
    """Return the place after every group that ends, by the place of its opening brace."""
    opened: list[int] = []
    ends: dict[int, int] = {}
    for sign in _BRACE.finditer(text):
        if sign[0] == "{":
            opened.append(sign.start())
        elif sign[0] == "}" and opened:
            ends[opened.pop()] = sign.end()
    return ends


def _defined(source: str) -> tuple[str, dict[str, Macro]]:
    """Return the source without definitions, and the macros that they define."""
    macros: dict[str, Macro] = {}
    ends = group_ends(source)
    pieces, at = [], 0
    places = sorted([*_DEFINITION.finditer(source), *_DEF.finditer(source)], key=lambda match: match.start())
    for match in places:
        if match.start() < at or (end := ends.get(match.end(), -1)) < 0:
            continue
        body = source[match.end() + 1 : end - 1]
        if match.re is _DEF:
            macros[match[1]] = Macro(len(match[2]) // 2, None, body)
        else:
            if "DeclareMathOperator" in match[0]:
                body = rf"\operatorname{{{body}}}"
            macros[match[1] or match[2]] = Macro(int(match[3] or 0), match[4], body)
        pieces.append(source[at : match.start()] + "\n" * source.count("\n", match.start(), end))
        at = end
    return "".join(pieces) + source[at:], macros


def _replaced(
    source: str, pattern: re.Pattern[str], macros: dict[str, Macro], most_chars: int
) -> tuple[str, int]:
    """Return (text, number of macros replaced in it)."""
    pieces: list[str] = []
    ends = group_ends(source)
    at = count = length = 0
    for match in pattern.finditer(source):
        if match.start() < at:
            continue
        made, end = _applied(source, match.end(), macros[match[0]], ends)
        breaks = source.count("\n", match.start(), end) - made.count("\n")
        pieces.append(source[at : match.start()] + made + "\n" * max(0, breaks))
        length += len(pieces[-1])
        at, count = end, count + 1
        if length > most_chars:
            break
    return "".join(pieces) + source[at:], count


def _applied(source: str, at: int, macro: Macro, ends: dict[int, int]) -> tuple[str, int]:
    """Return (the macro's text with its arguments, the place after them)."""
    arguments: list[str] = []
    if macro.default is not None:
        given, at = _optional(source, at)
        arguments.append(macro.default if given is None else given)
    while len(arguments) < macro.arguments:
        while at < len(source) and source[at] in " \t\n":
            at += 1
        if at < len(source) and source[at] == "{" and (end := ends.get(at, -1)) > 0:
            arguments.append(source[at + 1 : end - 1])
            at = end
        else:
            arguments.append(source[at : at + 1])
            at += 1
    body = " ".join(macro.body.split("\n"))
    made = re.sub(r"#(\d)", lambda match: _argument(arguments, int(match[1])), body)
    if (
        not macro.arguments
        and made[-1:].isalpha()
        and source[at : at + 1].isalpha()
        and re.search(r"\\[A-Za-z]+$", made)
    ):
        made += "{}"
    return made, at


def _argument(arguments: list[str], number: int) -> str:
    return arguments[number - 1] if 0 < number <= len(arguments) else ""


def _optional(source: str, at: int) -> tuple[str | None, int]:
    """Return (an argument in square brackets or None, the place after it)."""
    if source[at : at + 1] != "[" or (end := source.find("]", at)) < 0:
        return None, at
    return source[at + 1 : end], end + 1
