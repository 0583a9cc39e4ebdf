"""The documents that a question names: "lecture 3", "the security lecture".

Numbers are matched with the words that the library's own titles, files and folders use, so no list of such words is needed;
a table or list that links numbered rows to documents ("09 | ... | link") names them too.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.answer.matching import asked_stems, coverage, number_of, stems, weights
from rag.answer.notes import Notes
from rag.library.rows import DocumentRecord
from rag.search.scope import Scope, lecture_numbers
from rag.text.stop_words import STOP_WORDS
from rag.text.words import stem, tokens
from rag.types import BlockKind, DocumentKind, NamedPart

Pair = tuple[str, int]
_NUMBERED = re.compile(r"([^\W\d_]{2,})[\s._-]{0,3}0*(\d{1,3})(?!\d)")
_LEADING = re.compile(r"0*(\d{1,3})(?=[-_ .]|$)")
_WORD = re.compile(r"\w+")
_DECIMAL = re.compile(r"\d+[.,]\d+")
_ROW_LINK = re.compile(r"\]\(([^)\s#?]+)")
NAMED_COVERAGE = 0.6
"""Least share of the question's weight in the name of a document."""
COMMON, LEAST_OTHERS = 0.2, 3
"""Share of the passages with a common word, and words of a title that has others.

Chosen, not measured.
"""
FOUND_BONUS = 0.3
"""Bonus of the best document of the search, half of it for the second."""
_LOOKED_AT = 5
"""Passages in which a numbered thing is looked for that no name has. Chosen, not measured."""
_OPENERS = ("readme", "index", "syllabus", "overview")
"""Names of the file that introduces its folder."""


@dataclass(frozen=True, slots=True)
class Named:
    """Documents that a question names, best first. `numbered` where it did so by a number or a file's whole name."""

    documents: tuple[str, ...]
    label: str
    numbered: bool
    words: frozenset[str] = frozenset()

    def scope(self) -> Scope:
        """Return the scope of exactly these documents."""
        return Scope(documents=tuple(f"/{path}" for path in self.documents))

    def part(self) -> NamedPart:
        """Return the part of the notes as an answer shows it."""
        return NamedPart(self.label, self.documents)


def named_by_number(question: str, notes: Notes, scope: Scope | None = None) -> Named | None:
    """Return the documents named by a number or by the whole name of a file."""
    records = notes.records(scope)
    if whole := _whole_names(question, records):
        return whole
    labels = labels_of(records)
    known = {word for pairs in labels.values() for word, _ in pairs if word}
    inside: set[str] | None = None
    used: set[str] = set()
    for word, number in _pairs(question):
        paths = {path for path, pairs in labels.items() if (word, number) in pairs}
        if not paths:
            paths = _linked(notes, records, word, number)
        if not paths and word not in known and lecture_numbers(f"{word} {number}"):
            paths = {path for path, pairs in labels.items() if ("", number) in pairs}
            paths = set() if _is_called_so(notes, word, number, paths, scope) else paths
        if paths:
            inside = paths if inside is None or not inside & paths else inside & paths
            used |= {word, str(number)}
    if not inside:
        return None
    ordered = in_order([record for record in records if record.path in inside])
    label = distinct_title(ordered[0], records)
    return Named(tuple(record.path for record in ordered), label, True, frozenset(used))


def named_by_title(
    question: str, notes: Notes, scope: Scope | None = None, found: Sequence[str] = ()
) -> Named | None:
    """Return the document named by words of its title, file or folder.

    The words of a question are weighed by how few names have them; kinds of documents ("slides", "notebook") count as words.
    Documents that the search `found`, best first, are preferred.
    """
    records = notes.records(scope)
    names = {record.path: _name_words(record) for record in records}
    units = unit_words(labels_of(records))
    asked = [word for word in asked_stems(question) if word not in units]
    weight = weights(asked, list(names.values()))
    if not weight:
        return None
    place = {path: FOUND_BONUS / (1 + rank) for rank, path in enumerate(found)}

    def score(one: DocumentRecord) -> float:
        return _name_score(one, names[one.path], weight, question, units) + 0.3 * place.get(one.path, 0.0)

    best = min(records, key=lambda one: (-score(one), one.path.count("/"), one.path))
    share = coverage(weight, names[best.path]) + place.get(best.path, 0.0)
    words = frozenset(weight) & frozenset(names[best.path])
    if share < NAMED_COVERAGE or (
        len(words) == 1 and in_passing(next(iter(words)), question, [best], units, notes)
    ):
        return None
    return Named((best.path,), best.title, False, words)


def in_passing(
    word: str, question: str, records: Sequence[DocumentRecord], units: set[str], notes: Notes
) -> bool:
    """Return whether names have a common word of a question among others only.

    "The course" does not name "Videos of the course". A word is common that every fifth passage has. A whole folder or
    file name is no mention in passing. `word` is a stem, `units` are those that number the parts of the notes.
    """
    for record in records:
        parts = posixpath.splitext(record.path)[0].split("/")
        title = {one for one in stems(record.title) if one not in units | STOP_WORDS and not one.isdecimal()}
        if {word} in [{one for one in stems(part) if not one.isdecimal()} for part in parts]:
            return False
        if word in title and len(title) < LEAST_OTHERS:
            return False
    return any(stem(each) == word and notes.share_of_passages(each) > COMMON for each in tokens(question))


def labels_of(records: Sequence[DocumentRecord]) -> dict[str, set[Pair]]:
    """Return the (word, number) pairs of each document's title, file and folders. The word is "" where there is only a number.

    A folder whose first file is titled "Module 3: ..." and that begins with that number is module 3 with all that is in it.
    """
    found: dict[str, set[Pair]] = {}
    folders: dict[str, set[Pair]] = {}
    for record in records:
        pairs = _titled(record.title)
        folder = posixpath.dirname(record.path)
        leading = _LEADING.match(posixpath.basename(folder))
        if leading and opens(record):
            folders[folder] = {pair for pair in pairs if pair[1] == int(leading[1])}
        found[record.path] = pairs | _path_pairs(record.path)
    for path, pairs in found.items():
        for folder, inherited in folders.items():
            if path.startswith(folder + "/"):
                pairs.update(inherited)
    return found


def distinct_title(record: DocumentRecord, records: Sequence[DocumentRecord]) -> str:
    """Return a document's title, with its folder where others have the same."""
    folder = posixpath.basename(posixpath.dirname(record.path))
    same = sum(other.title == record.title for other in records)
    return f"{folder} - {record.title}" if folder and same > 1 else record.title


def unit_words(labels: dict[str, set[Pair]]) -> set[str]:
    """Return the words that the library numbers its parts with."""
    numbers: dict[str, set[int]] = {}
    for pairs in labels.values():
        for word, number in pairs:
            numbers.setdefault(word, set()).add(number)
    return {word for word, found in numbers.items() if word and len(found) > 1}


def _titled(title: str) -> set[Pair]:
    match = _NUMBERED.match(title.strip())
    return {(stem(match[1].casefold()), int(match[2]))} if match else set()


def numbered_names(part: str) -> set[Pair]:
    """Return the numbers of the name of a file or folder, each with its word.

    The word is "" where the name begins with the number.
    """
    pairs = {(stem(m[1].casefold()), int(m[2])) for m in _NUMBERED.finditer(part)}
    leading = _LEADING.match(part)
    return pairs | ({("", int(leading[1]))} if leading else set())


def _path_pairs(path: str) -> set[Pair]:
    parts = posixpath.splitext(path)[0].split("/")
    pairs: set[Pair] = set()
    for place, part in enumerate(parts):
        above = parts[place - 1] if place else ""
        named = stem(above.casefold()) if above.isalpha() else ""
        pairs |= {(word or named, number) for word, number in numbered_names(part)}
    return pairs


def _is_called_so(notes: Notes, word: str, number: int, paths: set[str], scope: Scope | None) -> bool:
    """Return whether a document that is not numbered so has the word and number.

    "01-setup.md" is not session 1 where a timetable lists "Session 1".
    """
    return bool(paths) and any(
        (word, number) in _pairs(hit.chunk.text) and hit.chunk.document not in paths
        for hit in notes.search(f"{word} {number}", _LOOKED_AT, scope)
    )


def _linked(notes: Notes, records: Sequence[DocumentRecord], word: str, number: int) -> set[str]:
    """The documents that a numbered row of a table links to."""
    paths = {record.path for record in records}
    found: set[str] = set()
    for record in records:
        if not opens(record):
            continue
        document = notes.document(record.path)
        for block in document.blocks:
            if block.kind is not BlockKind.TABLE:
                continue
            lines = document.text[block.start : block.end].splitlines()
            if word not in stems(lines[0]):
                continue
            for line in lines[1:]:
                if number_of(line.strip("| ").split("|")[0].strip()) == number:
                    base = posixpath.dirname(record.path)
                    links = {
                        posixpath.normpath(posixpath.join(base, link)) for link in _ROW_LINK.findall(line)
                    }
                    found |= links & paths
    return found


def _whole_names(question: str, records: Sequence[DocumentRecord]) -> Named | None:
    """The documents whose path, or else file name, is whole in the question."""
    folded = question.casefold()
    if paths := [record for record in records if "/" in record.path and record.path.casefold() in folded]:
        return Named(tuple(record.path for record in paths), paths[0].title, True)
    found = [r for r in records if "." in (name := posixpath.basename(r.path).casefold()) and name in folded]
    return Named(tuple(r.path for r in found), found[0].title, True) if found else None


def _pairs(question: str) -> Iterable[Pair]:
    """Words with the number behind them, or before them as in "3rd lecture"."""
    words = _WORD.findall(_DECIMAL.sub(" ", question.replace("_", " ")))
    for place, word in enumerate(words):
        if (number := number_of(word)) is not None and place and words[place - 1].isalpha():
            before = stem(words[place - 1].casefold())
            if before not in STOP_WORDS:
                yield before, number
        elif (ordinal := re.fullmatch(r"0*(\d{1,3})\.?(?:st|nd|rd|th|er?|te|º|ª)", word)) and place + 1 < len(
            words
        ):
            yield stem(words[place + 1].casefold()), int(ordinal[1])


def opens(record: DocumentRecord) -> bool:
    """Return whether a document introduces its folder."""
    return is_opening(record.path)


def is_opening(path: str) -> bool:
    """Return whether a file is named as one that introduces its folder."""
    return posixpath.splitext(posixpath.basename(path))[0].casefold() in _OPENERS


def in_order(records: Sequence[DocumentRecord]) -> list[DocumentRecord]:
    """Return opening documents first, then those nearer to the top, notebooks last."""
    return sorted(
        records,
        key=lambda one: (one.path.count("/") - opens(one), one.kind is DocumentKind.NOTEBOOK, one.path),
    )


def _name_words(record: DocumentRecord) -> set[str]:
    kind = {stem(record.kind.value)}
    return set(stems(f"{record.title} {posixpath.splitext(record.path)[0].replace('/', ' ')}")) | kind


def _name_score(
    record: DocumentRecord, words: set[str], weight: dict[str, float], question: str, units: set[str]
) -> float:
    """Coverage of the question by a name, then of the title by the question. Folders alone and notebooks count less."""
    title = set(stems(record.title))
    asked = set(stems(question))
    own = set(stems(posixpath.splitext(posixpath.basename(record.path))[0])) | title
    unit = bool(asked & units & words)
    notebook = record.kind is DocumentKind.NOTEBOOK and stem("notebook") not in asked
    return (
        coverage(weight, words)
        + 0.3 * coverage(weight, own)
        + 0.3 * len(title & asked) / max(1, len(title))
        + 0.15 * unit
        + 0.1 * opens(record)
        - 0.2 * notebook
        - 0.05 * record.path.count("/")
    )
