"""The text of an answer from selected statements, each a quote with its citation.

A table's row is written with the names of its columns ("Element: Gold; Density: 10.8"), code and lists as
blocks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType

from rag.answer.selected import Selected
from rag.text.table_cells import cells, with_names
from rag.types import Chunk, Citation, Sentence

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+.*$", re.MULTILINE)
_BLOCK = re.compile(r"^(?:\s*(?:[-*+•]|\d{1,3}[.)])\s|```|\s*\|)", re.MULTILINE)
_GAP = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
"""White space inside a line, as a tag leaves it."""


def quoted_sentences(
    chosen: Sequence[Selected], read: Sequence[Chunk], passages: Sequence[Chunk]
) -> tuple[Sentence, ...]:
    """Return a sentence for each selection; rows of tables get their columns' names.

    `read` are the passages as they are read, `passages` as their documents have them: a sentence without the tags
    inside it is not quoted word for word.
    """
    return tuple(_sentence(one, read[one.n - 1], passages[one.n - 1]) for one in chosen)


def quote_citations(chosen: Sequence[Selected], passages: Sequence[Chunk]) -> tuple[Citation, ...]:
    """Return a citation for each selection.

    Selections of one passage share its number.
    """
    return tuple(_citation(one, passages[one.n - 1]) for one in chosen)


def names_of_twins(chosen: Sequence[Selected], passages: Sequence[Chunk]) -> dict[int, str]:
    """Return a name for each passage whose file has the name of another one's.

    Two courses have a `syllabus.md` each, and both answer "When is the exam?". The name is the document's title, its
    folder where the titles are equal.
    """
    numbers = list(dict.fromkeys(one.n for one in chosen))
    paths = {n: PurePosixPath(passages[n - 1].document) for n in numbers}
    names = Counter(path.name.casefold() for path in dict.fromkeys(paths.values()))
    twins = [n for n in numbers if names[paths[n].name.casefold()] > 1]
    titles = {paths[n]: passages[n - 1].title for n in twins}
    alike = len(set(titles.values())) < len(titles)
    return {n: str(paths[n].parent) if alike else passages[n - 1].title for n in twins}


def quotes_text(sentences: Sequence[Sentence], names: Mapping[int, str] = MappingProxyType({})) -> str:
    """Return the sentences as one text, each followed by its `[n]`.

    A block (list, code, table) and a sentence of another passage than the one before begin a new paragraph, which
    begins with the name of its passage if that has one.
    """
    named = ""
    pieces: list[str] = []
    for place, sentence in enumerate(sentences):
        cited = "".join(f"[{n}]" for n in sentence.citations)
        block = bool(_BLOCK.search(sentence.text))
        if place:
            same = sentences[place - 1].citations == sentence.citations
            pieces.append("\n\n" if block or not same or _BLOCK.search(sentences[place - 1].text) else " ")
        name = names.get(sentence.citations[0], "") if sentence.citations else ""
        if name and name != named:
            pieces.append(f"**{name}**\n")
        named = name
        pieces.append(f"{sentence.text}{chr(10) if sentence.text.endswith('```') else ' '}{cited}")
    return "".join(pieces)


def _sentence(one: Selected, read: Chunk, passage: Chunk) -> Sentence:
    text = read.text[one.start : one.end]
    head = read.text[slice(*one.head)] if one.head is not None else _head_above(read, text)
    if head:
        row = _with_columns(head, text)
        if row:
            return Sentence(row, (one.n,), True, 1.0, "a row of a table with the names of its columns")
    shown = _HEADING.sub("", text).strip() or text
    if "```" not in shown and "|" not in shown:
        shown = _GAP.sub(" ", shown)
    verbatim = text.split() == passage.text[one.start : one.end].split()
    return Sentence(closed(shown), (one.n,), True, 1.0, "quoted from its passage", verbatim)


def _head_above(passage: Chunk, text: str) -> str:
    """Return the head of a table that the passage cuts: the last of its headings."""
    last = passage.headings[-1] if passage.headings else ""
    rows = all("|" in line for line in text.splitlines() if line.strip())
    return last if " | " in last and rows else ""


def _citation(one: Selected, passage: Chunk) -> Citation:
    quote = passage.text[one.start : one.end]
    start = passage.start + one.start
    return Citation(one.n, passage.document, passage.label, start, passage.start + one.end, quote)


def _with_columns(head: str, rows: str) -> str:
    """Return rows as `column: value; ...`, one a line.

    Empty where a row does not have as many cells as the head.
    """
    names = cells(head)
    lines = [cells(line) for line in rows.splitlines() if line.strip()]
    if not lines or any(len(row) != len(names) for row in lines):
        return ""
    return "\n".join(with_names(names, row) for row in lines)


def closed(text: str) -> str:
    """Return the text with its last fence closed: a passage may end inside code."""
    return text if text.count("```") % 2 == 0 else f"{text}\n```"
