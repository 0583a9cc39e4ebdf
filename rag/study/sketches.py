"""Sentences with a key, for which a model writes the question.

Code chooses both, so that the key is in its passage word for word and one line is left to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rag.study.claims import Claims
from rag.study.definitions import ONE_OF
from rag.study.items import GAP, ItemKind, Proposal, Topic
from rag.study.numbers import number_proposals
from rag.study.readable import Line, is_personal, lead_of, leak
from rag.study.terms import ARTICLES, Term, is_term, says_what_it_is
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_words, is_negated, tokens
from rag.types import BlockKind, Document

_BOLD = re.compile(r"(\*\*|__)(?=\S)(?P<name>[^*_\n`$]{2,50}?)(?<=\S)\1")
_MARKED = re.compile(
    r"(\*\*|__|\*|_)(?=\S)(?P<name>[^*_\n`$]{2,50}?)(?<=\S)\1|\[(?P<link>[^\]\n`$*_]{2,50})\]\("
)
"""Words in bold or italics, or the text of a link."""
_IN_OTHER_WORDS = re.compile(rf"{GAP} \([^()]*\)")
"""A gap and its abbreviation or long name in parentheses, which gives it away."""
_WORD = re.compile(r"\w+")
_JOINED = frozenset("-–/_`$'’<>")
"""Signs beside a name that is a part of another word, of code or of a formula."""
LEAST_NAMED = 3
"""Sentences that must have marked words for them to be a name, not an emphasis."""
LONGEST_NAME = 3
LEAST_SAID, LEAST_OF_SUBJECT = 4, 7
"""Fewest stems beside the key of a definition, and of another sentence.

"It is important in winter" is true of many things.
"""
LEAST_MEASURED = 0.5
"""Weight of a number below which it is a count of things, or one of many numbers."""
LEAKED = 0.34
"""Share of a key's stems that the rest of its sentence may have."""
MOST_SHARE = 0.02
"""Share of a scope's sentences from which a single word is too common to be a key."""
DEFINED, MARKED, SUBJECT = 0.85, 0.65, 0.5
"""Weights of sentences that define their key, mark it in bold, and are about it."""


def named_terms(document: Document, lines: Sequence[Line], claims: Claims) -> list[Term]:
    """Return names that a document marks or uses as headings and repeats elsewhere.

    They have several words, or a capital or digit inside: single words are marked for many reasons. Only those
    in bold are `marked`: of the others too many are titles, examples and links to be wrong choices.
    """
    found: dict[str, Term] = {}
    for line in lines:
        bold = {_flat(match["name"]) for match in _BOLD.finditer(line.raw)}
        texts = [match["name"] or match["link"] for match in _MARKED.finditer(line.raw)]
        for text in (*texts, *line.headings[-1:]):
            name = " ".join(text.split()).strip(",;:.")
            marked = name.casefold() in bold
            known = found.get(name.casefold())
            if known is not None and (known.marked or not marked):
                continue
            if _is_name(name) and claims.mentions(name) >= LEAST_NAMED and not claims.is_name(name):
                found[name.casefold()] = Term(name, line.text, line, document.path, document.title, marked)
    return list(found.values())


def _is_name(text: str) -> bool:
    words = text.split()
    return (
        is_term(text)
        and text[0].isalnum()
        and len(words) <= LONGEST_NAME
        and STOP_WORDS.isdisjoint(tokens(text))
        and (len(words) > 1 or text[1:] != text[1:].lower())
    )


def askable(terms: Iterable[Term], claims: Claims) -> list[str]:
    """Return the names of terms, the longest first.

    Single words that are common are left out, and names with a stop word inside: titles of books, mostly.
    """
    most = max(LEAST_NAMED, MOST_SHARE * len(claims.texts))
    names = {term.name.casefold(): term.name for term in terms}
    rare = [
        name
        for name in names.values()
        if (" " in name or claims.mentions(name) <= most) and STOP_WORDS.isdisjoint(tokens(name))
    ]
    return sorted(rare, key=len, reverse=True)


def sketches(
    document: Document,
    lines: Sequence[Line],
    names: Sequence[str],
    defined: Sequence[str],
    mentions: Callable[[str], int],
) -> list[Proposal]:
    """Return sentences with a gap in place of their key.

    That is a number with its unit, or one of `names` that is the subject of its sentence or in bold in it.
    Others are mentioned in passing, and so are those that other documents are about: `mentions` returns
    the number of sentences of all notes that have a name. `defined` are the document's own terms.
    """
    numbers = [one for one in number_proposals(document, lines, defined) if one.weight >= LEAST_MEASURED]
    found = {one.start: replace(one, topic=Topic.WRITTEN) for one in numbers}
    for line in lines:
        if line.start in found or not line.whole or is_personal(line.text):
            continue
        if is_negated(line.text) or ONE_OF.search(line.text):
            continue
        sketch = _named(document, line, names)
        if sketch is not None and (
            _is_bold(sketch.key, line) or _is_subject(sketch.key, document, line, lines, mentions)
        ):
            found[line.start] = sketch
    return list(found.values())


def subjects(drawn: Iterable[Proposal], known: Iterable[Term]) -> list[Term]:
    """Return the keys of sketches as terms with their sentences as definitions.

    Beside them a key is one of several things that the notes make statements about. `known` are left out.
    """
    seen = {term.name.casefold() for term in known}
    found: dict[str, Term] = {}
    for one in drawn:
        name = one.key.casefold()
        if one.unit or name in seen or name in found:
            continue
        text = one.text.replace(GAP, one.key)
        line = Line(text, text, one.start, one.end, one.headings, BlockKind.PARAGRAPH)
        found[name] = Term(one.key, text, line, one.document, "", False)
    return list(found.values())


def _named(document: Document, line: Line, names: Sequence[str]) -> Proposal | None:
    """Return the sentence with a gap for the longest name in it, None without one."""
    for name in names:
        place = _place(line.text, name)
        if place is None:
            continue
        start, end = place
        before = tokens(line.text[:start])
        subject = not before or (len(before) == 1 and before[0] in ARTICLES)
        marked = _is_bold(name, line)
        text = _IN_OTHER_WORDS.sub(GAP, f"{line.text[:start]}{GAP}{line.text[end:]}")
        rest = text.replace(GAP, " ")
        weight = _weight(text, subject and says_what_it_is(line.text), subject, marked)
        least = LEAST_OF_SUBJECT if weight == SUBJECT else LEAST_SAID
        given = leak(_spelled_out(name, names), _spelled_out(rest, names))
        if not weight or given > LEAKED or len(set(content_words(rest))) < least:
            return None
        lead = lead_of(line.headings)
        return Proposal(
            topic=Topic.WRITTEN,
            kind=ItemKind.CHOICE,
            anchor=text,
            lead=lead if leak(name, lead) == 0 else "",
            text=text,
            key=line.text[start:end],
            document=document.path,
            start=line.start,
            end=line.end,
            headings=line.headings,
            weight=weight,
        )
    return None


def _is_bold(name: str, line: Line) -> bool:
    return name.casefold() in {_flat(match["name"]) for match in _BOLD.finditer(line.raw)}


def _is_subject(
    name: str, document: Document, line: Line, lines: Sequence[Line], mentions: Callable[[str], int]
) -> bool:
    """Return whether a document is about a name.

    A title or heading has it, or several sentences, or half of those that all notes have about it.
    """
    if leak(name, " ".join((document.title, *line.headings))) > LEAKED:
        return True
    here = sum(name.casefold() in one.text.casefold() for one in lines)
    return here >= LEAST_NAMED or 2 * here >= mentions(name)


def _spelled_out(text: str, names: Sequence[str]) -> str:
    """Return a text with the names whose first letters are one of its abbreviations.

    "A type of SVM" gives "support vector regressor" away, beside choices without these words.
    """
    short = {word.casefold() for word in _WORD.findall(text) if word.isupper() and len(word) > 1}
    initials = ((name, "".join(word[0] for word in name.casefold().split())) for name in names)
    return " ".join((text, *(name for name, letters in initials if letters in short)))


def _weight(text: str, defines: bool, subject: bool, marked: bool) -> float:
    if defines or text.startswith(f"{GAP}:"):
        return DEFINED
    return MARKED if marked else SUBJECT if subject else 0.0


def _place(text: str, name: str) -> tuple[int, int] | None:
    """Return the one place of a name in a sentence, None for none or several."""
    start = text.casefold().find(name.casefold())
    end = start + len(name)
    if start < 0 or text.casefold().count(name.casefold()) != 1 or len(text.casefold()) != len(text):
        return None
    beside = text[start - 1 : start] + text[end : end + 1]
    return None if any(sign.isalnum() or sign in _JOINED for sign in beside) else (start, end)


def _flat(text: str) -> str:
    return " ".join(text.split()).strip(",;:.").casefold()
