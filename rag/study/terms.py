"""Terms with their definitions.

Notes mark them in bold, in a list, or by the verb "is a".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.study.readable import Line, is_whole, lines_of, readable
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_words, tokens
from rag.types import BlockKind, Document

_BOLD_FIRST = re.compile(
    r"^\s*(?:[-*+•]\s+|\d{1,2}[.)]\s+)?(?P<open>\*\*|__)(?P<term>[^*_\n]{2,60}?)(?P<inside>:)?(?P=open)(?P<colon>\s*[:–—]|\s+-)?\s+(?P<rest>\S.*)$",
    re.DOTALL,
)
_BOLD_EARLY = re.compile(
    r"^\s*(?:[-*+•]\s+|\d{1,2}[.)]\s+)?(?P<lead>(?:[^\W\d_]+\s+){0,3})(?P<open>\*\*|__|\*|_)(?P<term>[^*_\n`$]{2,50}?)(?P=open)(?P<rest>[^\w*:].*)$",
    re.DOTALL,
)
_IS_A = re.compile(
    r"^(?:The |An? |Der |Die |Das |Ein |Eine |El |La |Un |Una |Le |L'|Une |Il |Lo )?(?P<term>[\w`][\w\-/’'`. ]{1,45}?)(?: \((?P<short>[A-Z][\w-]{1,10})\))? "
    r"(?:is|are|ist|sind|es|son|est|sont|è) (?:defined as |called )?(?!one of)(?:an?|the|any|ein|eine|einen|der|die|das|un|una|uno|el|la|une|le|les) \w"
)
_NOT_A_TERM = re.compile(
    r"^(?:this|that|these|those|there|its?|they|we|you|here|what|which|who|how|why|where|when|if|one|all|both|each|then|my|our|"
    r"your|his|her|their|last|first|next|same|other|only|another|in|on|at|to|for|from|by|with|as|after|before|since|because|while|"
    r"though|although|let|most|some|many|note|example|goal|idea|key|main|result|reason|purpose|answer|problem|output|second|third|"
    r"thing|things|point|difference|easiest|simplest|best|important|tip|warning|step)\b",
    re.IGNORECASE,
)
_NOMINAL = re.compile(
    r"(?:The|An?|Any|One|How|Der|Die|Das|Ein|Eine|El|La|Los|Las|Un|Una|Le|Les|Une|Il|Lo) \w", re.IGNORECASE
)
"""A definition that names a thing.

In lists, sentences of other forms are advice more often than not.
"""
CONTINUING = (
    "for|of|in|on|with|to|from|by|at|and|or|that|which|who|how|what|für|von|mit|aus|und|oder|wie|de|para|con|en|del|que|y|o|cómo|pour|avec|"
    "dans|du|des|et|ou|qui|comment"
)
"""Words after a name that lengthen it, as a pattern.

No statement about it follows.
"""
_CONTINUES = re.compile(rf"\s+(?:{CONTINUING})\b", re.IGNORECASE)
_TITLE = re.compile(r"([*_]{1,2})(?=\S)[^*_]+(?<=\S)\1")
"""A text that is in italics or bold throughout: a title, as of a talk."""
_VARIABLE = re.compile(r"`?[^\W\d]\d?`?")
"""A name of one letter, with a digit or not: a variable of an example."""
LONGEST_TERM = 5
"""Most words of a term."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term and the sentence that defines it.

    `raw` is the term as its document writes it, `definition` the sentence, or what follows the term in a
    list (`listed`). `marked` is true where the notes emphasise the term. `short` is its abbreviation.
    """

    name: str
    definition: str
    line: Line
    document: str
    title: str
    marked: bool
    listed: bool = False
    short: str = ""
    spellings: tuple[str, ...] = field(default=())


def terms_of(document: Document) -> list[Term]:
    """Return the terms that a document defines, each once, in reading order."""
    found: dict[str, Term] = {}
    for line in lines_of(document):
        term = _listed(document, line) or _marked(document, line) or _stated(document, line)
        if term is not None:
            found.setdefault(term.name.casefold(), term)
    return list(found.values())


def is_term(name: str) -> bool:
    """Return whether words can be a term: short, with a letter and a word of meaning."""
    words = tokens(name)
    return (
        0 < len(words) <= LONGEST_TERM
        and any(map(str.isalpha, name))
        and bool(content_words(name))
        and words[-1] not in STOP_WORDS
        and not words[-1].isdecimal()
        and not _VARIABLE.fullmatch(name)
        and not _NOT_A_TERM.match(name)
        and name.count("`") % 2 == 0
        and not re.search(r"(?<!\w)['’\"]|['’\"](?!\w)", name)
        and not re.search(r"[.!?:;=<>|()]|\d{3}", name)
    )


def _term(
    document: Document, line: Line, name: str, definition: str, marked: bool, listed: bool, short: str = ""
) -> Term | None:
    name = " ".join(name.split()).strip("\"'“”,")
    if name.startswith("`") and name.endswith("`"):
        name = name.strip("`")
    if short == "" and (match := re.fullmatch(r"(.+?) \(([A-Z][\w-]{1,10})\)", name)):
        name, short = match[1], match[2]
    elif short == "" and (match := re.fullmatch(r"([A-Z][\w-]{1,10}) \(([^()]{8,})\)", name)):
        name, short = match[2], match[1]
    if not is_term(name) or len(tokens(definition)) < 5:
        return None
    if listed and not _NOMINAL.match(definition) and not definition[:1].islower():
        return None
    return Term(name, definition, line, document.path, document.title, marked, listed, short)


def _listed(document: Document, line: Line) -> Term | None:
    """A bold term with a colon or dash and its definition."""
    match = _BOLD_FIRST.match(line.raw)
    if match is None or not (match["inside"] or match["colon"]) or _TITLE.fullmatch(match["rest"].strip()):
        return None
    rest = readable(match["rest"])
    if not (5 <= len(tokens(rest)) <= 40) or not _balanced(rest):
        return None
    return _term(document, line, readable(match["term"]), rest, True, True)


def _marked(document: Document, line: Line) -> Term | None:
    """A sentence whose subject is in bold or italics."""
    match = _BOLD_EARLY.match(line.raw)
    if match is None or not is_whole(line.text):
        return None
    if _CONTINUES.match(match["rest"]):
        return None
    lead = tokens(match["lead"])
    if match["open"] in {"*", "_"} and not _IS_A.match(line.text):
        return None
    if match["rest"].startswith(",") and not _ASIDE.match(match["rest"]):
        return None  # a label of a list, not a subject
    if len(lead) > 1 or (lead and lead[0] not in STOP_WORDS | ARTICLES):
        return None
    return _term(document, line, readable(match["term"]), line.text, True, False)


_ASIDE = re.compile(r", (?:or|oder|o|u|ou)(?: [^\s,]+){1,4}, ")
"""Another name between a subject and its verb: ", or flicker noise, "."""
ARTICLES = frozenset("the a an der die das ein eine el la los un una le les l une il lo".split())


def _stated(document: Document, line: Line) -> Term | None:
    """A plain sentence of the form "X is a Y"."""
    if line.kind not in {BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.NOTES} or not is_whole(line.text):
        return None
    match = _IS_A.match(line.text)
    if match is None:
        return None
    term = _term(document, line, match["term"], line.text, False, False, match["short"] or "")
    return term if term is not None and _named_well(term, document) else None


def _named_well(term: Term, document: Document) -> bool:
    """Return whether a heading has the term, or the text writes it as a name."""
    stems = set(content_words(term.name))
    headings = {word for name in (document.title, *term.line.headings) for word in content_words(name)}
    name_like = term.name[1:] != term.name[1:].lower() or "`" in term.line.raw[: len(term.name) + 6]
    return bool(stems & headings) or name_like or bool(term.short)


def _balanced(text: str) -> bool:
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]")) and text.count("$") % 2 == 0


def says_what_it_is(text: str) -> bool:
    """Return whether a sentence has the form "X is a Y", in one of a few languages."""
    return _IS_A.match(text) is not None


def spellings(name: str, short: str = "") -> tuple[str, ...]:
    """Return the accepted spellings of a term.

    They are the name, its abbreviation, and the name without an article.
    """
    bare = re.sub(r"^(?:the|an?) ", "", name, flags=re.IGNORECASE)
    return tuple(dict.fromkeys(one for one in (name, short, bare) if one))


def gapped(text: str, names: Sequence[str], gap: str) -> str | None:
    """Return a sentence with the names as gaps; None where it has none of them."""
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    made, count = re.subn(rf"(?<!\w)`?(?:{pattern})(?:e?s)?`?(?!\w)", gap, text, flags=re.IGNORECASE)
    return made if count else None
