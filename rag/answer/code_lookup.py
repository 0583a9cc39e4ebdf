"""Code by name or by topic: the whole function or cell, with its output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import dedent

from rag.answer.asked import Asked
from rag.answer.cited_lines import Line, cited_draft
from rag.answer.code_blocks import Code, code_of
from rag.answer.found import Draft
from rag.answer.matching import asked_stems, coverage, stems, weights
from rag.answer.notes import documents_of
from rag.types import AnswerKind, Hit

SCANNED_DOCUMENTS = 300
"""Documents of a library up to which all code is looked at. Of a larger one that of the documents found."""
FOUND_DOCUMENTS = 10
READ_CODES = 10
"""Pieces of code that the embedder reads."""
TOPIC_SCORE, SURE_SCORE = 2.2, 1.2
OUTPUT_LINES, MOST_CHARS = 15, 6000
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
    return cited_draft(AnswerKind.CODE, lines, asked.notes)


def named_code(asked: Asked) -> Code | None:
    """Return the definition whose name the question has. Of several the one in the document found first."""
    words = set(_WORD.findall(asked.question))
    folded = {word.casefold() for word in words}
    codes = [one for one in _codes(asked) if one.name]
    found = [one for one in codes if one.name.casefold() in folded]
    if not found and asked.sure:
        asked_for = set(asked_stems(asked.question))
        found = [one for one in codes if set(stems(one.name.replace("_", " "))) <= asked_for]
    plain = {one.name for one in found if one.name in words}
    others = len(asked_stems(asked.question)) - 1
    if not asked.sure or others > 1:  # a plain word may be the name of a function and mean nothing of it
        found = [
            one
            for one in found
            if not one.name.islower() or "_" in one.name or f"{one.name}(" in asked.question
        ]
    rank = {path: place for place, path in enumerate(documents_of(asked.hits, 99))}
    order = {one.name: asked.question.find(one.name) for one in found}
    return min(
        found,
        key=lambda one: (
            "_" not in one.name,
            one.name not in plain,
            rank.get(one.document, 99),
            -order[one.name],
        ),
        default=None,
    )


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
    """The code nearest to the question by words, embedder and search."""
    notes = asked.notes
    hits = notes.search(asked.question, 20, asked.inside)
    paths = documents_of(hits, FOUND_DOCUMENTS)
    codes = [
        one
        for path in paths
        for one in notes.made(code_of, path)
        if one.name or (asked.sure and len(one.text) <= MOST_CHARS and len(one.text.split()) >= LEAST_WORDS)
    ]
    words = [set(stems(f"{one.about} {_CAMEL.sub(' ', one.text)}")) for one in codes]
    weight = weights(asked_stems(asked.question), words)
    rough = sorted(
        (
            (coverage(weight, here) + 0.7 * _place(one, hits) + 0.25 * bool(one.name) + _size(one), place)
            for place, (one, here) in enumerate(zip(codes, words, strict=True))
        ),
        key=lambda pair: -pair[0],
    )[:READ_CODES]
    near = [codes[place] for _, place in rough]
    texts = [f"{one.about[-200:]}\n{one.name.replace('_', ' ')}\n{one.text[:500]}" for one in near]
    cosines = notes.similarities(asked.question, texts)
    scored = [(score + float(cosine), place) for (score, place), cosine in zip(rough, cosines, strict=True)]
    best = max(scored, default=(0.0, -1))
    return codes[best[1]] if best[0] >= (SURE_SCORE if asked.sure else TOPIC_SCORE) else None


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
