"""Marks of note programs, as the text that Obsidian, Quarto and others show.

Wiki links, highlights, callouts, quotes, block names and hidden comments are not Markdown, and would be shown
as they are written. Front matter becomes a line for each fact. The text keeps its length wherever a blank line
allows it, so that places after it stay those of the file. Code and formulas are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ingest.parsers.closed_spans import comment_spans, untouched_spans
from ingest.parsers.missed import Missed, described
from rag.note_warnings import WarningCode

Embed = Callable[[str], "str | None"]
"""A function from the target of an embed to its text, None if there is none."""

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<info>[^\n`]*)$")
_QUOTED = re.compile(r" {0,3}(?:>(?!>>\s)[ \t]?)+")
_CALLOUT = re.compile(r"\[!(?P<kind>[\w-]+)[^\]\n]*\][+-]?[ \t]*(?P<title>.*)$")
_DIVISION = re.compile(
    r"""\s*:{3,}\s*(?:\{(?P<attributes>[^}]*)\}|(?P<name>[\w-]*)(?P<title>[ \t]+[^{}]*)?)\s*$"""
)
_ADMONITION = re.compile(
    r"""(?:!!!|\?\?\?\+?)[ \t]+(?P<kind>[\w-]+)[^"\n]*(?:"(?P<title>[^"\n]*)")?[ \t]*$"""
)
_TITLE = re.compile(r"""title\s*=\s*["']([^"']*)["']""")
_FORMULA = re.compile(r"(?<![\\$\w])\$[^$\n]+\$(?!\d)")
_COMMENT_LINE = re.compile(r"\s*%%\s*$")
_COMMENT = re.compile(r"%%(?!%)[^\n]+?%%")
_EMBED = re.compile(r"!\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\]")
_LINK = re.compile(r"\[\[(?=[^\[\]|\n]*?[^\W\d_])([^\[\]|\n]++)(?:\|([^\[\]\n]++))?\]\]")
_HIGHLIGHT = re.compile(r"==(?=[^\s=])([^\n]{0,1000}?[^\s=])==(?!=)")
_BLOCK_NAME = re.compile(r"(?:^|(?<=\s))\^[A-Za-z0-9-]+[ \t]*$")
_FIELD = re.compile(
    r"(?P<open>[\[(]?)(?P<key>[^\W\d](?:[\w -]{0,40}?\w)?)::[ \t]+(?P<value>[^\n\])]+)(?P<close>[\])]?)"
)
_PICTURE = re.compile(
    r"(?<!\[)!\[(?P<text>(?:[^\]\n!]++|!(?!\[))*+)\](?:\((?:[^)\n!]++|!(?!\[))*+\)|\[[^\[\]\n]*\])"
    r"|<img\b(?P<tag>[^<>\n]*)>",
    re.IGNORECASE,
)
_ALT = re.compile(r"""\balt\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_PICTURE_FILE = re.compile(r"\.(?:png|jpe?g|gif|bmp|svg|webp|avif|heic|tiff?)$", re.IGNORECASE)
_RECORDING_FILE = re.compile(r"\.(?:mp3|wav|m4a|ogg|flac|3gp|mp4|webm|mov|mkv|ogv)$", re.IGNORECASE)
_OTHER_FILE = re.compile(r"\.(?!md$)[A-Za-z][A-Za-z0-9]{1,5}$")
_SPECIAL = re.compile(
    r"^ {0,3}[>`~]|^\s*:::|^!!!|^\?\?\?|\[\[|==|%%|::|!\[|<!--|<img\b|(?:^|\s)\^[A-Za-z0-9]", re.IGNORECASE
)
"""The beginnings of all marks: most lines have none."""
_HEADING_ANCHOR = re.compile(r"^\s{0,3}#{1,6}\s.*\S\[\[[\w-]+\]\]\s*$")
_CLOSING = ".!?:;…。！？：؟"
_NOISE_FENCES = ("compressed-json",)


@dataclass(slots=True)
class Rendered:
    """A text with the number of the file's line for each of its lines, 1-based."""

    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def render_marks(text: str, missed: Missed, embed: Embed | None = None, first_line: int = 1) -> Rendered:
    """Return the text as note programs show it; undescribed pictures are counted."""
    page = _Page(missed, embed or (lambda target: None))
    for number, line in enumerate(text.split("\n"), first_line):
        page.add(line, number)
    page.pad_end()
    return page.rendered


class _Page:
    """A note while its lines are rendered."""

    def __init__(self, missed: Missed, embed: Embed) -> None:
        self.rendered = Rendered()
        self._missed, self._embed = missed, embed
        self._fence = ""
        self._fence_is_quoted = self._is_noise = False
        self._comment = ""
        self._indent = 0
        self._spare = 0

    def add(self, line: str, number: int) -> None:
        """Append a line of the file."""
        if self._comment:
            self._in_comment(line, number)
        elif self._fence:
            self._in_fence(line, number)
        elif _COMMENT_LINE.match(line):
            self._comment = "%%"
            self._put(line, "", number)
        else:
            self._prose(line, number)

    def pad_end(self) -> None:
        """Append the spaces that are left over."""
        if self.rendered.lines and self._spare > 0 and not self._fence:
            self.rendered.lines[-1] += " " * self._spare

    def _put(self, line: str, shown: str, number: int) -> None:
        """Append what is shown of a line; a blank one takes up the length that is missing."""
        self._spare += len(line) - len(shown)
        if not shown.strip() and self._spare > 0 and not self._fence:
            shown, self._spare = shown + " " * self._spare, 0
        self.rendered.lines.append(shown)
        self.rendered.numbers.append(number)

    def _in_comment(self, line: str, number: int) -> None:
        end = line.find(self._comment)
        if end < 0:
            self._put(line, "", number)
            return
        rest = line[end + len(self._comment) :]
        self._comment = ""
        self._put(line, rest if rest.strip() else "", number)

    def _in_fence(self, line: str, number: int) -> None:
        bare = _QUOTED.sub("", line, count=1) if self._fence_is_quoted else line
        if bare.strip().startswith(self._fence) and not bare.strip().strip(self._fence[0]):
            noise, self._fence, self._is_noise = self._is_noise, "", False
            self._put(line, "" if noise else bare, number)
        else:
            self._put(line, "" if self._is_noise else bare, number)

    def _prose(self, line: str, number: int) -> None:
        if not self._indent and _SPECIAL.search(line) is None:
            self._put(line, line, number)
            return
        quoted = _QUOTED.match(line) if line.strip(" >") and not line.lstrip().startswith(">>> ") else None
        bare = line[quoted.end() :] if quoted else line if line.strip(" >") else ""
        if line.strip() in {">", ">>"} and not bare:
            self._put(line, "", number)
            return
        bare = self._dedented(bare)
        if fence := _FENCE.match(bare):
            self._fence, self._fence_is_quoted = fence["marks"], quoted is not None
            self._is_noise = fence["info"].strip() in _NOISE_FENCES
            self._put(line, "" if self._is_noise else bare, number)
        elif quoted and (callout := _CALLOUT.match(bare)):
            self._put(
                line, self._inline(_titled(callout["title"] or callout["kind"].capitalize()), number), number
            )
        elif admonition := _ADMONITION.match(bare):
            self._indent = 4
            title = admonition["title"]
            self._put(line, _titled(admonition["kind"].capitalize() if title is None else title), number)
        elif ":::" in bare and (division := _DIVISION.match(bare)):
            title = _TITLE.search(division["attributes"] or "")
            self._put(line, _titled(title[1] if title else (division["title"] or "").strip()), number)
        else:
            self._with_embeds(line, bare, number)

    def _dedented(self, line: str) -> str:
        """Return a line of an admonition without its indent, which is no code."""
        if self._indent and line.startswith(" " * self._indent):
            return line[self._indent :]
        if line.strip():
            self._indent = 0
        return line

    def _with_embeds(self, line: str, bare: str, number: int) -> None:
        """Append a line; a note that it embeds as the only thing comes with its own lines."""
        alone = _EMBED.fullmatch(bare.strip())
        text = self._embedded(alone[1], alone[2] or "", number) if alone else None
        if text is None or "\n" not in text:
            shown = self._inline(bare, number) if text is None else text
            opened = shown.find("<!--")
            if opened >= 0:
                self._comment, shown = "-->", shown[:opened]
            self._put(line, shown, number)
            return
        inner = text.split("\n")
        for each in inner:
            self.rendered.lines.append(each)
            self.rendered.numbers.append(number)
        self._spare += len(line) - len(text)

    def _inline(self, line: str, number: int) -> str:
        """Return a line of prose with its marks rendered; code and formulas in it stay."""
        if _HEADING_ANCHOR.match(line):
            return line
        pieces, at = [], 0
        for start, end in [*untouched_spans(line, _FORMULA), (len(line), len(line))]:
            pieces += [self._marks(line[at:start], number), line[start:end]]
            at = end
        return _BLOCK_NAME.sub("", "".join(pieces)).rstrip() if "^" in line else "".join(pieces)

    def _marks(self, text: str, number: int) -> str:
        if "<!--" in text:
            text = _without(comment_spans(text), text)
        if "%%" in text:
            text = _COMMENT.sub("", text)
        if "[[" in text:
            text = _EMBED.sub(
                lambda found: self._embedded(found[1], found[2] or "", number, inline=True), text
            )
            text = _LINK.sub(lambda found: found[2] or _link_text(found[1]), text)
        if "==" in text:
            text = _HIGHLIGHT.sub(r"\1", text)
        if "::" in text:
            text = _FIELD.sub(r"\g<open>\g<key>: \g<value>\g<close>", text)
        if "![" in text or "<img" in text.lower():
            for found in _PICTURE.finditer(text):
                alt = _ALT.search(found["tag"] or "")
                if not described(found["text"] if found["tag"] is None else alt[1] if alt else ""):
                    self._missed.add(WarningCode.PICTURES, number)
        return text

    def _embedded(self, target: str, alias: str, number: int, *, inline: bool = False) -> str:
        """Return the text in the place of an embed, in one line if it is `inline`."""
        name = target.partition("#")[0].strip()
        if _PICTURE_FILE.search(name):
            text = described(alias)
            if not text:
                self._missed.add(WarningCode.PICTURES, number, name)
            return text
        if _RECORDING_FILE.search(name):
            self._missed.add(WarningCode.MEDIA, number, name)
            return described(alias)
        if _OTHER_FILE.search(name):
            return alias or name
        found = self._embed(target)
        if found is None:
            self._missed.add(WarningCode.MISSING_EMBEDS, number, target.strip())
            return alias or _link_text(target)
        return " ".join(found.split()) if inline else found.strip("\n")


def _without(spans: Iterable[tuple[int, int]], text: str) -> str:
    """Return the text without some spans."""
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = end
    return "".join(pieces) + text[at:]


def _link_text(target: str) -> str:
    """Return the words of a link without an alias (`Note > Section`)."""
    parts = [part for part in target.split("#") if part.strip() and not part.startswith("^")]
    return " > ".join(part.strip() for part in parts)


def _titled(title: str) -> str:
    """Return the title of a callout so that it is no part of the sentence after it."""
    title = title.strip()
    return title if not title or title[-1] in _CLOSING else f"{title}:"


def facts_of(values: object, above: str = "") -> Iterator[str]:
    """Yield a front matter's entries as `key: value`, inner ones with all keys."""
    if not isinstance(values, dict):
        return
    for key, value in values.items():
        name = f"{above} {key}".strip()
        if isinstance(value, dict):
            yield from facts_of(value, name)
            continue
        listed = value if isinstance(value, list) else [value]
        flat = [_plain(one) for one in listed if one is not None and not isinstance(one, (dict, list))]
        text = ", ".join(filter(None, flat))
        if text and "\n" not in text and "\\" not in text and len(text) <= _MOST_FACT_CHARS:
            yield f"{name}: {text}"


_MOST_FACT_CHARS = 300
"""Length from which an entry of a front matter is a program's and no fact. Chosen, not measured."""


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _LINK.sub(lambda found: found[2] or _link_text(found[1]), str(value).strip())
    return text.removeprefix("#")
