"""Code by name or by topic: the whole function or cell, with its output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import dedent

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.code_blocks import Code, code_of
from rag.answer.code_names import has_initials, prose_words
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, coverage, stems, weights
from rag.answer.notes import documents_of
from rag.answer.texts import texts_for
from rag.types import AnswerKind, Hit

SCANNED_DOCUMENTS = 300
"""Documents of a library up to which all code is looked at. Of a larger one that of the documents found."""
FOUND_DOCUMENTS = 10
READ_CODES = 10
"""Pieces of code that the embedder reads."""
TOPIC_SCORE, SURE_SCORE = 2.2, 1.2
OUTPUT_LINES, MOST_CHARS = 15, 6000
MOST_VERSIONS = 3
"""Other definitions of a name that an answer mentions."""
LEAST_WORDS = 3
"""Words of a block of code that defines nothing, at least."""
_WORD = re.compile(r"\w+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def code_draft(asked: Asked) -> Draft | None:
    """Return the code that the question names or is about; None where there is none."""
    code = named_code(asked) or _topic_code(asked)
    if code is None:
        return None
    defined = [one for one in _used(code, asked) if code.text not in one.text]
    lines = [
        Line(_fenced(one.text, one.language), one.document, one.start, one.end) for one in (*defined, code)
    ]
    if code.output is not None:
        printed = asked.notes.document(code.document).text[slice(*code.output)]
        shown = "\n".join(printed.splitlines()[:OUTPUT_LINES])
        lines.append(Line(_fenced(shown, "text"), code.document, *code.output))
    return cited_draft(AnswerKind.CODE, [*lines, *_other_versions(code, asked)], asked.notes)


def named_code(asked: Asked) -> Code | None:
    """Return the definition that the question names.

    The name is in it as it is, in words, or is their initials. Of several the one whose headings and paragraph before it have most of the question's other words, then one with such a paragraph,
    then the one in the document found first.
    """
    codes = [one for one in _codes(asked) if one.name]
    exact = [one for one in codes if one.name.casefold() in _folded(asked.question)]
    found = _distinct(exact, asked)
    if not found and asked.sure:
        found = [
            one
            for one in codes
            if has_initials(one.name, asked.question, asked.notes.made(prose_words, one.document))
        ]
    if not found and not exact and asked.sure:
        asked_for = set(asked_stems(asked.question))
        spelled = [one for one in codes if set(stems(one.name.replace("_", " "))) <= asked_for]
        found = _distinct(spelled, asked)
    words = set(_WORD.findall(asked.question))
    wanted = set(asked_stems(asked.question))
    rank = {path: place for place, path in enumerate(documents_of(asked.hits, 99))}

    def order(one: Code) -> tuple[bool, bool, int, bool, int, int]:
        shared = len((wanted - set(stems(one.name))) & set(stems(one.about)))
        place = asked.question.find(one.name)
        return (
            "_" not in one.name,
            one.name not in words,
            -shared,
            not one.introduced,
            rank.get(one.document, 99),
            -place,
        )

    return min(found, key=order, default=None)


def _other_versions(code: Code, asked: Asked) -> list[Line]:
    """The other definitions of the same name that differ, one line each."""
    seen, lines = {_compared(code)}, []
    for one in _codes(asked) if code.name else ():
        if one.name == code.name and _compared(one) not in seen:
            seen.add(_compared(one))
            passage = asked.notes.passage(one.document, one.start, one.end)
            text = (
                f"{texts_for(asked.question).other_version} {passage.title or one.document} ({passage.label})"
            )
            lines.append(Line(text, one.document, one.start, one.end))
    return lines[:MOST_VERSIONS]


def _compared(code: Code) -> str:
    """A definition without white space and without the kind of its quotes."""
    return "".join(code.text.split()).replace("'", '"')


def _folded(question: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(question)}


def _distinct(codes: Sequence[Code], asked: Asked) -> list[Code]:
    """The definitions that a question means by their names.

    A plain word may be the name of a function and mean nothing of it, unless no prose of the notes has it.
    """
    others = len(asked_stems(asked.question)) - 1
    if asked.sure and others <= 1:
        return list(codes)
    paths = documents_of(asked.hits, 99)
    return [
        one
        for one in codes
        if not one.name.islower()
        or "_" in one.name
        or f"{one.name}(" in asked.question
        or ((asked.sure or others <= 1) and _only_code(one, paths, asked))
    ]


def _only_code(code: Code, paths: Sequence[str], asked: Asked) -> bool:
    """Return whether prose has a name as code alone, in its document and those found."""
    name = f" {code.name.casefold()} "
    return not any(name in asked.notes.made(prose_words, path) for path in {*paths, code.document})


def _used(code: Code, asked: Asked) -> list[Code]:
    """The function of the same document that a cell uses, nearest to the question."""
    if code.name:
        return []
    words = set(_WORD.findall(code.text))
    found = [one for one in asked.notes.made(code_of, code.document) if one.name in words]
    wanted = set(asked_stems(asked.question))
    return sorted(found, key=lambda one: -len(wanted & set(stems(one.name.replace("_", " ")))))[:1]


def _codes(asked: Asked) -> list[Code]:
    """The code of all documents inside the scope, or of those found."""
    records = asked.notes.records(asked.inside)
    paths = documents_of(asked.hits, FOUND_DOCUMENTS)
    if len(records) <= SCANNED_DOCUMENTS:
        paths += [record.path for record in records]
    else:
        for word in _WORD.findall(asked.question):
            if "_" in word or _CAMEL.search(word):
                paths += documents_of(asked.notes.search(word, 10, asked.inside), FOUND_DOCUMENTS)
    inside = {record.path for record in records}
    return [
        code for path in dict.fromkeys(paths) if path in inside for code in asked.notes.made(code_of, path)
    ]


def _topic_code(asked: Asked) -> Code | None:
    """The code nearest to the question by words, embedder and search.

    Printed text is chosen only where no code is near.
    """
    notes = asked.notes
    hits = notes.search(asked.question, 20, asked.inside)
    paths = documents_of(hits, FOUND_DOCUMENTS)
    codes = [
        one
        for path in paths
        for one in notes.made(code_of, path)
        if one.name or (asked.sure and len(one.text) <= MOST_CHARS and len(one.text.split()) >= LEAST_WORDS)
    ]
    programs = [one for one in codes if not one.printed]
    return _nearest(programs, asked, hits) or _nearest([one for one in codes if one.printed], asked, hits)


def _nearest(codes: Sequence[Code], asked: Asked, hits: Sequence[Hit]) -> Code | None:
    """The code nearest to the question, if it is near enough."""
    words = [set(stems(f"{one.about} {_CAMEL.sub(' ', one.text)}")) for one in codes]
    weight, folded = weights(asked_stems(asked.question), words), _folded(asked.question)
    rough = sorted(
        (
            (
                coverage(weight, here) + 0.7 * _place(one, hits) + 0.25 * _named(one, folded) + _size(one),
                place,
            )
            for place, (one, here) in enumerate(zip(codes, words, strict=True))
        ),
        key=lambda pair: -pair[0],
    )[:READ_CODES]
    near = [codes[place] for _, place in rough]
    texts = [f"{one.about[-200:]}\n{one.name.replace('_', ' ')}\n{one.text[:500]}" for one in near]
    cosines = asked.notes.similarities(asked.question, texts)
    scored = [(score + float(cosine), place) for (score, place), cosine in zip(rough, cosines, strict=True)]
    best = max(scored, default=(0.0, -1))
    return codes[best[1]] if best[0] >= (SURE_SCORE if asked.sure else TOPIC_SCORE) else None


def _named(code: Code, folded: set[str]) -> int:
    """2 for a definition whose name the question has, 1 for another, 0 for none."""
    return bool(code.name) + (code.name.casefold() in folded)


def _size(code: Code) -> float:
    """A little more for a longer block, up to ten lines."""
    return 0.015 * min(10, code.text.count("\n") + 1)


def _place(code: Code, hits: Sequence[Hit]) -> float:
    """The inverse place of the passage of a piece of code among the hits."""
    end = code.output[1] if code.output else code.end
    for rank, hit in enumerate(hits):
        if hit.chunk.document == code.document and hit.chunk.start < end and code.start < hit.chunk.end:
            return 1 / (1 + 0.3 * rank)
    return 0.0


def _fenced(code: str, language: str) -> str:
    return f"```{language}\n{dedent(code).strip(chr(10))}\n```"
