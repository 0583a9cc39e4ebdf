"""The documents that a question names by their place or their topic.

"The second lesson on rocks" is the second of the numbered parts of the folder that is named so; "the tides lecture" is the one document
whose title or file has the word.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from rag.answer.follow_up import LAST, ORDINALS
from rag.answer.matching import stems
from rag.answer.notes import Notes
from rag.answer.scope_in_words import (
    Named,
    distinct_title,
    in_order,
    labels_of,
    named_by_number,
    numbered_names,
    opens,
    unit_words,
)
from rag.library.rows import DocumentRecord
from rag.search.scope import Scope, lecture_numbers
from rag.text.stop_words import STOP_WORDS
from rag.text.words import stem, tokens
from rag.types import DocumentKind

LEAST_PARTS = 2
MOST_TOPIC_WORDS = 3
"""Words of a topic before or behind the word for a part of the notes."""


def named_part(question: str, notes: Notes, scope: Scope | None = None) -> Named | None:
    """Return the documents that a question names by number, place or topic."""
    records = notes.records(scope)
    units = _units(records)
    words = tokens(question)
    by_number = named_by_number(question, notes, scope)
    return (
        _by_place(words, records, units, by_number, notes, scope)
        or by_number
        or _by_topic(words, records, units)
    )


def _units(records: Sequence[DocumentRecord]) -> set[str]:
    """The words that the library numbers parts of its prose with."""
    prose = [record for record in records if record.kind is not DocumentKind.NOTEBOOK]
    return unit_words(labels_of(prose))


def _by_place(
    words: Sequence[str],
    records: Sequence[DocumentRecord],
    units: set[str],
    inside: Named | None,
    notes: Notes,
    scope: Scope | None,
) -> Named | None:
    """The n-th part of a group, or of the library where the question names no group."""
    for at, word in enumerate(words):
        unit_at = _unit_behind(words, at + 1, units) if word in ORDINALS else None
        if unit_at is None:
            continue
        place, unit = ORDINALS[word], stem(words[unit_at])
        topic, is_topic = [one for one in words[at + 1 : unit_at] if one not in STOP_WORDS], True
        if not topic:
            topic, is_topic = _topic_behind(words, unit_at)
        if inside is not None and len(inside.documents) >= LEAST_PARTS:
            members = [record for record in records if record.path in inside.documents]
            folder: str | None = posixpath.commonpath([posixpath.dirname(one.path) for one in members])
        else:
            folder = _group(topic, records)
        if folder is not None and (parts := _parts(folder, records, unit)):
            return _nth(parts, place, records)
        if is_topic and topic:
            return None
        numbers = {number for pairs in labels_of(records).values() for name, number in pairs if name == unit}
        if inside is None and unit in units and numbers:
            return named_by_number(f"{unit} {max(numbers) if place == LAST else place + 1}", notes, scope)
    return None


def _unit_behind(words: Sequence[str], start: int, units: set[str]) -> int | None:
    """The place of the word for a part, at most a topic behind an ordinal."""
    for at in range(start, min(len(words), start + MOST_TOPIC_WORDS + 1)):
        if stem(words[at]) in units or lecture_numbers(f"{stem(words[at])} 1"):
            return at
    return None


def _topic_behind(words: Sequence[str], unit_at: int) -> tuple[list[str], bool]:
    """The words behind that for a part: "on reading rocks", and if they are its topic.

    A word with content right behind it is a verb, as in "the first lecture says".
    """
    rest = list(words[unit_at + 1 :])
    small = 0
    while small < len(rest) and rest[small] in STOP_WORDS:
        small += 1
    end = small
    while end < len(rest) and rest[end] not in STOP_WORDS and end - small < MOST_TOPIC_WORDS:
        end += 1
    return rest[small:end], small > 0


def _group(topic: Sequence[str], records: Sequence[DocumentRecord]) -> str | None:
    """The one folder whose name or introduction's title has the words of a topic.

    At least half of the words are those of some folder; a folder has all of these.
    """
    names: dict[str, set[str]] = {}
    for record in records:
        folder = posixpath.dirname(record.path)
        while folder:
            names.setdefault(folder, set(stems(posixpath.basename(folder).replace("_", " "))))
            folder = posixpath.dirname(folder)
    for record in records:
        folder = posixpath.dirname(record.path)
        if folder and opens(record):
            names[folder] |= set(stems(record.title))
    asked = {stem(word) for word in topic}
    known = {word for word in asked if any(word in name for name in names.values())}
    if not known or 2 * len(known) < len(asked):
        return None
    found = [folder for folder, name in names.items() if known <= name]
    outer = [one for one in found if not any(one.startswith(f"{other}/") for other in found)]
    return outer[0] if len(outer) == 1 else None


def _parts(folder: str, records: Sequence[DocumentRecord], unit: str) -> list[list[DocumentRecord]]:
    """The documents of each numbered part of a folder, in order.

    Parts called by the question's word come before other numbered ones, and those of the folder before those of a folder in it.
    """
    inside = [one for one in records if one.path.startswith(f"{folder}/" if folder else "")]
    of_kind = [one for one in inside if stem(one.kind.value) == unit]
    inside = of_kind or inside
    below = {posixpath.dirname(one.path) for one in inside}
    folders = {folder} | {"/".join(one.split("/")[:n]) for one in below for n in range(1, one.count("/") + 2)}
    depths = sorted(
        (one for one in folders if one == folder or one.startswith(f"{folder}/" if folder else "")),
        key=lambda one: (stem(posixpath.basename(one).casefold()) != unit, one.count("/"), one),
    )
    for one in depths:
        parts = _numbered(one, inside, unit)
        if len(parts) >= LEAST_PARTS:
            return [in_order(part) for _, part in sorted(parts.items())]
    return []


def _numbered(folder: str, records: Sequence[DocumentRecord], unit: str) -> dict[int, list[DocumentRecord]]:
    """The documents of each number that a file or folder directly in a folder has."""
    called: dict[int, list[DocumentRecord]] = {}
    other: dict[int, list[DocumentRecord]] = {}
    start = len(folder) + bool(folder)
    for record in records:
        if record.path.startswith(f"{folder}/" if folder else ""):
            for word, number in numbered_names(record.path[start:].partition("/")[0]):
                (called if word == unit else other).setdefault(number, []).append(record)
    return called if len(called) >= LEAST_PARTS else other


def _nth(
    parts: Sequence[Sequence[DocumentRecord]], place: int, records: Sequence[DocumentRecord]
) -> Named | None:
    """The part at a place. Of a folder without parts of its own only what introduces it."""
    if place != LAST and place >= len(parts):
        return None
    part = parts[-1] if place == LAST else parts[place]
    folder = posixpath.dirname(part[0].path)
    if opens(part[0]) and not _parts(folder, records, ""):
        part = part[:1]
    return Named(tuple(one.path for one in part), distinct_title(part[0], records), True)


def _by_topic(words: Sequence[str], records: Sequence[DocumentRecord], units: set[str]) -> Named | None:
    """The one document that the words before that for a part name.

    "The history lesson" is the one whose title or file has the word.
    """
    if not any(stem(word) in units for word in words):
        return None
    names = {
        record.path: set(stems(f"{record.title} {_own_name(record.path, opens(record))}"))
        for record in records
    }
    for at, word in enumerate(words):
        if stem(word) not in units:
            continue
        before = at
        while before and words[before - 1] not in STOP_WORDS and at - before < MOST_TOPIC_WORDS:
            before -= 1
        topic = {stem(one) for one in words[before:at]}
        found = [one for one in records if topic and topic <= names[one.path]]
        openings = {posixpath.dirname(one.path) for one in found if opens(one)}
        found = [one for one in found if opens(one) or posixpath.dirname(one.path) not in openings]
        if len(found) == 1:
            return Named((found[0].path,), distinct_title(found[0], records), False, frozenset(topic))
    return None


def _own_name(path: str, is_opening: bool) -> str:
    """A file's name, the folder's for what introduces it."""
    folder, name = posixpath.split(posixpath.splitext(path)[0])
    return posixpath.basename(folder) if is_opening else name
