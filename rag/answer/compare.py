"""Comparisons: both sides' statements, and aspect by aspect from a table."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.asked import Asked
from rag.answer.choose_structure import Ranked, ranked_structures
from rag.answer.cited_lines import Line, cited_draft, without_mark
from rag.answer.found import Draft
from rag.answer.matching import stems
from rag.answer.pair_scorer import PassageScore
from rag.answer.question_parts import sides_of
from rag.answer.readable import Reading
from rag.answer.scored_statements import scored_statements
from rag.answer.selected import Selected
from rag.answer.sentence_support import searchable
from rag.answer.statements import Statement, is_code_line
from rag.answer.structures import Item, Structure
from rag.answer.table_rows import place_of
from rag.text.stop_words import STOP_WORDS
from rag.text.table_cells import with_names
from rag.types import AnswerKind, Chunk, Hit

SIDE_STATEMENTS = 3
"""Statements quoted for one side at most."""
SEARCHED = 12
MOST_WORDS = 60
LEAST_NEWS = 2
"""Words with content that a statement has beside the names of the sides.

"This is offline evaluation" has none. This and the bonuses were chosen on half of the comparisons of `benchmarks.questions`.
"""
LEAST_HEADED = 0.05
"""Least evidence score of a statement that does not name its side.

Versions of libraries are under every title. Chosen, not measured.
"""
BESIDE = 0.3
"""Bonus of the other statements of the best one's passage, which go on about it."""
BOTH = 0.3
"""Bonus of a statement from a passage on both sides, which says how they differ."""
TABLE_SCORE = 1.2
BEST_SHARE = 0.4
"""Share of a side's best score from which another statement is quoted too."""


def comparison_draft(asked: Asked) -> Draft | None:
    """Return both sides' extracts under their names. None where the question has no two sides or the notes have neither."""
    pairs = sides_of(asked.question)[:3]
    tables = ranked_structures(asked.notes, asked.question, asked.hits, tables_only=True) if pairs else []
    for left, right in pairs:
        table = _shared_table(tables, left, right)
        one, other = _statements(asked, left, right), _statements(asked, right, left)
        if not (one or other or table):
            continue
        lines = _table_lines(table, left, right) if table else []
        lines += _side(left, one) + _side(right, other)
        missing = [name for name, found in ((left, one), (right, other)) if not found and not table]
        lead = f"Only one side is in the notes; nothing on {missing[0]}:" if missing else ""
        if missing and not (asked.sure and _is_named(left, right, one + other)):
            continue
        return cited_draft(AnswerKind.COMPARISON, lines, asked.notes, lead)
    return None


def _is_named(left: str, right: str, lines: Sequence[Line]) -> bool:
    """Return whether a line has all words of a side.

    Below a heading with them it may say anything.
    """
    words = [set(stems(line.text)) for line in lines]
    return any(_words(name) <= one for name in (left, right) for one in words)


def _side(name: str, lines: list[Line]) -> list[Line]:
    if not lines:
        return []
    first = lines[0]
    named = Line(first.text, first.document, first.start, first.end, f"\n**{name}**")
    return [named, *lines[1:]]


def _statements(asked: Asked, name: str, other: str) -> list[Line]:
    """The statements with a side's own words that answer best, best first."""
    notes = asked.notes
    own, theirs = _words(name), _words(other)
    needed = own - theirs or own
    names = tuple(stems(name)), tuple(stems(other))
    hits: list[Hit] = list(
        {hit.chunk.id: hit for hit in (*notes.search(name, SEARCHED, asked.inside), *asked.hits)}.values()
    )
    chunks = [hit.chunk for hit in hits][: SEARCHED + 4]
    near = [chunk for chunk in chunks if needed <= set(stems(searchable(chunk)))]
    scored = [
        one
        for n, (chunk, score) in enumerate(
            zip(near, notes.scorer.score(f"What is {name}?", near), strict=True), 1
        )
        for one in _scored(n, notes.reading(chunk), score, needed, theirs - own)
        if not _names_other(chunk.text[one.start : one.end], *names)
    ]
    if not scored:
        return []
    first = max(scored, key=lambda one: one.score)
    scored.sort(key=lambda one: (one is not first, -one.score - BESIDE * (one.n == first.n)))
    near_best = [one for one in scored if one.score >= BEST_SHARE * first.score]
    best = _apart(near_best)[:SIDE_STATEMENTS]
    best = sorted(best, key=lambda one: (one is not first, one.n, one.start))
    return [_line(near[one.n - 1], one) for one in best]


def _names_other(text: str, own: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether a text has the other side's whole name and not this side's.

    "The Nyquist frequency is half the sampling rate" is nothing on the Nyquist rate.
    """
    words = tuple(stems(text))

    def is_there(name: tuple[str, ...]) -> bool:
        return any(words[at : at + len(name)] == name for at in range(len(words) - len(name) + 1))

    return len(own) > 1 and is_there(other) and not is_there(own)


def _apart(statements: Sequence[Selected]) -> list[Selected]:
    """Return the statements without those that are part of another one.

    A sentence that leans on the one before has it in its span.
    """
    return [
        one
        for one in statements
        if not any(
            other is not one
            and other.n == one.n
            and other.start <= one.start
            and one.end <= other.end
            and (other.start, other.end) != (one.start, one.end)
            for other in statements
        )
    ]


def _scored(
    n: int, reading: Reading, score: PassageScore, needed: set[str], theirs: set[str]
) -> list[Selected]:
    """A passage's statements about a side. Under a heading with its name, those that do not name it as well."""
    chunk = reading.chunk
    headed = needed <= set(stems(" ".join((*chunk.headings[-1:], chunk.title if not chunk.headings else ""))))
    both = bool(theirs) and (needed | theirs) <= set(stems(searchable(chunk)))
    found = []
    for answers, one in scored_statements(chunk, score):
        text = chunk.text[one.first : one.last]
        words = set(stems(text))
        if len({word for word in words - needed - theirs if word not in STOP_WORDS}) < LEAST_NEWS:
            continue
        if (
            (not needed <= words and not (headed and answers >= LEAST_HEADED))
            or len(text.split()) > MOST_WORDS
            or _is_code(reading, one)
        ):
            continue
        value = answers + 0.3 * (needed <= words) + 0.2 * headed - 0.1 * bool(theirs & words) + BOTH * both
        found.append(Selected(n, one.first, one.last, value, one.head))
    return found


def _is_code(reading: Reading, one: Statement) -> bool:
    """Return whether a statement is code or printed, which only uses what is compared."""
    text = reading.chunk.text[one.first : one.last]
    return reading.is_machine_text(one.start, one.end) or text.startswith("```") or is_code_line(text)


def _line(chunk: Chunk, one: Selected) -> Line:
    text = " ".join(chunk.text[one.start : one.end].split())
    return Line(without_mark(text), chunk.document, chunk.start + one.start, chunk.start + one.end)


def _shared_table(tables: Sequence[Ranked], left: str, right: str) -> Structure | None:
    """The nearest table that has both sides, as two columns or as two rows."""
    for one in tables:
        if one.score >= TABLE_SCORE and (
            _columns(one.structure, left, right) or _rows(one.structure, left, right)
        ):
            return one.structure
    return None


def _table_lines(table: Structure, left: str, right: str) -> list[Line]:
    columns = _columns(table, left, right)
    names = [table.head[place] for place in columns] if columns else []
    lines = []
    for item in table.items if columns else _rows(table, left, right):
        if columns and max(columns) >= len(item.cells):
            continue
        cells = [item.cells[place] for place in columns] if columns else list(item.cells[1:])
        heads = names if columns else list(table.head[1:])
        lines.append(
            Line(f"{item.cells[0]} - {with_names(heads, cells)}", table.document, item.start, item.end)
        )
    head = f"**{place_of(table)}**"
    return [
        Line(one.text, one.document, one.start, one.end, "" if place else head)
        for place, one in enumerate(lines)
    ]


def _columns(table: Structure, left: str, right: str) -> list[int]:
    """The columns of both sides; empty where one has none or both have the same."""
    heads = [set(stems(name)) for name in table.head]
    return _two(heads, left, right)


def _rows(table: Structure, left: str, right: str) -> list[Item]:
    places = _two([set(stems(item.cells[0])) for item in table.items], left, right)
    return [table.items[place] for place in places]


def _two(names: Sequence[set[str]], left: str, right: str) -> list[int]:
    one, other = _words(left), _words(right)
    first = [place for place, words in enumerate(names) if words & (one - other)]
    second = [place for place, words in enumerate(names) if words & (other - one)]
    return [first[0], second[0]] if first and second and first[0] != second[0] else []


def _words(name: str) -> set[str]:
    return {word for word in stems(name) if word not in STOP_WORDS or len(word) == 1}
