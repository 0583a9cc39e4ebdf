"""The sentences of a document as a reader sees them, for questions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.answer.notes import headings_above
from rag.answer.statements import is_code_line
from rag.text.sentences import sentence_spans
from rag.text.words import content_words, tokens
from rag.types import BlockKind, Document

_PROSE = frozenset((BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.NOTES))
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
_EMPHASIS = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|==")
_MARK = re.compile(r"^\s*(?:[-*+•–>]|\d{1,3}[.)]|#{1,6})\s+")
_MATH = re.compile(r"\$[^$]*\$|`[^`]*`")
_ANCHOR = re.compile(r"\s*\[\[[^\]]*\]\]\s*$|\s*\{#[^}]*\}\s*$")
_BRACKETS = re.compile(r"^\[([^\[\]]*)\]$")
_NOTE = re.compile(r"\[\^[^\]]+\]")
"""The mark of a footnote."""
_POINTING = frozenset(
    """this these those here above below following previous preceding earlier diese dieser dieses diesem diesen hier oben unten folgende
    este esta estos estas aquí siguiente anterior ce cet cette ces ici suivant précédent""".split()
)
"""Words that point at something outside the sentence."""
_PEOPLE = frozenset(
    "we i you our your us me my let let's we'll you'll we're you're wir ihr uns nous vous nosotros".split()
)
_PRONOUNS = frozenset("it its they them their he she es sie ihn ello il elle ils".split())
"""Pronouns that refer to another sentence where they come early."""
_PATH = re.compile(r"\w/\w+/|\w\.(?:py|js|md|ipynb|txt|json|csv)\b|Error\b")
LONGEST_LEAD = 8
"""Most words of a heading that is shown before a sentence."""
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))
_LEANING = frozenset(
    """it its this that these those they their them he she his her such both here there instead otherwise therefore thus hence
    however but and or so then also again finally similarly additionally moreover next first second third another one now once yet
    er sie es dies diese dieser dieses beide dadurch deshalb daher aber und dann esto esta este estos estas ambos
    ello pero y entonces il elle ils elles cela ceci ces cette mais et donc
    we we're we'll we've i i'm i'll you you'll you're your our let let's wir ihr nous vous nosotros""".split()
)
"""First words that refer to the sentence before or to the people of a lecture."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of prose, with and without its markup.

    `raw` is `text[start:end]` of its document.

    `before` is the sentence before it in the same block, empty for the first.
    """

    raw: str
    text: str
    start: int
    end: int
    headings: tuple[str, ...]
    kind: BlockKind
    before: str = ""

    @property
    def whole(self) -> bool:
        """True for a sentence that can be understood alone."""
        return is_whole(self.text)


def lines_of(document: Document) -> list[Line]:
    """Return the sentences of a document's prose in reading order.

    Code and tables are left out.
    """
    found: list[Line] = []
    for block, above in headings_above(document):
        if block.kind not in _PROSE:
            continue
        headings = tuple(map(heading_shown, above))
        text = document.text[block.start : block.end]
        before = ""
        for start, end in sentence_spans(text):
            raw = text[start:end]
            if raw.startswith(("|", "```")) or " | " in raw or is_code_line(raw):
                continue
            shown = readable(raw)
            if shown:
                place = block.start + start
                found.append(Line(raw, shown, place, place + len(raw), headings, block.kind, before))
                before = shown
    return found


def heading_shown(heading: str) -> str:
    """Return a heading without anchors, footnotes, numbering, brackets and emphasis."""
    bare = _BRACKETS.sub(r"\1", without_emphasis(_NOTE.sub("", _ANCHOR.sub("", heading))).strip())
    return without_emphasis(re.sub(r"^\d+(?:\.\d+)*[.)]?\s+", "", bare)).strip() or heading


def is_personal(text: str) -> bool:
    """Return whether a sentence speaks to its reader or of its writer."""
    return not _PEOPLE.isdisjoint(tokens(text))


def lead_of(headings: tuple[str, ...]) -> str:
    """Return the innermost heading as the context of a sentence, empty for none.

    A heading that is a question, or long, would be read as the question itself.
    """
    heading = headings[-1] if headings else ""
    return heading if heading[-1:] not in tuple("?!:") and len(heading.split()) <= LONGEST_LEAD else ""


def names_a_file(text: str) -> bool:
    """Return whether a text has a path, a file name or the name of an exception."""
    return bool(_PATH.search(text))


def leak(key: str, rest: str) -> float:
    """Return the share of a key's stems that the rest of its sentence has."""
    stems = set(content_words(key))
    return len(stems & set(content_words(rest))) / max(1, len(stems))


def readable(raw: str) -> str:
    """Return a sentence on one line without markup.

    List marks, emphasis, link targets, images and tags go.
    """
    text = _LINK.sub(r"\1", _IMAGE.sub("", _TAG.sub("", raw)))
    text = _MARK.sub("", text)
    return " ".join(without_emphasis(text).split())


def without_emphasis(text: str) -> str:
    """Return a text without emphasis outside formulas and code."""
    kept: list[str] = []
    at = 0
    for match in _MATH.finditer(text):
        kept += [_EMPHASIS.sub("", text[at : match.start()]), match.group()]
        at = match.end()
    return "".join([*kept, _EMPHASIS.sub("", text[at:])])


def leans(text: str) -> bool:
    """Return whether a sentence begins with a word that refers to the one before."""
    words = tokens(text)
    return bool(words) and (words[0] in _LEANING or not _PRONOUNS.isdisjoint(words[:4]))


def is_whole(text: str) -> bool:
    """Return whether a sentence is complete and needs no other to be understood."""
    words = tokens(text)
    plain = _MATH.sub("x", text)
    return (
        7 <= len(words) <= 40
        and words[0] not in _LEANING
        and text[-1:] in ".!)。"
        and not text[:1].islower()
        and _PRONOUNS.isdisjoint(words[1:4])
        and "://" not in text
        and _POINTING.isdisjoint(words)
        and not _PATH.search(plain)
        and "?" not in plain
        and text.count("$") % 2 == 0
        and text.count("`") % 2 == 0
        and all(plain.count(left) == plain.count(right) for left, right in _PAIRS)
    )
