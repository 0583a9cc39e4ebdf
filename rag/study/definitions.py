"""Questions for a term: its definition or another sentence with a gap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rag.study.items import GAP, ItemKind, Proposal, Topic
from rag.study.readable import Line, is_personal, lead_of, leak
from rag.study.terms import CONTINUING, Term, gapped, is_term, says_what_it_is, spellings
from rag.text.stop_words import STOP_WORDS
from rag.text.words import is_negated, tokens
from rag.types import Document

_BOLD = re.compile(r"\*\*([^*_\n`$]{2,50}?)\*\*")
_LEANS = re.compile(r"^(?:they|it|its|this|these|that|those|you|we|he|she|used by|here)\b", re.IGNORECASE)
_FRAGMENT = re.compile(rf"^\W*{GAP}\W*,|{GAP}\W*:")
"""A label or an apposition in place of a subject."""
_ATTRIBUTE = re.compile(rf"{GAP} [\[`]*(?P<next>[^\W\d_]+)")
"""A gap right before a word, which it may only qualify."""
_CAPTION = re.compile(rf"^\W*{GAP} (?:{CONTINUING})\b", re.IGNORECASE)
"""A gap with an attribute where a verb should be: a caption, or half a subject."""
ONE_OF = re.compile(
    r"\b(?:one of|one such|eine[rs]? der|eine? solche[rs]?|un[oa]? de|un[oa]? tal|une? des|une? tel(?:le)?)\b",
    re.IGNORECASE,
)
"""A class that others belong to as well, so that they would be right too."""
LEAST_MENTIONS = 2
"""Sentences that must have a term which the notes do not mark."""
LEAST_WORDS = 9
"""Fewest words of a sentence about a term: shorter ones say little."""
LEAKED = 0.5
"""Share of a key's stems that may be left in the question."""


def definition_proposal(term: Term) -> Proposal | None:
    """Return the question for a term by its definition.

    None where the definition gives the term away.
    """
    names = spellings(term.name, term.short)
    if term.listed:
        if _LEANS.match(term.definition) or gapped(term.definition, names, GAP):
            return None
        text = f"{GAP}: {term.definition}"
        rest = term.definition
    else:
        made = gapped(term.definition, names, GAP)
        if made is None or made.count(GAP) > 2:
            return None
        text = re.sub(rf"{GAP} \([^()]*\)", GAP, made)
        rest = text.replace(GAP, " ")
    if leak(term.name, rest) > LEAKED:
        return None
    plain = says_what_it_is(term.definition)
    return Proposal(
        topic=Topic.DEFINITION,
        kind=ItemKind.CHOICE,
        anchor=term.name,
        text=text,
        key=term.name,
        document=term.document,
        start=term.line.start,
        end=term.line.end,
        headings=term.line.headings,
        answers=names,
        lead=_lead(term.name, term.line.headings),
        asks="" if term.marked and plain else f"What is {term.name}?",
        weight=(0.8 if term.listed else 0.9 if term.marked else 0.6) - 0.3 * is_personal(term.definition),
        query=rest,
    )


def _lead(name: str, headings: tuple[str, ...]) -> str:
    """The heading above a sentence, where it does not name the term."""
    lead = lead_of(headings)
    return lead if leak(name, lead) == 0 else ""


def property_proposals(
    document: Document, lines: Sequence[Line], terms: Iterable[Term], mentions: Callable[[str], int]
) -> list[Proposal]:
    """Return questions for sentences about a known term or with a marked one.

    `mentions` returns the number of sentences with a word: a single word in bold that no other sentence has
    is emphasis, not a term.
    """
    by_words: dict[str, Term] = {term.name.casefold(): term for term in terms}
    defining = {term.line.start for term in by_words.values()}
    found = []
    for line in lines:
        if (
            not line.whole
            or line.start in defining
            or is_negated(line.text)
            or line.raw.startswith(">")
            or ONE_OF.search(line.text)
        ):
            continue
        name = _subject(line, by_words) or _marked_inside(line, mentions)
        if name is None:
            continue
        text = re.sub(rf"{GAP} \([^()]*\)", GAP, gapped(line.text, (name,), GAP) or "")
        if (
            not 0 < text.count(GAP) <= 2
            or _FRAGMENT.search(text)
            or _CAPTION.search(text)
            or leak(name, text.replace(GAP, " ")) > LEAKED
        ):
            continue
        found.append(
            Proposal(
                topic=Topic.PROPERTY,
                kind=ItemKind.CHOICE,
                anchor=text,
                lead=_lead(name, line.headings),
                text=text,
                key=name,
                document=document.path,
                start=line.start,
                end=line.end,
                headings=line.headings,
                answers=spellings(name),
                weight=0.65 - 0.3 * is_personal(line.text),
                query=text.replace(GAP, " "),
            )
        )
    return found


def _subject(line: Line, terms: dict[str, Term]) -> str | None:
    """The term that a sentence begins with, where another sentence defines it."""
    words = line.text.split()
    for count in (4, 3, 2, 1):
        for skipped in (0, 1):
            name = " ".join(words[skipped : skipped + count]).strip(",;:*_")
            term = terms.get(name.casefold())
            if term is not None and len(tokens(line.text)) >= LEAST_WORDS:
                return name
    return None


def _marked_inside(line: Line, mentions: Callable[[str], int]) -> str | None:
    """The one term in bold of a sentence, not at its start nor before a noun."""
    marks = [" ".join(match.split()) for match in _BOLD.findall(line.raw)]
    if len(marks) != 1 or not is_term(marks[0]) or line.text.casefold().startswith(marks[0].casefold()):
        return None
    if line.text.count(marks[0]) != 1 or len(tokens(line.text)) < LEAST_WORDS:
        return None
    if len(marks[0].split()) == 1 and mentions(marks[0]) < LEAST_MENTIONS:
        return None
    after = _ATTRIBUTE.search(line.text.replace(marks[0], GAP))
    return None if after and after["next"].casefold() not in STOP_WORDS else marks[0]
